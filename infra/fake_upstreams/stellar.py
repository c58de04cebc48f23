"""Stellar for the sample upstream, told as Horizon does: https://developers.stellar.org/docs/data/apis/horizon/api-reference"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from infra.fake_upstreams.account_chains import Event, World, made_up
from infra.fake_upstreams.answer import Answer, as_json

Json = dict[str, Any]

# Made up: hashes of texts, which are no known keys.
ADDRESS = 'GCC4VQU3J6ELZTGVDBF5D3JV72H6ZX465EZPLKQQILTBAIKGLOLMOC3U'
STRANGER = 'GDPOA6VHZDVNZHLBON4FBFCMJF2N5U3QTQOGCMJDV5FC2IWZBXSCIZUJ'
_NEWEST = 1 << 62
_USD: Json = {'asset_type': 'credit_alphanum4', 'asset_code': 'USD', 'asset_issuer': STRANGER}
TOKENS = (
    'USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN',
    'EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2',
)


def tell_horizon(world: World, path: list[str], query: Mapping[str, str]) -> Answer:
    match path:
        case ['accounts', address, *_] if not address.startswith('G') or len(address) != 56:
            extras = {'invalid_field': 'account_id', 'reason': 'Account ID must start with `G` and contain 56 alphanum characters'}
            return _problem(400, 'bad_request', extras=extras)
        case ['accounts', address] if world.balance(address):
            lines = [{**_asset(token), 'balance': amount(units)} for token, units in world.held(address).items()]
            balances = [{**_USD, 'balance': '17.0000000'}, *lines, {'balance': amount(world.balance(address)), 'asset_type': 'native'}]
            return as_json({'id': address, 'account_id': address, 'balances': balances})
        case ['accounts', address, 'transactions'] if world.of(address):
            failed_too = query.get('include_failed') == 'true'
            events = [
                (event, token) for event, token in _numbered(world.of(address)) if names_account(event) and (failed_too or not event.failed)
            ]
            rows = [_transaction(event, token, address) for event, token in events]
            return _page([row for row in rows if int(row['paging_token']) < int(query.get('cursor', _NEWEST))], query)
        case ['accounts', address, 'effects'] if world.of(address):
            events = _numbered(world.of(address))
            rows = [row for event, token in events for row in _effects(world, event, token, first=event is world.of(address)[-1])]
            return _page([row for row in rows if _place(row['paging_token']) < _place(query.get('cursor', f'{_NEWEST}-0'))], query)
        case ['operations', number] if query == {'join': 'transactions'}:
            numbered = [(event, token, address) for address, events in world.histories.items() for event, token in _numbered(events)]
            told = [_transaction(event, token, address) for event, token, address in numbered if 0 < int(number) - token < 3]
            return (
                as_json({'id': number, 'transaction_hash': told[0]['hash'], 'transaction': told[0]}) if told else _problem(404, 'not_found')
            )
    return _problem(404, 'not_found')


def names_account(event: Event) -> bool:
    """Whether the account's list has a transaction: not if only assets move, in a trade of its offers or a payment by a contract."""
    return bool(event.delta or event.fee) or not any(event.tokens)


def amount(stroops: int) -> str:
    return f'{stroops // 10**7}.{stroops % 10**7:07}'


def _problem(status: int, kind: str, **more: Any) -> Answer:
    return as_json({'type': f'https://stellar.org/horizon-errors/{kind}', 'title': kind, 'status': status, **more}, status)


def _page(rows: Sequence[Json], query: Mapping[str, str]) -> Answer:
    return as_json({'_links': {}, '_embedded': {'records': rows[: min(int(query['limit']), 200)]}})


def _place(cursor: str) -> tuple[int, int]:
    operation, _, number = cursor.partition('-')
    return int(operation), int(number)


def _numbered(events: Sequence[Event]) -> list[tuple[Event, int]]:
    """Return events with the numbers that Stellar gives transactions: of the ledger, and in the ledger (SEP-35)."""
    return [(event, (event.height << 32) + ((len(events) - place) << 12)) for place, event in enumerate(events)]


def _transaction(event: Event, token: int, address: str) -> Json:
    return {
        'hash': event.reference,
        'paging_token': str(token),
        'successful': not event.failed,
        'ledger': event.height,
        'created_at': datetime.fromtimestamp(event.time, UTC).strftime('%Y-%m-%dT%H:%M:%SZ'),
        'source_account': address,
        'fee_account': address if event.fee else STRANGER,
        'fee_charged': str(event.fee or 100),
    }


def _effects(world: World, event: Event, token: int, *, first: bool) -> list[Json]:
    """Return the effects of a transaction, newest first: that move XLM in one of the ways in which that happens, and some that do not."""
    if event.failed:
        return []
    first_operation = [
        _named('signer_created', weight=1),
        _named('account_credited', **_USD, amount='5.0000000'),
        *_moves(event, first=first),
    ]
    second_operation = [_token_move(event, asset, units) for asset, units in world.changes(event).items()]
    told = [
        {**row, 'paging_token': f'{token + operation}-{place}'}
        for operation, rows in ((1, first_operation), (2, second_operation))
        for place, row in enumerate(rows, 1)
    ]
    return told[::-1]


def _moves(event: Event, *, first: bool) -> list[Json]:
    moved = event.delta + event.fee
    text = amount(abs(moved))
    if first:
        return [_named('account_created', starting_balance=text)]
    way = event.height % 4
    if not moved:
        return []
    if way == 0:
        side = ('bought', 'sold') if moved > 0 else ('sold', 'bought')
        return [_trade(side, text)]
    if way == 1:
        reserves = [{'asset': 'native', 'amount': text}, {'asset': f'USD:{STRANGER}', 'amount': '2.0000000'}]
        pool = {'liquidity_pool': {'id': 'ab' * 32}}
        return [
            _named('liquidity_pool_withdrew', **pool, reserves_received=reserves)
            if moved > 0
            else _named('liquidity_pool_deposited', **pool, reserves_deposited=reserves)
        ]
    if way == 2 and moved < 0:  # a path payment, with a trade on its way
        return [_named('account_debited', asset_type='native', amount=text), _trade(('sold', 'bought'), text)]
    return [_named('account_credited' if moved > 0 else 'account_debited', asset_type='native', amount=text)]


def _asset(token: str) -> Json:
    code, _, issuer = token.partition('-')
    return {'asset_type': 'credit_alphanum4', 'asset_code': code, 'asset_issuer': issuer}


def _token_move(event: Event, token: str, units: int) -> Json:
    """Return the effect by which an asset moves: a trade for another one, one with a pool, or a payment."""
    text, asset = amount(abs(units)), _asset(token)
    if event.height % 3 == 0:
        ours, theirs = ('bought', 'sold') if units > 0 else ('sold', 'bought')
        sides = {f'{ours}_{name}': value for name, value in asset.items()} | {f'{theirs}_{name}': value for name, value in _USD.items()}
        return _named('trade', **sides, **{f'{ours}_amount': text, f'{theirs}_amount': '1.0000000'})
    if event.height % 3 == 1:
        reserves = [{'asset': token.replace('-', ':'), 'amount': text}, {'asset': f'USD:{STRANGER}', 'amount': '2.0000000'}]
        names = ('withdrew', 'received') if units > 0 else ('deposited', 'deposited')
        return _named(f'liquidity_pool_{names[0]}', liquidity_pool={'id': 'cd' * 32}, **{f'reserves_{names[1]}': reserves})
    return _named('account_credited' if units > 0 else 'account_debited', **asset, amount=text)


def _trade(side: tuple[str, str], text: str) -> Json:
    ours, theirs = side
    rest = {f'{theirs}_{name}': value for name, value in _USD.items()}
    return _named('trade', **{f'{ours}_amount': text, f'{ours}_asset_type': 'native', f'{theirs}_amount': '1.0000000'}, **rest)


def _named(kind: str, **fields: Any) -> Json:
    return {'type': kind, **fields}


SAMPLE = World({ADDRESS: made_up('xlm', unit=10**7, fee=100, first_height=49_800_000, seconds=6, token_unit=10**7)}, tokens=TOKENS)
UPSTREAMS: Mapping[str, Callable[[list[str], dict[str, str]], Answer]] = {
    'lobstr': partial(tell_horizon, SAMPLE),
    'stellar': partial(tell_horizon, SAMPLE),
}
