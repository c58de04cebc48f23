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
TOKENS = (
    '524C555344000000000000000000000000000000.rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De',
    '5553444300000000000000000000000000000000.rGm7WCVp9gb4jZHWTEtGUr4dd74z2XuWhE',
)
_DECIMALS = 15
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
    if body['method'] == 'account_lines' and params['ledger_index'] == _TIP:
        lines = [*_lines(world, address), {'account': STRANGER, 'currency': 'USD', 'balance': '-17.5', 'limit': '0'}]
        start = params.get('marker', 0)
        more = {'marker': start + 2} if start + 2 < len(lines) else {}  # a page is short, as it may be on any server
        return _told({'account': address, 'lines': lines[start : start + 2], 'validated': True, **more})
    data = {
        'Account': address,
        'Balance': str(world.balance(address)),
        'LedgerEntryType': 'AccountRoot',
        'OwnerCount': len(world.held(address)),
    }
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
    held = World({address: world.of(address)[place + 1 :]}, tokens=world.tokens).held(address)
    lines = [
        _line(address, token, held.get(token, 0), held.get(token, 0) + units, is_low=token == TOKENS[0])
        for token, units in world.changes(event).items()
    ]
    nodes = [_other_line(), *lines, _root(address, before, event)]
    return {'tx': txn, 'meta': {'AffectedNodes': nodes, 'TransactionResult': result}, 'validated': True}


def value(units: int) -> str:
    """Return an amount as rippled writes it: of small and large ones the digits and an exponent."""
    if units and not units % 10**_DECIMALS:
        return str(units // 10**_DECIMALS)
    digits, exponent = str(units), -_DECIMALS
    while digits.endswith('0') and digits != '0':
        digits, exponent = digits[:-1], exponent + 1
    return f'{digits}e{exponent}' if units else '0'


def _lines(world: World, address: str) -> list[Json]:
    lines = []
    for token, units in world.held(address).items():
        code, issuer = token.split('.')
        lines.append({'account': issuer, 'currency': code, 'balance': value(units), 'limit': '1000000000'})
    return lines


def _line(address: str, token: str, before: int, after: int, *, is_low: bool) -> Json:
    """Return the node of a trust line that changes, or of one made or removed for it; its balance is told as the low account sees it."""
    code, issuer = token.split('.')
    sign = 1 if is_low else -1

    def balance(units: int) -> Json:
        return {'Balance': {'currency': code, 'issuer': 'rrrrrrrrrrrrrrrrrrrrBZbvji', 'value': value(sign * units)}}

    low, high = (address, issuer) if is_low else (issuer, address)
    limits = {'LowLimit': {'currency': code, 'issuer': low}, 'HighLimit': {'currency': code, 'issuer': high}}
    node: Json = {'LedgerEntryType': 'RippleState', 'LedgerIndex': '2' * 64}
    if not before:
        return {'CreatedNode': {**node, 'NewFields': {**limits, **balance(after)}}}
    fields = {'FinalFields': {**limits, **balance(after)}, 'PreviousFields': balance(before)}
    return {'ModifiedNode' if after else 'DeletedNode': {**node, **fields}}


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


SAMPLE = World({ADDRESS: made_up('xrp', unit=10**6, fee=12, first_height=84_900_000, seconds=4, token_unit=10**15)}, tokens=TOKENS)
POSTED: Mapping[str, Callable[[list[str], Mapping[str, str], Any], Answer]] = {
    'xrplcluster': partial(tell_rippled, SAMPLE),
    'ripple': partial(tell_rippled, SAMPLE),
}
