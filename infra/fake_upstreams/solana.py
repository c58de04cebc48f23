"""Solana for the sample upstream, told as its nodes do: https://solana.com/docs/rpc"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from infra.fake_upstreams.account_chains import Event, World, made_up
from infra.fake_upstreams.answer import Answer, as_json

Json = dict[str, Any]

# Made up: hashes of texts, which are no known keys.
ADDRESS = 'CdVmUu4978YVwc6Ys8DYSFjqNep6hinbj5Jc4Z9BE6CJ'
STRANGER = 'G123HTwY3qHGG4o3RBDi6MddKHSQwfivdEq95jYAXvod'
SYSTEM = '11111111111111111111111111111111'
_RICH = 10**18
_NO_CONFIG: Json = {}


def tell_node(world: World, path: list[str], query: Mapping[str, str], body: Any) -> Answer:
    """Answer a question, or each of a batch of them, with status 200 in any case."""
    if isinstance(body, list):
        return as_json([_answer(world, question) for question in body])
    return as_json(_answer(world, body))


def signature(event: Event) -> str:
    """Return a transaction's hash in the digits of Base58."""
    return event.reference.replace('0', 'z')


def _answer(world: World, question: Json) -> Json:
    return {'jsonrpc': '2.0', 'id': question['id'], **_result(world, question['method'], *question['params'])}


def _result(world: World, method: str, subject: str = '', config: Json = _NO_CONFIG) -> Json:
    if method == 'getFirstAvailableBlock':
        return {'result': 0}
    if config.get('commitment') != 'finalized':
        return {'error': {'code': -32602, 'message': 'not in the sample'}}
    match method:
        case 'getBalance':
            return {'result': {'context': {'slot': 400_000_000}, 'value': world.balance(subject)}}
        case 'getSignaturesForAddress':
            return {'result': _signatures(world, subject, config)}
        case 'getTransaction':
            places = [(address, place) for address, events in world.histories.items() for place, event in enumerate(events)]
            told = [_transaction(world, *found) for found in places if signature(world.of(found[0])[found[1]]) == subject]
            return {'result': told[0] if told else None}
    return {'error': {'code': -32601, 'message': 'Method not found'}}


def _signatures(world: World, address: str, config: Json) -> list[Json]:
    """Return a page; like a node's, it is empty where the signature to go on from is unknown."""
    events = world.of(address)
    known = [signature(event) for event in events]
    before = config.get('before')
    start = (known.index(before) + 1 if before in known else len(known)) if before else 0
    return [
        {
            'signature': signature(event),
            'slot': event.height,
            'blockTime': event.time,
            'err': _err(event),
            'confirmationStatus': 'finalized',
        }
        for event in events[start : start + min(config['limit'], 1_000, world.page)]
    ]


def _err(event: Event) -> Json | None:
    return {'InstructionError': [0, {'Custom': 1}]} if event.failed else None


def _transaction(world: World, address: str, place: int) -> Json:
    event = world.of(address)[place]
    before = sum(older.delta for older in world.of(address)[place + 1 :])
    keys, writable, readonly = _keys(event, address)
    every = [*keys, *writable, *readonly]
    return {
        'slot': event.height,
        'blockTime': event.time,
        'version': 0 if writable or readonly else 'legacy',
        'transaction': {'signatures': [signature(event)], 'message': {'accountKeys': keys}},
        'meta': {
            'err': _err(event),
            'fee': event.fee or 5_000,
            'preBalances': [before if key == address else _RICH for key in every],
            'postBalances': [before + event.delta if key == address else _RICH - 5_000 for key in every],
            'loadedAddresses': {'writable': writable, 'readonly': readonly},
        },
    }


def _keys(event: Event, address: str) -> tuple[list[str], list[str], list[str]]:
    """Return who takes part: who pays comes first, others by name or out of a table, to write or only to read."""
    if event.fee:
        return [address, STRANGER, SYSTEM], [], []
    if event.height % 2:
        return [STRANGER, SYSTEM, address], [], []
    return ([STRANGER, SYSTEM], [address], []) if event.delta else ([STRANGER], [SYSTEM], [address])


SAMPLE = World({ADDRESS: made_up('sol', unit=10**9, fee=5_000, first_height=239_400_000, seconds=1)})
POSTED: Mapping[str, Callable[[list[str], Mapping[str, str], Any], Answer]] = {
    'solana': partial(tell_node, SAMPLE),
    'publicnode_sol': partial(tell_node, SAMPLE),
}
