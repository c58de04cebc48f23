"""The XRP Ledger for the sample upstream, told as rippled does: https://xrpl.org/docs/references/http-websocket-apis"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from infra.fake_upstreams.account_chains import Event, World, made_up
from infra.fake_upstreams.answer import Answer, as_json

Json = dict[str, Any]

# Made up: hashes of texts, which are no hashes of any known key.
ADDRESS = 'r9M2XekGBoLCQ7FDDft86mnunj2LB6eUXU'
STRANGER = 'rMKTvCFJQz6u7jqR13Wfru3cfegmuRDCQG'
_EPOCH = 946_684_800
_TIP = 90_000_000


def tell_rippled(world: World, path: list[str], query: Mapping[str, str], body: Any) -> Answer:
    """Answer a method of JSON-RPC, errors too, with status 200."""
    params = body['params'][0]
    address = params['account']
    if not address.startswith('r'):
        return _error('actMalformed')
    if body['method'] == 'account_tx':
        return _told(_page(world, address, params))
    if not world.balance(address):
        return _error('actNotFound')
    data = {'Account': address, 'Balance': str(world.balance(address)), 'LedgerEntryType': 'AccountRoot'}
    return _told({'account_data': data, 'ledger_index': _TIP, 'validated': True})


def _told(result: Json) -> Answer:
    return as_json({'result': {**result, 'status': 'success'}})


def _error(code: str) -> Answer:
    return as_json({'result': {'error': code, 'status': 'error', 'validated': True}})


def _page(world: World, address: str, params: Json) -> Json:
    """Return a page; a marker is of the first transaction of the next one, by its place in the ledger."""
    events = world.of(address)
    start = params['marker']['seq'] if 'marker' in params else 0
    end = start + min(params['limit'], 200, world.page)
    rows = [_row(world, address, place) for place in range(start, min(end, len(events)))]
    marker = {'marker': {'ledger': events[end].height, 'seq': end}} if end < len(events) else {}
    return {'account': address, 'ledger_index_min': 32_570, 'ledger_index_max': _TIP, 'transactions': rows, 'validated': True, **marker}


def _row(world: World, address: str, place: int) -> Json:
    event = world.of(address)[place]
    before = sum(older.delta for older in world.of(address)[place + 1 :])
    sender, receiver = (address, STRANGER) if event.fee else (STRANGER, address)
    txn = {
        'Account': sender,
        'Destination': receiver,
        'TransactionType': 'Payment',
        'Amount': str(abs(event.delta + event.fee)),
        'Fee': str(event.fee or 12),
        'date': event.time - _EPOCH,
        'hash': event.reference.upper(),
        'ledger_index': event.height,
    }
    result = 'tecPATH_DRY' if event.failed else 'tesSUCCESS'
    nodes = [_other_line(), _root(address, before, event)]
    return {'tx': txn, 'meta': {'AffectedNodes': nodes, 'TransactionResult': result}, 'validated': True}


def _other_line() -> Json:
    """Return what most transactions touch besides accounts."""
    return {'ModifiedNode': {'LedgerEntryType': 'DirectoryNode', 'LedgerIndex': '0' * 64}}


def _root(address: str, before: int, event: Event) -> Json:
    after = before + event.delta
    node: Json = {'LedgerEntryType': 'AccountRoot', 'LedgerIndex': '1' * 64}
    if not before:
        return {'CreatedNode': {**node, 'NewFields': {'Account': address, 'Balance': str(after), 'Sequence': 1}}}
    previous = {'Balance': str(before)} if event.delta else {}
    fields = {'FinalFields': {'Account': address, 'Balance': str(after), 'OwnerCount': 0}, 'PreviousFields': {**previous, 'Sequence': 1}}
    return {'ModifiedNode' if after else 'DeletedNode': {**node, **fields}}


SAMPLE = World({ADDRESS: made_up('xrp', unit=10**6, fee=12, first_height=84_900_000, seconds=4)})
POSTED: Mapping[str, Callable[[list[str], Mapping[str, str], Any], Answer]] = {
    'xrplcluster': partial(tell_rippled, SAMPLE),
    'ripple': partial(tell_rippled, SAMPLE),
}
