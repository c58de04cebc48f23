"""Cardano for the sample upstream, told as Koios (https://api.koios.rest/) and Blockfrost (https://docs.blockfrost.io/) do."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from infra.fake_upstreams.account_chains import Event, World, made_up
from infra.fake_upstreams.answer import Answer, as_json

Json = dict[str, Any]

# Made up: hashes of texts, which are no hashes of any known key.
ADDRESS = 'addr1vxvkvyavce03sfc0vwh4zprapswq0ct0u07p7mvp4uuggzq5rmy7c'
STRANGER = 'addr1v80wq748er4de8tpwdu9p9zvf96da5msnswxzvfr4a9z6gs3h0d3l'
_CHANGE = 1_000_007
_FEE_OF_OTHERS = 170_000
_BLOCK_SECONDS = 20

TOKENS = (
    '279c909f348e533da5808898f87f9a14bb2c3dfbbacccd631d927a3f534e454b',
    '29d222ce763455e3d7a09a665ce554f00ac89d2e99a1a83d267170c64d494e',
)
_POLICY_DIGITS = 56

Coins = list[tuple[str, int]]
Tokens = dict[str, int]


def tell_koios(world: World, path: list[str], query: Mapping[str, str], body: Any) -> Answer:
    """Answer a POST; what is in the query filters, orders and cuts the list (PostgREST)."""
    match path, body:
        case ['address_txs'], {'_addresses': addresses, '_after_block_height': after}:
            heights = [event.height for address in addresses for event in world.of(address) if event.height >= after]
            return as_json([{'block_height': height} for height in sorted(heights, reverse=True)[: int(query['limit'])]])
        case ['address_info'], {'_addresses': [address]}:
            return as_json([{'address': address, 'balance': str(world.balance(address))}] if world.of(address) else [])
        case ['address_assets'], {'_addresses': [address]} if query['select'] == 'policy_id,asset_name,quantity':
            policies = query['policy_id'].removeprefix('in.(').removesuffix(')').split(',')
            held = {unit: units for unit, units in world.held(address).items() if units and unit[:_POLICY_DIGITS] in policies}
            return as_json(_koios_assets(held))
        case ['address_txs'], {'_addresses': [address]} if query['order'] == 'block_height.desc,tx_hash.desc':
            below = int(query.get('block_height', 'lte.999999999').removeprefix('lte.'))
            rows = [_koios_place(event) for event in world.of(address) if event.height <= below]
            rows.sort(key=lambda row: (row['block_height'], row['tx_hash']), reverse=True)
            start = int(query.get('offset', '0'))
            return as_json(rows[start : start + min(int(query['limit']), 1_000)])
        case ['tx_info'], {'_tx_hashes': hashes, '_inputs': True, '_assets': True}:
            return as_json(
                [_koios_transaction(world, event, address) for event, address in _events(world) if event.reference in hashes][::-1]
            )
    return as_json({'code': 'PGRST202', 'message': 'Could not find the function'}, 404)


def now() -> int:
    """Return when the newest block was made."""
    return int(time.time())


def height(world: World) -> int:
    """Return the number of the newest block: since the last transaction one came every twenty seconds."""
    last = max((event for event, _ in _events(world)), key=lambda event: event.height, default=None)
    return (last.height + max(0, now() - last.time) // _BLOCK_SECONDS) if last else 1_000


def tell_koios_tip(world: World, path: list[str], query: Mapping[str, str]) -> Answer:
    """Answer a GET."""
    if path == ['tip']:
        return as_json([{'block_no': height(world), 'block_time': now()}])
    return as_json({'code': 'PGRST202', 'message': 'Could not find the function'}, 404)


def tell_blockfrost(world: World, path: list[str], query: Mapping[str, str]) -> Answer:
    match path:
        case ['addresses', address, *_] if not address.startswith(('addr1', 'Ae2', 'DdzFF')):
            return _problem(400, 'Bad Request', 'Invalid address for this network or malformed address format.')
        case ['addresses', address, 'total'] if world.of(address):
            return as_json(_blockfrost_total(world, address))
        case ['addresses', address, 'transactions'] if world.of(address):
            size, number = min(int(query['count']), 100), int(query['page'])
            return as_json([_koios_place(event) | {'tx_index': 0} for event in world.of(address)[(number - 1) * size : number * size]])
        case ['txs', txid, *rest]:
            for event, address in _events(world):
                if event.reference == txid:
                    return as_json(_blockfrost_utxos(world, event, address) if rest else _blockfrost_transaction(event))
    return _problem(404, 'Not Found', 'The requested component has not been found.')


def _problem(status: int, error: str, message: str) -> Answer:
    return as_json({'status_code': status, 'error': error, 'message': message}, status)


def _events(world: World) -> list[tuple[Event, str]]:
    return [(event, address) for address, events in world.histories.items() for event in events]


def coins(event: Event, address: str) -> tuple[Coins, Coins]:
    """Return what a transaction spends and makes; who does not pay for it only receives, or gets back what it puts in."""
    if event.fee:
        spent = -event.delta + _CHANGE
        return [(address, spent - 2), (address, 2)], [(STRANGER, -event.delta - event.fee), (address, _CHANGE)]
    if event.delta and min(event.tokens, default=0) < 0:  # it gives tokens for coins
        return [(STRANGER, event.delta + _CHANGE), (address, _CHANGE)], [(address, event.delta + _CHANGE), (STRANGER, _CHANGE)]
    if event.delta:
        return [(STRANGER, event.delta + _FEE_OF_OTHERS + _CHANGE)], [(address, event.delta), (STRANGER, _CHANGE)]
    return [(address, _CHANGE)], [(address, _CHANGE)]


def fee_of(event: Event) -> str:
    return str(event.fee or (_FEE_OF_OTHERS if event.delta and min(event.tokens, default=0) >= 0 else 0))


def tokens(world: World, event: Event) -> tuple[Tokens, Tokens]:
    """Return the tokens in what the address spends and makes; some of what it gives away comes back."""
    changes = world.changes(event)
    spent = {unit: 5 - change for unit, change in changes.items() if change < 0}
    return spent, {unit: max(change, 0) or 5 for unit, change in changes.items()}


def _koios_place(event: Event) -> Json:
    return {'tx_hash': event.reference, 'block_height': event.height, 'block_time': event.time}


def _koios_transaction(world: World, event: Event, address: str) -> Json:
    sides = [_koios_coins(rows, address, held) for rows, held in zip(coins(event, address), tokens(world, event), strict=True)]
    return {'tx_hash': event.reference, 'fee': fee_of(event), 'inputs': sides[0], 'outputs': sides[1]}


def _koios_assets(held: Tokens) -> list[Json]:
    cut = _POLICY_DIGITS
    return [{'policy_id': unit[:cut], 'asset_name': unit[cut:], 'quantity': str(units)} for unit, units in held.items()]


def _first_of(rows: Coins, address: str) -> int:
    """Return the place of the address's first coin, which has its tokens; -1 if there is none."""
    return next((place for place, (whose, _) in enumerate(rows) if whose == address), -1)


def _koios_coins(rows: Coins, address: str, held: Tokens) -> list[Json]:
    first = _first_of(rows, address)
    return [
        {
            'payment_addr': {'bech32': whose, 'cred': 'ab' * 28},
            'value': str(value),
            'tx_hash': 'cd' * 32,
            'tx_index': place,
            'asset_list': _koios_assets(held if place == first else {'ab' * 30: 12}),
        }
        for place, (whose, value) in enumerate(rows)
    ]


def _blockfrost_total(world: World, address: str) -> Json:
    sides = [coins(event, address) for event in world.of(address)]
    sent, received = (sum(value for side in sides for whose, value in side[place] if whose == address) for place in (0, 1))
    token = {'unit': 'ab' * 30, 'quantity': '12'}
    moved = [tokens(world, event) for event in world.of(address)]
    totals = [{unit: sum(side[place].get(unit, 0) for side in moved) for unit in world.tokens} for place in (0, 1)]
    spent, made = ([_amount(unit, units) for unit, units in total.items() if units] for total in totals)
    sums = {'received_sum': [_lovelace(received), token, *made], 'sent_sum': [_lovelace(sent), *spent] if sent else spent}
    return {'address': address, **sums, 'tx_count': len(world.of(address))}


def _lovelace(value: int) -> Json:
    return _amount('lovelace', value)


def _amount(unit: str, quantity: int) -> Json:
    return {'unit': unit, 'quantity': str(quantity)}


def _blockfrost_transaction(event: Event) -> Json:
    place = {'hash': event.reference, 'block_height': event.height, 'block_time': event.time}
    return {**place, 'fees': fee_of(event), 'valid_contract': not event.failed}


def _blockfrost_utxos(world: World, event: Event, address: str) -> Json:
    """Return inputs and outputs as told: of a failed script the collateral twice, of others a collateral that stays, and a reference."""
    spent, made = coins(event, address)
    kept: Coins = [(address, 5_000_000)]
    held, made_tokens = tokens(world, event)
    inputs = _with_tokens(_blockfrost_coins(spent, collateral=False), _first_of(spent, address), held) + _blockfrost_coins(
        spent if event.failed else kept, collateral=True
    )
    outputs = _with_tokens(_blockfrost_coins(made, collateral=False), _first_of(made, address), made_tokens) + _blockfrost_coins(
        made if event.failed else kept, collateral=True
    )
    referred = [row | {'reference': True} for row in _blockfrost_coins(kept, collateral=False)]
    return {'hash': event.reference, 'inputs': [row | {'reference': False} for row in inputs] + referred, 'outputs': outputs}


def _with_tokens(rows: list[Json], place: int, held: Tokens) -> list[Json]:
    amounts = [_amount(unit, units) for unit, units in held.items()]
    return [row | {'amount': [*row['amount'], *amounts]} if each == place else row for each, row in enumerate(rows)]


def _blockfrost_coins(rows: Coins, *, collateral: bool) -> list[Json]:
    return [
        {'address': whose, 'amount': [_lovelace(value)], 'output_index': place, 'collateral': collateral}
        for place, (whose, value) in enumerate(rows)
    ]


SAMPLE = World({ADDRESS: made_up('ada', unit=10**6, fee=170_000, first_height=9_700_000, seconds=20, token_unit=10**6)}, tokens=TOKENS)
POSTED: Mapping[str, Callable[[list[str], Mapping[str, str], Any], Answer]] = {'koios': partial(tell_koios, SAMPLE)}
UPSTREAMS: Mapping[str, Callable[[list[str], dict[str, str]], Answer]] = {
    'blockfrost': partial(tell_blockfrost, SAMPLE),
    'koios': partial(tell_koios_tip, SAMPLE),
}
