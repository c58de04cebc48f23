"""Solana for the sample upstream, told as its nodes do: https://solana.com/docs/rpc"""

import base64
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from infra.fake_upstreams.account_chains import Event, World, made_up
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.bitcoin_chain import BASE58

Json = dict[str, Any]

# Made up: hashes of texts, which are no known keys.
ADDRESS = 'CdVmUu4978YVwc6Ys8DYSFjqNep6hinbj5Jc4Z9BE6CJ'
STRANGER = 'G123HTwY3qHGG4o3RBDi6MddKHSQwfivdEq95jYAXvod'
SYSTEM = '11111111111111111111111111111111'
USDC = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v'
PYUSD = '2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo'
TOKENS = (USDC, PYUSD)
PROGRAMS = {
    'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA': (USDC,),
    'TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb': (PYUSD,),
}
# Where the address holds tokens: in the account that is derived from both, which is closed when it is empty, and in another one.
ACCOUNTS = {USDC: 'qw7yGJcB3X3h7TeSockkZqrv8frMG8dv1QvhpWCjZxP', PYUSD: '6BoTpxffxk9AX936wpsLxcwtHx3q8YArZbwNHUcmfcXj'}
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


def _result(world: World, method: str, subject: str = '', config: Json = _NO_CONFIG, form: Json = _NO_CONFIG) -> Json:
    if method == 'getTokenAccountsByOwner' and form.get('encoding') == 'base64' and form.get('commitment') == 'finalized':
        return {'result': {'context': {'slot': 400_000_000}, 'value': _token_accounts(world, subject, config['programId'])}}
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


def _token_accounts(world: World, owner: str, program: str) -> list[Json]:
    """Return the open accounts with the beginning of their state: mint, owner and amount."""
    held = world.held(owner)
    mints = [mint for mint in PROGRAMS[program] if held.get(mint) or (mint in held and mint != USDC)]
    states = {ACCOUNTS[mint]: _bytes_of(mint) + _bytes_of(owner) + held[mint].to_bytes(8, 'little') for mint in mints}
    return [
        {'pubkey': account, 'account': {'data': [base64.b64encode(state).decode(), 'base64'], 'lamports': 2_039_280, 'owner': program}}
        for account, state in states.items()
    ]


def _bytes_of(key: str) -> bytes:
    number = 0
    for character in key:
        number = number * 58 + BASE58.index(character)
    return number.to_bytes(32, 'big')


def names_owner(event: Event) -> bool:
    """Whether a transaction names the owner: not if others send tokens to an account that is there already."""
    return bool(event.delta or event.fee) or not any(event.tokens) or min(event.tokens) < 0


def _listed(world: World, account: str) -> list[Event]:
    """Return the transactions that name an account: an address, or where its tokens are."""
    owned = [event for event in world.of(account) if names_owner(event)]
    mint = next((mint for mint, each in ACCOUNTS.items() if each == account), None)
    return owned or [event for event in world.of(ADDRESS) if world.changes(event).get(mint or '')]


def _signatures(world: World, account: str, config: Json) -> list[Json]:
    """Return a page; like a node's, it is empty where the signature to go on from is unknown."""
    events = _listed(world, account)
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
    accounts = [ACCOUNTS[mint] for mint in world.changes(event)]
    every = [*keys, *accounts, *writable, *readonly]
    return {
        'slot': event.height,
        'blockTime': event.time,
        'version': 0 if writable or readonly else 'legacy',
        'transaction': {'signatures': [signature(event)], 'message': {'accountKeys': [*keys, *accounts]}},
        'meta': {
            'err': _err(event),
            'fee': event.fee or 5_000,
            'preBalances': [before if key == address else _RICH for key in every],
            'postBalances': [before + event.delta if key == address else _RICH - 5_000 for key in every],
            'loadedAddresses': {'writable': writable, 'readonly': readonly},
            'preTokenBalances': _token_balances(world, address, place + 1, every, world.changes(event)),
            'postTokenBalances': _token_balances(world, address, place, every, world.changes(event)),
        },
    }


def _token_balances(world: World, address: str, place: int, keys: list[str], changes: Mapping[str, int]) -> list[Json]:
    """Return what accounts hold after the transactions from a place on, without those that are closed. Old rows do not name the owner."""
    held = World({address: world.of(address)[place:]}, tokens=world.tokens).held(address)
    owner = {'owner': address} if len(keys) % 2 else {}
    return [
        {'accountIndex': keys.index(ACCOUNTS[mint]), 'mint': mint, **owner, 'uiTokenAmount': {'amount': str(held[mint]), 'decimals': 6}}
        for mint in changes
        if held.get(mint)
    ]


def _keys(event: Event, address: str) -> tuple[list[str], list[str], list[str]]:
    """Return who takes part: who pays comes first, others by name or out of a table, to write or only to read."""
    if not names_owner(event):
        return [STRANGER, SYSTEM], [], []
    if event.fee:
        return [address, STRANGER, SYSTEM], [], []
    if event.height % 2:
        return [STRANGER, SYSTEM, address], [], []
    return ([STRANGER, SYSTEM], [address], []) if event.delta else ([STRANGER], [SYSTEM], [address])


_MADE_UP = made_up('sol', unit=10**9, fee=5_000, first_height=239_400_000, seconds=1, token_unit=10**6)
SAMPLE = World({ADDRESS: _MADE_UP}, tokens=TOKENS)
POSTED: Mapping[str, Callable[[list[str], Mapping[str, str], Any], Answer]] = {
    'solana': partial(tell_node, SAMPLE),
    'publicnode_sol': partial(tell_node, SAMPLE),
}
