"""Stellar as Horizon tells of it: each effect that moves XLM, who pays fees, and every way in which an answer says no."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain import currencies
from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers.horizon import Horizon
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.stellar import ADDRESS, STRANGER
from tests.support import account_explorers
from tests.support.account_explorers import Request, Server
from tests.support.recordings import recorded
from tests.support.upstreams import explorer_of, http

LOBSTR = explorer_of('xlm', 'lobstr')
STELLAR = explorer_of('xlm', 'stellar')
TOKEN = 40_000_000 << 32 | 7 << 12
ONE = '1.0000000'
CIRCLE = 'GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN'
EURC = 'GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2'
USDC = currencies.get('usdc-xlm').id
WITH_ISSUER = {'asset_type': 'credit_alphanum4'}


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with account_explorers.leading_to(server) as leading:
        yield leading


def account(*balances: dict[str, str], address: str = ADDRESS) -> dict[str, Any]:
    return {'account_id': address, 'balances': list(balances)}


def txn(**changed: Any) -> dict[str, Any]:
    """Return a transaction of which somebody else pays the fee."""
    return {
        'hash': 'ab' * 32,
        'paging_token': str(TOKEN),
        'successful': True,
        'ledger': 40_000_000,
        'created_at': '2022-03-04T05:06:07Z',
        'fee_account': STRANGER,
        'fee_charged': '100',
    } | changed


def effect(kind: str, operation: int = 1, number: int = 1, **fields: Any) -> dict[str, Any]:
    return {'type': kind, 'paging_token': f'{TOKEN + operation}-{number}', **fields}


def records(*rows: dict[str, Any]) -> dict[str, Any]:
    return {'_embedded': {'records': rows}}


def read_one(upstream: Server, told: dict[str, Any], *effects: dict[str, Any]) -> Entry:
    newest_first = sorted(effects, key=lambda row: row['paging_token'], reverse=True)
    upstream.say(account(), records(told), records(*newest_first))
    [entry] = account_explorers.read(LOBSTR, ADDRESS)[1]
    return entry


def problem(kind: str, status: int, **more: Any) -> dict[str, Any]:
    return {'type': f'https://stellar.org/horizon-errors/{kind}', 'title': kind, 'status': status, **more}


def test_what_is_held_is_the_native_balance_alone(upstream: Server) -> None:
    shares = {'balance': '9.0000000', 'asset_type': 'liquidity_pool_shares'}
    upstream.say(account(shares, {'balance': '12.3456789', 'asset_type': 'native'}), records())
    assert account_explorers.read(LOBSTR, ADDRESS)[0].balance == Decimal('12.3456789')


@pytest.mark.parametrize(
    ('effects', 'delta'),
    [
        ([effect('account_created', starting_balance='25.5000000')], '25.5'),
        ([effect('account_credited', asset_type='native', amount=ONE)], '1'),
        ([effect('account_debited', asset_type='native', amount=ONE)], '-1'),
        ([effect('account_credited', asset_type='credit_alphanum4', amount=ONE)], '0'),
        ([effect('account_debited', asset_type='native', amount=ONE), effect('account_removed', number=2)], '-1'),
        (
            [
                effect('claimable_balance_created', asset='native', amount=ONE),
                effect('account_debited', number=2, asset_type='native', amount=ONE),
            ],
            '-1',
        ),
        ([effect('claimable_balance_claimant_created', asset='native', amount=ONE)], '0'),
        ([effect('liquidity_pool_trade', sold={'asset': 'native', 'amount': ONE}, bought={'asset': 'USD:X', 'amount': ONE})], '0'),
        (
            [effect('liquidity_pool_deposited', reserves_deposited=[{'asset': 'native', 'amount': ONE}, {'asset': 'U:X', 'amount': '9'}])],
            '-1',
        ),
        ([effect('liquidity_pool_withdrew', reserves_received=[{'asset': 'native', 'amount': ONE}, {'asset': 'U:X', 'amount': '9'}])], '1'),
        ([effect('signer_created', weight=1), effect('trustline_created', operation=2)], '0'),
    ],
)
def test_each_effect_moves_what_it_says(upstream: Server, effects: list[dict[str, Any]], delta: str) -> None:
    assert read_one(upstream, txn(), *effects).delta == Decimal(delta)


def usdc(kind: str, amount: str = ONE, **fields: Any) -> dict[str, Any]:
    return effect(kind, asset_type='credit_alphanum4', asset_code='USDC', asset_issuer=CIRCLE, amount=amount, **fields)


def line(balance: str, code: str = 'USDC', issuer: str = CIRCLE) -> dict[str, str]:
    return {'balance': balance, 'asset_type': 'credit_alphanum4', 'asset_code': code, 'asset_issuer': issuer, 'selling_liabilities': ONE}


def test_of_assets_those_of_the_catalogue_are_held_whoever_else_uses_their_code(upstream: Server) -> None:
    held = [line('7.5000000'), line('9.0000000', issuer=STRANGER), line('0.0000000', 'EURC', EURC), line('3.0000000', 'usdc')]
    upstream.say(account(*held), records())
    assert account_explorers.balances(LOBSTR, ADDRESS) == {'xlm': 0, 'usdc-xlm': Decimal('7.5')}


def test_a_line_that_cannot_be_read_costs_only_its_asset(upstream: Server) -> None:
    upstream.say(account(line('7.5'), line('2.0000000', 'EURC', EURC), {'balance': ONE, 'asset_type': 'native'}), records())
    report = LOBSTR.read(http(), ADDRESS)
    assert {holding.currency: holding.balance for holding in report.holdings} == {'xlm': 1, 'eurc-xlm': 2}
    assert report.unreadable == [Unreadable('usdc-xlm', f'USDC-{CIRCLE}', 'unexpected shape')]


def sides(sold: str, bought: str) -> dict[str, Any]:
    """Return an offer's trade between two of XLM, USDC and EURC."""
    told: dict[str, Any] = {'sold_amount': '3.0000000', 'bought_amount': '2.0000000'}
    for side, name in (('sold', sold), ('bought', bought)):
        issued = {'asset_code': name, 'asset_issuer': {'USDC': CIRCLE, 'EURC': EURC}.get(name)}
        told |= {f'{side}_{key}': value for key, value in ({'asset_type': 'native'} if name == 'XLM' else WITH_ISSUER | issued).items()}
    return effect('trade', **told)


def reserves(name: str) -> list[dict[str, str]]:
    return [{'asset': 'native', 'amount': ONE}, {'asset': f'{name}:{CIRCLE}', 'amount': '4.0000000'}]


@pytest.mark.parametrize(
    ('effects', 'deltas'),
    [
        ([usdc('account_credited')], {'xlm': 0, 'usdc-xlm': 1}),
        ([usdc('account_debited', '2.5000000')], {'xlm': 0, 'usdc-xlm': Decimal('-2.5')}),
        ([usdc('account_credited') | {'asset_issuer': STRANGER}], {'xlm': 0}),
        ([sides('XLM', 'USDC')], {'xlm': -3, 'usdc-xlm': 2}),
        ([sides('USDC', 'EURC')], {'xlm': 0, 'usdc-xlm': -3, 'eurc-xlm': 2}),
        ([usdc('account_debited', '9.0000000'), sides('USDC', 'EURC'), sides('EURC', 'XLM')], {'xlm': 0, 'usdc-xlm': -9}),
        ([effect('liquidity_pool_deposited', reserves_deposited=reserves('USDC'))], {'xlm': -1, 'usdc-xlm': -4}),
        ([effect('liquidity_pool_withdrew', reserves_received=reserves('USDC'))], {'xlm': 1, 'usdc-xlm': 4}),
        ([effect('liquidity_pool_withdrew', reserves_received=reserves('OTHER'))], {'xlm': 1}),
        ([usdc('trustline_created'), usdc('claimable_balance_created', asset=f'USDC:{CIRCLE}')], {'xlm': 0}),
    ],
)
def test_each_effect_moves_what_it_says_of_each_asset(upstream: Server, effects: list[dict[str, Any]], deltas: dict[str, Any]) -> None:
    upstream.say(account(), records(txn()), records(*effects))
    entries = account_explorers.read(LOBSTR, ADDRESS)[1]
    assert {entry.currency: entry.delta for entry in entries} == deltas
    assert {entry.reference for entry in entries} == {'ab' * 32}


def test_an_issuer_holds_nothing_of_what_it_issues(upstream: Server) -> None:
    upstream.say(account(address=CIRCLE), records(txn()), records(usdc('account_debited')))
    assert [(entry.currency, entry.delta) for entry in account_explorers.read(LOBSTR, CIRCLE)[1]] == [('xlm', 0)]


@pytest.mark.parametrize('odd', [{'amount': '1'}, {'amount': None}, {'asset_type': None}])
def test_an_effect_that_cannot_be_read_costs_the_asset_that_it_names(upstream: Server, odd: dict[str, Any]) -> None:
    told = [sides('XLM', 'EURC'), usdc('account_credited') | odd]
    upstream.say(account(), records(txn()), records(*told))
    [page] = LOBSTR.read(http(), ADDRESS).pages
    whole = {} if 'asset_type' in odd else {'xlm': -3, 'eurc-xlm': 2}
    assert {entry.currency: entry.delta for entry in page.entries} == whole
    assert 'usdc-xlm' in {row.currency for row in page.unreadable}


def trade(sold: str, bought: str, operation: int = 1, number: int = 1) -> dict[str, Any]:
    kinds = {'sold_asset_type': sold, 'bought_asset_type': bought, 'sold_amount': '3.0000000', 'bought_amount': '2.0000000'}
    return effect('trade', operation, number, **kinds)


@pytest.mark.parametrize(('sold', 'bought', 'delta'), [('native', 'credit_alphanum4', -3), ('credit_alphanum12', 'native', 2)])
def test_what_an_offer_trades_is_sold_and_bought(upstream: Server, sold: str, bought: str, delta: int) -> None:
    assert read_one(upstream, txn(), trade(sold, bought), trade('credit_alphanum4', 'credit_alphanum4', number=2)).delta == delta


def test_trades_on_the_way_of_ones_own_path_payment_move_nothing_more(upstream: Server) -> None:
    sent = effect('account_debited', asset_type='credit_alphanum4', amount='9.0000000')
    on_the_way = [trade('credit_alphanum4', 'native', number=2), trade('native', 'credit_alphanum12', number=3)]
    offers = trade('native', 'credit_alphanum4', operation=2)
    assert read_one(upstream, txn(), sent, *on_the_way, offers).delta == -3


def test_who_sells_to_somebody_elses_path_payment_and_receives_it_is_told_both(upstream: Server) -> None:
    received = effect('account_credited', asset_type='native', amount=ONE)
    assert read_one(upstream, txn(), received, trade('native', 'credit_alphanum4', number=2)).delta == -2


def test_a_path_payment_to_oneself_is_what_comes_less_what_goes(upstream: Server) -> None:
    received = effect('account_credited', asset_type='native', amount='5.0000000')
    sent = effect('account_debited', number=2, asset_type='native', amount='4.0000000')
    assert read_one(upstream, txn(), received, sent, trade('native', 'credit_alphanum4', number=3)).delta == 1


def test_the_fee_is_paid_by_whom_the_transaction_names(upstream: Server) -> None:
    told = recorded('stellar/horizon_transaction_23fa4d3c.json') | {'fee_account': ADDRESS, 'paging_token': str(TOKEN)}
    entry = read_one(upstream, told, effect('account_debited', asset_type='native', amount=ONE))
    assert (entry.delta, entry.fee) == (Decimal('-1.00001'), Decimal('0.00001'))
    assert (entry.reference, entry.height, entry.at) == (told['hash'], 27_364_210, 1_576_883_196)


def test_a_fee_bump_costs_the_account_that_bumps(upstream: Server) -> None:
    bumped = txn(source_account=ADDRESS, fee_account=STRANGER, fee_charged='40000')
    entry = read_one(upstream, bumped, effect('account_debited', asset_type='native', amount=ONE))
    assert (entry.delta, entry.fee) == (Decimal(-1), Decimal(0))
    entry = read_one(upstream, txn(source_account=STRANGER, fee_account=ADDRESS, fee_charged='40000'))
    assert (entry.delta, entry.fee) == (Decimal('-0.004'), Decimal('0.004'))


def test_failed_transactions_are_asked_for_and_cost_their_fee(upstream: Server) -> None:
    entry = read_one(upstream, txn(successful=False, fee_account=ADDRESS))
    assert (entry.delta, entry.fee) == (Decimal('-0.00001'), Decimal('0.00001'))
    assert upstream.requests[1].query['include_failed'] == 'true'


def hidden(upstream: Server, *effects: dict[str, Any], first: Answer | None = None, **changed: Any) -> None:
    """Answer a transaction with XLM of 1, and effects of another one of the same ledger, which the account's list lacks."""
    token = TOKEN + 4096
    told = {'id': str(token + 1), 'transaction': txn(hash='cd' * 32, paging_token=str(token), **changed)}
    listed = effect('account_credited', asset_type='native', amount=ONE)
    moved = [each | {'paging_token': f'{token + 1}-{number}'} for number, each in reversed(list(enumerate(effects, 1)))]

    def tell(request: Request) -> Answer:
        if request.path == ['operations', str(token + 1)]:
            assert request.query == {'join': 'transactions'}
            return first or as_json(told)
        parts = {'transactions': records(txn()), 'effects': records(*moved, listed)}
        return as_json(parts.get(request.path[-1], account()))

    upstream.tell = tell


def test_a_transaction_that_moves_only_an_asset_is_found_by_its_effects(upstream: Server) -> None:
    hidden(upstream, usdc('account_credited'), effect('signer_created'))
    assert account_explorers.read(LOBSTR, ADDRESS)[1] == [
        Entry('cd' * 32, USDC, 'usdc-xlm', Decimal(1), Decimal(0), 1_646_370_367, 40_000_000),
        Entry('ab' * 32, 0, 'xlm', Decimal(1), Decimal(0), 1_646_370_367, 40_000_000),
    ]


def test_what_arrived_since_the_list_was_read_is_read_whole(upstream: Server) -> None:
    hidden(upstream, effect('account_debited', asset_type='native', amount=ONE), fee_account=ADDRESS)
    newest = account_explorers.read(LOBSTR, ADDRESS)[1][0]
    assert (newest.reference, newest.delta, newest.fee) == ('cd' * 32, Decimal('-1.00001'), Decimal('0.00001'))


@pytest.mark.parametrize(
    'effects', [[effect('signer_created')], [], [effect('account_credited', asset_type='credit_alphanum4', amount=ONE)]]
)
def test_a_transaction_that_moves_nothing_of_ours_is_not_asked_for(upstream: Server, effects: list[dict[str, Any]]) -> None:
    hidden(upstream, *effects, first=Answer(500, 'not asked for'))
    assert [entry.reference for entry in account_explorers.read(LOBSTR, ADDRESS)[1]] == ['ab' * 32]


@pytest.mark.parametrize(
    'told', [{'id': '7', 'transaction': txn()}, {'id': str(TOKEN + 4097)}, {'id': str(TOKEN + 4097), 'transaction': {}}]
)
def test_an_operation_of_another_shape_is_refused(upstream: Server, told: dict[str, Any]) -> None:
    hidden(upstream, usdc('account_credited'), first=as_json(told))
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(LOBSTR, ADDRESS)


def busy(upstream: Server, *, listed: bool) -> Horizon:
    """Answer a transaction with an effect for each of a thousand offers, which the account's list has or lacks, and an older payment."""
    older = TOKEN - (1 << 32)
    offers = [effect('account_credited', number=number, asset_type='native', amount=ONE) for number in range(1_000, 0, -1)]
    payment = effect('account_credited', asset_type='native', amount=ONE) | {'paging_token': f'{older + 1}-1'}
    effects = [*offers, payment]
    busiest = txn(hash='cd' * 32)

    def tell(request: Request) -> Answer:
        cursor = request.query.get('cursor')
        match request.path[-1]:
            case 'transactions':
                rows = [*([busiest] if listed else []), txn(paging_token=str(older), ledger=40_000_000 - 1)]
                return as_json(records(*(row for row in rows if cursor is None or int(row['paging_token']) < int(cursor))))
            case 'effects':
                places = [row['paging_token'] for row in effects]
                start = 0 if cursor is None else 1_000 if cursor.endswith('-0') else places.index(cursor) + 1
                return as_json(records(*effects[start : start + 10]))
        if request.path[0] == 'accounts':
            return as_json(account())
        assert request.path == ['operations', str(TOKEN + 1)]
        return as_json({'id': str(TOKEN + 1), 'transaction': busiest})

    upstream.tell = tell
    return replace(LOBSTR, page_of_effects=10, most_pages_of_effects=2, most_pages_of_one=5)


@pytest.mark.parametrize('listed', [True, False])
def test_of_a_transaction_with_effects_without_end_nobody_knows_what_it_moves_and_older_ones_are_read(
    upstream: Server, listed: bool
) -> None:
    pages = list(busy(upstream, listed=listed).read(http(), ADDRESS).pages)

    assert {(row.currency, row.reference, row.reason) for page in pages for row in page.unreadable} == {
        (code, 'cd' * 32, 'too many effects') for code in ('xlm', *(token.code for token in currencies.tokens_on('xlm')))
    }
    assert [(entry.reference, entry.delta) for page in pages for entry in page.entries] == [('ab' * 32, Decimal(1))]
    assert sum(request.path[-1] == 'effects' for request in upstream.requests) == 6


def test_effects_go_on_where_the_transactions_of_the_page_before_ended(upstream: Server) -> None:
    small = replace(LOBSTR, page=1)
    rest = iter([records(txn()), records()])
    upstream.tell = lambda request: as_json(
        next(rest) if request.path[-1] == 'transactions' else records() if request.path[-1] == 'effects' else account()
    )
    list(small.read(http(), ADDRESS).pages)
    asked = [request.query.get('cursor') for request in upstream.requests if request.path[-1] == 'effects']
    assert asked == [None, f'{TOKEN}-0']


def test_an_account_that_was_merged_holds_nothing_and_keeps_its_transactions(upstream: Server) -> None:
    gone = Answer(404, as_json(problem('not_found', 404)).body)

    def tell(request: Request) -> Answer:
        if request.path[-1] == 'transactions':
            return as_json(records(txn()))
        if request.path[-1] == 'effects':
            return as_json(records(effect('account_debited', asset_type='native', amount=ONE)))
        return gone

    upstream.tell = tell
    holding, [entry] = account_explorers.read(LOBSTR, ADDRESS)
    assert (holding.balance, entry.delta) == (0, -1)


def test_an_address_that_it_cannot_read_is_rejected(upstream: Server) -> None:
    upstream.say(problem('bad_request', 400, extras={'invalid_field': 'account_id', 'reason': 'invalid address'}), status=400)
    with pytest.raises(UpstreamRejected):
        account_explorers.read(STELLAR, ADDRESS)


@pytest.mark.parametrize(
    ('status', 'body'),
    [
        (400, problem('bad_request', 400, extras={'invalid_field': 'cursor', 'reason': 'cursor: invalid value'})),
        (400, problem('bad_request', 400)),
        (404, problem('other', 404)),
        (404, {'message': 'no Route matched'}),
        (410, problem('before_history', 410)),
        (503, problem('stale_history', 503)),
        (504, problem('timeout', 504)),
        (406, problem('not_acceptable', 406)),
    ],
)
@pytest.mark.parametrize('place', ['account', 'transactions', 'effects'])
def test_its_other_errors_are_failures_of_its_own(upstream: Server, status: int, body: dict[str, Any], place: str) -> None:
    told = {'transactions': records(txn()), 'effects': records()}

    def tell(request: Request) -> Answer:
        which = request.path[2] if len(request.path) > 2 else 'account'
        return as_json(body, status) if which == place else as_json(told.get(which, account()))

    upstream.tell = tell
    with pytest.raises(Upstream) as caught:
        account_explorers.read(STELLAR, ADDRESS)
    assert not isinstance(caught.value, UpstreamRejected)


@pytest.mark.parametrize(
    'changed',
    [
        {'fee_charged': '1.5'},
        {'fee_charged': None, 'fee_account': ADDRESS},
        {'created_at': '2022-03-04'},
        {'created_at': '2022-03-04T05:06:07+02:00'},
        {'created_at': '2012-03-04T05:06:07Z'},
        {'ledger': '1.5'},
    ],
)
def test_a_transaction_of_another_shape_costs_only_itself(upstream: Server, changed: dict[str, Any]) -> None:
    upstream.say(account(), records(txn(**({'fee_account': ADDRESS} | changed))), records())
    [row] = account_explorers.unread(LOBSTR, ADDRESS)
    assert (row.currency, row.reference, row.reason) == ('xlm', 'ab' * 32, 'unexpected shape')


@pytest.mark.parametrize('changed', [{'hash': 'x'}, {'hash': None}, {'paging_token': 'now'}])
def test_what_is_no_transaction_is_refused(upstream: Server, changed: dict[str, Any]) -> None:
    upstream.say(account(), records(txn(**changed)), records())
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(LOBSTR, ADDRESS)


@pytest.mark.parametrize('amount', ['1', '1.00', '1.00000001', '-1.0000000', '1e7', 1, None])
def test_an_amount_of_another_shape_costs_only_its_transaction(upstream: Server, amount: Any) -> None:
    other = txn(hash='cd' * 32, paging_token=str(TOKEN - 4096))
    paid = effect('account_credited', asset_type='native', amount=amount)
    upstream.say(account(), records(txn(), other), records(paid))
    [page] = LOBSTR.read(http(), ADDRESS).pages
    assert page.unreadable == [Unreadable('xlm', 'ab' * 32, 'unexpected shape', at=1_646_370_367, height=40_000_000)]
    assert [entry.reference for entry in page.entries] == ['cd' * 32]


@pytest.mark.parametrize(
    'changed',
    [{'type': None}, {'type': 7}, {'asset_type': None}, {'asset_type': ['native']}],
    ids=['no type', 'a number', 'no asset', 'a list'],
)
def test_an_effect_that_does_not_say_what_it_is_is_not_taken_for_none(upstream: Server, changed: dict[str, Any]) -> None:
    upstream.say(account(), records(txn()), records(effect('account_credited', asset_type='native', amount=ONE) | changed))
    assert [row.reference for row in account_explorers.unread(LOBSTR, ADDRESS)] == ['ab' * 32]


@pytest.mark.parametrize(
    'told',
    [account(address=STRANGER), {'account_id': ADDRESS}, account({'balance': '1.5', 'asset_type': 'native'}), account({'balance': ONE})],
)
def test_an_account_of_another_shape_is_refused(upstream: Server, told: dict[str, Any]) -> None:
    upstream.say(told)
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(STELLAR, ADDRESS)


def test_a_page_that_is_not_newest_first_is_refused(upstream: Server) -> None:
    upstream.say(account(), records(txn(), txn(paging_token=str(TOKEN + 4096))), records())
    with pytest.raises(Upstream, match='unexpected shape'):
        account_explorers.read(STELLAR, ADDRESS)
