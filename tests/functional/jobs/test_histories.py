"""Histories of portfolios from what goes in to what the API tells, against sums made without any of its code."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.changelog import Changelog
from chalicelib.domain.conversion import Rate
from chalicelib.domain.ledgers import Entry, Gap, Holding
from chalicelib.domain.rates import DailyClose, day_of, pair_of
from chalicelib.jobs import histories as job
from chalicelib.models import (
    HISTORIES,
    DownloadProgress,
    History,
    HistoryMonth,
    LatestRates,
    Ledger,
    Snapshot,
    Transaction,
    add_daily_closes,
)
from chalicelib.services import due
from chalicelib.services.histories import refresh
from infra.fake_upstreams.scripted_explorer import Explorer, Txn, txid
from tests.support.api import Api
from tests.support.clock import CLOCK, StoppedClock
from tests.support.dynamodb import meanwhile, survives, table
from tests.support.jobs import CONTEXT, Queue, purge_queue, run_purge, run_refresh, run_sweep
from tests.support.ledgers import SEGWIT, TAPROOT, pk_of

DAY, HOUR = 86_400, 3_600
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _known_rates() -> None:
    know_rates()


def know_rates() -> None:
    """Make the rates known as the sources tell them."""
    now = clock.now()
    told = [Rate('btc', 'usd', Decimal('11775.36'), now, 'bitstamp,kraken'), Rate('eth', 'usd', Decimal('300'), now, 'kraken')]
    assert LatestRates.find().store(now, [], told, dict.fromkeys(('btc', 'eth', 'eur', 'ltc', 'usd'), now + DAY))


@pytest.fixture
def history_queue(queues: dict[str, str], delayed_messages: list[tuple[Json, int]]) -> Queue:
    return Queue(queues[settings().history_queue], job.refresh_histories)


def at_days_ago(number: int, *, hours: int = 0, n: int | None = None, amount: int = 1_000, height: int = 800_000) -> Txn:
    """Return a payment made so many days and hours before this hour began."""
    this_hour = clock.now() // HOUR * HOUR
    at = this_hour - number * DAY - hours * HOUR - 100
    place = n if n is not None else number + 1
    return Txn(txid(place), height - number * 10 - hours, (amount,), at=at)


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def get(api: Api, path: str, **query: str) -> Json:
    """Return the whole answer, 200."""
    asked = '&'.join(f'{name.rstrip("_")}={quote(value)}' for name, value in query.items())
    response = api.get(f'/api/portfolios/{path}?{asked}')
    assert response.status_code == 200, response.body
    return response.json_body


def everything(api: Api, path: str, **query: str) -> list[Json]:
    """Return the rows of all pages."""
    rows: list[Json] = []
    answer = get(api, path, **query)
    while True:
        rows += answer['result']
        if 'next' not in answer:
            return rows
        answer = get(api, path, **query, cursor=answer['next'])


def held(txns: Sequence[Txn], at: int) -> Decimal:
    return Decimal(sum(txn.delta for txn in txns if txn.time <= at)) / 10**8


def plain(amount: Decimal) -> str:
    text = f'{amount:.8f}'.rstrip('0')
    return text + '0' if text.endswith('.') else text


def seconds(row: Json) -> int:
    return int(datetime.fromisoformat(row['balance_at']).timestamp())


def midnights(first: int, last: int) -> list[int]:
    return list(range(-(-first // DAY) * DAY, last + 1, DAY))


def set_close(code: str, prices: Mapping[date, str]) -> None:
    pair = pair_of(code)
    closes = [DailyClose(day, *pair, Decimal(price), 'test') for day, price in prices.items()]
    add_daily_closes(pair, closes, clock.now(), DownloadProgress(day_of(clock.now())))


def test_a_year_by_day_is_what_the_explorers_transactions_sum_to_at_each_midnight(
    api: Api, explorer: Explorer, history_queue: Queue
) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(number, amount=1_000 + number) for number in (0, 3, 40, 200, 500)]
    explorer.chain[TAPROOT] = [at_days_ago(10, n=77, amount=5), at_days_ago(11, n=78, amount=70)]
    portfolio = api.portfolio(currencies=('btc', 'usd'))
    api.address(portfolio, SEGWIT)
    api.address(portfolio, TAPROOT)
    assert run_refresh(SEGWIT, TAPROOT)
    history_queue.drain()

    answer = get(api, f'{portfolio}/balances/history')

    assert answer['complete'] is True
    every = explorer.chain[SEGWIT] + explorer.chain[TAPROOT]
    now = seconds(answer['result'][0])
    assert now == clock.now()
    instants = [*midnights(now - 365 * DAY, now), now]
    assert [(row['balance_at'], row['currency'], row['balance']) for row in answer['result']] == [
        (iso(at), code, plain(held(every, at)) if code == 'btc' else '0.0') for at in reversed(instants) for code in ('btc', 'usd')
    ]
    assert {(row['source'], row['complete'], row['covered'], row['total']) for row in answer['result']} == {('cryptfolio', True, 2, 2)}
    assert all(set(row) == {'currency', 'balance', 'balance_at', 'source', 'complete', 'covered', 'total'} for row in answer['result'])


@pytest.mark.parametrize(('interval', 'length'), [('hour', HOUR), ('day', DAY), ('week', 7 * DAY)])
@pytest.mark.parametrize('order', ['asc', 'desc'])
@pytest.mark.parametrize('limit', [7, 1000])
def test_every_grid_in_either_order_and_in_pages_of_any_size_tells_the_same_sums(
    api: Api, explorer: Explorer, history_queue: Queue, interval: str, length: int, order: str, limit: int
) -> None:
    explorer.chain[SEGWIT] = [
        at_days_ago(day, hours=hour, n=day * 100 + hour, amount=10 + day) for day in range(0, 36, 3) for hour in (0, 2)
    ]
    portfolio = api.portfolio(currencies=('btc', 'eth'))
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    now = clock.now()
    first = now - (4 * DAY if interval == 'hour' else 60 * DAY)

    rows = everything(api, f'{portfolio}/balances/history', interval=interval, order=order, limit=str(limit), from_=iso(first))

    shown = seconds(rows[0] if order == 'desc' else rows[-1])
    origin = 4 * DAY if interval == 'week' else 0
    grid = [at for at in range(first // HOUR * HOUR, shown + 1, HOUR) if at >= first and (at - origin) % length == 0]
    instants = sorted({*grid, shown}, reverse=order == 'desc')
    assert [(row['balance_at'], row['currency'], row['balance']) for row in rows] == [
        (iso(at), code, plain(held(explorer.chain[SEGWIT], at)) if code == 'btc' else '0.0') for at in instants for code in ('btc', 'eth')
    ]


def test_a_span_that_ends_in_the_past_has_no_row_of_now(api: Api, explorer: Explorer, history_queue: Queue) -> None:
    portfolio = offset(api, {'btc': '1.5'})
    history_queue.drain()
    rows = get(api, f'{portfolio}/balances/history', from_='2020-01-01', to='2020-01-03')['result']
    assert [(row['balance_at'], row['currency'], row['balance']) for row in rows] == [
        (f'2020-01-0{day}T00:00:00+00:00', code, balance) for day in (3, 2, 1) for code, balance in (('btc', '1.5'), ('usd', '0.0'))
    ]


def offset(api: Api, balances: Mapping[str, str], currencies: tuple[str, ...] = ('btc', 'usd')) -> int:
    portfolio = api.portfolio(currencies=currencies)
    add_offset(api, portfolio, balances)
    return portfolio


def add_offset(api: Api, portfolio: int, balances: Mapping[str, str]) -> None:
    body = {'title': 'Cold', 'balances': [{'currency': code, 'balance': balance} for code, balance in balances.items()]}
    assert api.post(f'/api/portfolios/{portfolio}/offsets', body).status_code == 201


@pytest.mark.parametrize('worked_out', [True, False])
def test_an_offset_counts_from_its_instant_on_and_as_soon_as_that_is_moved(api: Api, history_queue: Queue, worked_out: bool) -> None:
    portfolio = offset(api, {'btc': '1'}, ('btc',))
    since = clock.now() - 40 * DAY - 7
    for moved in (since, since + 20 * DAY, 0):
        assert api.patch(f'/api/portfolios/{portfolio}/offsets/1', {'since': iso(moved) if moved else None}).status_code == 200
        if worked_out:
            history_queue.drain()
        for row in get(api, f'{portfolio}/balances/history')['result']:
            assert (row['balance'], row['complete']) == ('1.0' if seconds(row) >= moved else '0.0', True)


@pytest.mark.parametrize('worked_out', [True, False])
def test_an_empty_portfolio_and_one_of_offsets_are_never_not_ready(api: Api, history_queue: Queue, worked_out: bool) -> None:
    empty, filled = api.portfolio(), offset(api, {'btc': '1.5', 'eth': '-2'})
    if worked_out:
        history_queue.drain()
    assert {row['balance'] for row in get(api, f'{empty}/balances/history')['result']} == {'0.0'}
    rows = get(api, f'{filled}/balances/history')['result']
    assert {(row['currency'], row['balance'], row['covered'], row['total']) for row in rows} == {
        ('btc', '1.5', 1, 1), ('eth', '-2.0', 1, 1), ('usd', '0.0', 1, 1),
    }  # fmt: skip
    assert len(rows) == 1_000  # a page: a year by day is longer


def test_nothing_is_ready_before_anything_is_known_of_an_address(api: Api, explorer: Explorer, history_queue: Queue) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(1)]
    portfolio = api.portfolio()
    history_queue.drain()  # what was empty has a history of nothing
    api.address(portfolio, SEGWIT)
    assert api.get(f'/api/portfolios/{portfolio}/balances').status_code == 503
    for _ in range(2):
        response = api.get(f'/api/portfolios/{portfolio}/balances/history')
        assert (response.status_code, response.json_body['message']) == (503, 'Not ready')
        history_queue.drain()
    assert run_refresh(SEGWIT)
    history_queue.drain()
    assert get(api, f'{portfolio}/balances/history')['complete'] is True


def test_an_address_that_comes_in_counts_as_missing_until_it_is_known_and_the_whole_of_the_past_has_it_then(
    api: Api, explorer: Explorer, history_queue: Queue
) -> None:
    explorer.chain |= {SEGWIT: [at_days_ago(1), at_days_ago(400)], TAPROOT: [at_days_ago(5, n=900, amount=7)]}
    portfolio = api.portfolio(currencies=('btc',))
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    api.address(portfolio, TAPROOT)
    answer = get(api, f'{portfolio}/balances/history')
    assert (answer['complete'], answer['reason']) == (False, 'history_pending')
    assert {row['complete'] for row in answer['result']} == {False}
    history_queue.drain()
    answer = get(api, f'{portfolio}/balances/history')
    assert answer['complete'] is True
    assert {(row['complete'], row['covered'], row['total']) for row in answer['result']} == {(False, 1, 2)}
    assert run_refresh(TAPROOT)
    history_queue.drain()
    rows = get(api, f'{portfolio}/balances/history')['result']
    every = explorer.chain[SEGWIT] + explorer.chain[TAPROOT]
    assert [row['balance'] for row in rows] == [plain(held(every, seconds(row))) for row in rows]
    assert {(row['complete'], row['covered']) for row in rows} == {(True, 2)}


def test_a_new_transaction_changes_nothing_before_its_month(api: Api, explorer: Explorer, history_queue: Queue) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(200), at_days_ago(400)]
    portfolio = api.portfolio()
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    before = chunks(api, portfolio)
    explorer.chain[SEGWIT].insert(0, at_days_ago(0, n=5_000))
    CLOCK.advance(3_000)
    with noted_chunks() as written:
        assert run_refresh(SEGWIT)
        history_queue.drain()
    changed = {iso(at)[:7] for at in (explorer.chain[SEGWIT][0].time, clock.now())}  # two in the first hour of a month
    assert {sk[-10:-3] for sk in written} == changed
    assert {sk for sk, packed in chunks(api, portfolio).items() if before.get(sk) != packed} <= set(written)
    assert get(api, f'{portfolio}/balances/btc/history')['result'][0]['balance'] == '0.00003'


def test_a_transaction_of_long_ago_that_is_found_late_repairs_the_past(api: Api, explorer: Explorer, history_queue: Queue) -> None:
    whole = [at_days_ago(1), at_days_ago(100, amount=50), at_days_ago(300)]
    explorer.chain[SEGWIT] = [whole[0], whole[2]]
    portfolio = api.portfolio(currencies=('btc',))
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    explorer.chain[SEGWIT] = whole
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    rows = get(api, f'{portfolio}/balances/history')['result']
    assert [row['balance'] for row in rows] == [plain(held(whole, seconds(row))) for row in rows]


def test_what_a_reorganisation_removes_goes_from_the_history(api: Api, explorer: Explorer, history_queue: Queue) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(0, amount=9), at_days_ago(20)]
    portfolio = api.portfolio(currencies=('btc',))
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    del explorer.chain[SEGWIT][0]
    CLOCK.advance(3_000)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    assert {row['balance'] for row in get(api, f'{portfolio}/balances/history')['result']} == {'0.0', '0.00001'}


def test_points_before_the_first_known_transaction_of_an_incomplete_ledger_are_left_out_and_the_rest_says_so(
    api: Api, explorer: Explorer, history_queue: Queue
) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(1), at_days_ago(30), at_days_ago(90)]
    portfolio = api.portfolio(currencies=('btc',))
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    ledger = Ledger.find(pk_of(SEGWIT))
    assert ledger is not None
    [holding] = ledger.holdings
    more = holding._replace(balance=holding.balance + 1)  # as if transactions were missing, as earlier releases stored it
    missing = [Ledger.incomplete.set('transactions_missing'), Ledger.reconciled_at.remove()]
    ledger.update([Ledger.holdings.set([more]), *missing])
    history_queue.drain()
    rows = get(api, f'{portfolio}/balances/history')['result']
    assert {row['complete'] for row in rows} == {False}
    first = explorer.chain[SEGWIT][-1].time
    assert seconds(rows[-1]) == -(-first // DAY) * DAY
    assert Decimal(rows[0]['balance']) == held(explorer.chain[SEGWIT], seconds(rows[0])) + 1
    assert [row['balance'] for row in rows[1:]] == [plain(held(explorer.chain[SEGWIT], seconds(row))) for row in rows[1:]]
    add_offset(api, portfolio, {'btc': '5'})
    history_queue.drain()
    rows = get(api, f'{portfolio}/balances/history')['result']
    assert (rows[-1]['balance'], rows[-1]['covered'], rows[-1]['total']) == ('5.0', 1, 2)


@pytest.mark.parametrize('currencies', [('btc',), ('btc', 'eth')])
def test_more_than_the_transactions_explain_changes_nothing_before_they_last_added_up(
    api: Api, explorer: Explorer, history_queue: Queue, currencies: tuple[str, ...]
) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(30, amount=100_000_000)]
    portfolio = api.portfolio(currencies=currencies)
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    added_up = clock.now()
    CLOCK.advance(3 * DAY)
    more = [Holding('btc', Decimal(5), None, None, None)]
    gap = Gap(currency='btc', reason='transactions_unreadable', since=added_up, difference=Decimal(4))
    state = [Ledger.holdings.set(more), Ledger.gaps.set([gap]), Ledger.updated_at.set(clock.now())]
    Ledger.at(pk_of(SEGWIT)).update([*state, Ledger.changes.set(Changelog().noted(added_up))])
    history_queue.drain()

    rows = [row for row in get(api, f'{portfolio}/balances/history')['result'] if row['currency'] == 'btc']

    first = explorer.chain[SEGWIT][0].time
    assert (rows[0]['balance'], rows[0]['complete']) == ('5.0', False)
    for row in rows[1:]:
        assert (row['balance'], row['complete']) == ('1.0' if seconds(row) >= first else '0.0', seconds(row) <= added_up)
    for at, balance, is_complete in ((added_up, '1.0', True), (added_up + 1, '1.0', False), (clock.now(), '5.0', False)):
        then = {row['currency']: row for row in get(api, f'{portfolio}/balances', at=iso(at))['result']}
        assert (then['btc']['balance'], then['btc']['complete']) == (balance, is_complete)
        assert {then[code]['complete'] for code in currencies[1:]} <= {True}


def test_a_past_balance_that_would_be_negative_is_unknown(api: Api, explorer: Explorer, history_queue: Queue) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(10, amount=300)]
    portfolio = api.portfolio(currencies=('btc',))
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    received = explorer.chain[SEGWIT][0].time
    spent = received - 10 * DAY  # by a block that is dated too early
    entry = Entry('spent', 0, 'btc', Decimal('-0.000002'), None, spent, 800_001)
    Transaction.store([Transaction.of(pk_of(SEGWIT), entry, source='test', run=None, now=clock.now())])
    left = Holding('btc', Decimal('0.000001'), None, None, None)
    Ledger.at(pk_of(SEGWIT)).update([Ledger.holdings.set([left])])
    history_queue.drain()
    rows = {seconds(row): row for row in get(api, f'{portfolio}/balances/history')['result']}
    assert [at for at in midnights(spent - 10 * DAY, clock.now()) if at not in rows] == midnights(spent, received)
    assert {row['balance'] for row in rows.values()} == {'0.0', '0.000001'}
    [then] = get(api, f'{portfolio}/balances', at=iso(spent))['result']
    assert (then['balance'], then['complete'], then['missing'][0]['reason']) == ('0.0', False, 'history_unknown')


def test_what_was_not_observed_lately_is_in_doubt_until_it_is_observed_again(
    api: Api, explorer: Explorer, history_queue: Queue, stopped_clock: StoppedClock
) -> None:
    stopped_clock.move_to(int(datetime(2030, 4, 28, 12, tzinfo=UTC).timestamp()))
    know_rates()
    explorer.chain[SEGWIT] = [at_days_ago(30)]
    portfolio = api.portfolio(currencies=('btc', 'eth'))
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    observed = clock.now()
    for _ in range(2):  # into the next month
        CLOCK.advance(3 * DAY)
        refresh.refresh(api.user_id, portfolio)
    for row in get(api, f'{portfolio}/balances/history')['result']:
        assert row['complete'] is (row['currency'] == 'eth' or seconds(row) <= observed + 300)
    assert run_refresh(SEGWIT)
    refresh.refresh(api.user_id, portfolio)
    assert {row['complete'] for row in get(api, f'{portfolio}/balances/history')['result']} == {True}


def test_of_a_ledger_whose_explorers_list_no_transactions_the_snapshots_are_the_past(
    api: Api, explorer: Explorer, history_queue: Queue
) -> None:
    now = clock.now()
    portfolio = api.portfolio(currencies=('btc',))
    api.address(portfolio, SEGWIT)
    pk = pk_of(SEGWIT)
    seen = [(now - 40 * DAY, '1'), (now - 3 * DAY - 2 * HOUR, '2'), (now - 3 * DAY, '2.5'), (now - 60, '4')]
    for at, balance in seen:
        Snapshot.store(pk, [Holding('btc', Decimal(balance), None, None, None)], at)
    held_now = Holding('btc', Decimal(4), None, None, None)
    state = [Ledger.holdings.set([held_now]), Ledger.updated_at.set(now - 60), Ledger.incomplete.set('transactions_unknown')]
    Ledger.at(pk).update(state)
    history_queue.drain()
    rows = everything(api, f'{portfolio}/balances/history', interval='hour', from_=iso(now - 41 * DAY))
    shown = seconds(rows[0])
    instants = sorted({shown, *range(-(-seen[0][0] // HOUR) * HOUR, shown + 1, HOUR)}, reverse=True)
    assert [(row['balance_at'], row['balance']) for row in rows] == [
        (iso(at), [plain(Decimal(balance)) for when, balance in seen if when <= at][-1]) for at in instants
    ]
    assert {(row['complete'], row['covered'], row['total']) for row in rows} == {(False, 1, 1)}


def test_by_currency_a_known_one_that_is_not_held_is_zero_and_an_unknown_one_not_found(api: Api, history_queue: Queue) -> None:
    portfolio = offset(api, {'btc': '1'})
    history_queue.drain()
    assert {row['balance'] for row in get(api, f'{portfolio}/balances/LTC/history')['result']} == {'0.0'}
    assert {row['currency'] for row in get(api, f'{portfolio}/balances/BTC/history')['result']} == {'btc'}
    assert api.get(f'/api/portfolios/{portfolio}/balances/nothing/history').status_code == 404
    assert api.get('/api/portfolios/77/balances/btc/history').status_code == 404
    assert api.get('/api/portfolios/77/converted/history').status_code == 404


def test_converted_by_the_close_of_each_day_or_of_the_week_before_it_and_incomplete_beyond(api: Api, history_queue: Queue) -> None:
    portfolio = offset(api, {'btc': '2', 'usd': '10'}, ('usd',))
    history_queue.drain()
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    known = today - timedelta(days=100)
    set_close('btc', {known: '30000.125', known + timedelta(days=2): '31000'})
    refresh.refresh(api.user_id, portfolio)
    rows = {row['balance_at'][:10]: row for row in get(api, f'{portfolio}/converted/history')['result'][1:]}
    expected = {0: '60010.25', 1: '60010.25', 2: '62010.00', 9: '62010.00', 10: '10.00', -1: '10.00'}
    found = {days: rows[(known + timedelta(days=days)).isoformat()] for days in expected}
    assert {days: row['balance'] for days, row in found.items()} == expected
    assert {days: row['complete'] for days, row in found.items()} == {0: True, 1: True, 2: True, 9: True, 10: False, -1: False}
    assert found[10]['missing'] == [{'currency': 'btc', 'balance': '2.0', 'reason': 'no_rate'}]


def test_a_day_whose_close_is_disputed_is_incomplete_and_says_so(api: Api, history_queue: Queue) -> None:
    portfolio = offset(api, {'btc': '2', 'usd': '10'}, ('usd',))
    history_queue.drain()
    known = datetime.fromtimestamp(clock.now(), UTC).date() - timedelta(days=100)
    set_close('btc', {known: '30000', known + timedelta(days=2): '31000'})
    doubted = DailyClose(known + timedelta(days=1), 'btc', 'usd', Decimal(3), 'test', disputed=True)
    add_daily_closes(('btc', 'usd'), [doubted], clock.now())
    refresh.refresh(api.user_id, portfolio)
    rows = {row['balance_at'][:10]: row for row in get(api, f'{portfolio}/converted/history')['result'][1:]}
    found = [rows[(known + timedelta(days=days)).isoformat()] for days in range(3)]
    assert [(row['balance'], row['complete']) for row in found] == [('60010.00', True), ('10.00', False), ('62010.00', True)]
    assert found[1]['missing'] == [{'currency': 'btc', 'balance': '2.0', 'reason': 'disputed'}]


def test_closes_that_come_later_repair_what_was_converted_without_them(api: Api, history_queue: Queue) -> None:
    portfolio = offset(api, {'btc': '1'}, ('usd',))
    history_queue.drain()
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    for days, price in ((40, '100'), (200, '50')):
        set_close('btc', {today - timedelta(days=days): price})
        refresh.refresh(api.user_id, portfolio)
    rows = {row['balance_at'][:10]: row['balance'] for row in get(api, f'{portfolio}/converted/history')['result'][1:]}
    assert rows[(today - timedelta(days=40)).isoformat()] == '100.00'
    assert rows[(today - timedelta(days=200)).isoformat()] == '50.00'


def test_a_new_reporting_currency_shows_once_it_is_worked_out(api: Api, history_queue: Queue) -> None:
    portfolio = offset(api, {'btc': '1'}, ('btc',))
    history_queue.drain()
    assert api.patch(f'/api/portfolios/{portfolio}', {'currencies': ['btc', 'usd']}).status_code == 200
    answer = get(api, f'{portfolio}/converted/history')
    assert (answer['complete'], {row['currency'] for row in answer['result']}) == (False, {'btc'})
    history_queue.drain()
    answer = get(api, f'{portfolio}/converted/history')
    assert (answer['complete'], {row['currency'] for row in answer['result']}) == (True, {'btc', 'usd'})


@pytest.mark.parametrize('path', ['balances/history', 'balances/btc/history', 'converted/history'])
def test_a_page_costs_two_requests(api: Api, explorer: Explorer, history_queue: Queue, requests_made: list[str], path: str) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(number) for number in range(0, 800, 40)]
    portfolio = api.portfolio()
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    history_queue.drain()
    requests_made.clear()
    get(api, f'{portfolio}/{path}')
    assert requests_made == ['BatchGetItem', 'Query']


@pytest.mark.parametrize(
    'query',
    [
        'from=yesterday',
        'to=2020-13-01',
        'from=2021-01-01&to=2020-01-01',
        'interval=month',
        'order=up',
        'from=2020-01-01T00:00:00',
        'cursor=xx',
    ],
)
def test_bad_parameters_are_refused_by_name(api: Api, query: str) -> None:
    portfolio = api.portfolio()
    response = api.get(f'/api/portfolios/{portfolio}/balances/history?{query}')
    assert (response.status_code, response.json_body['message']) == (422, 'Invalid')
    assert response.json_body['fields'][0]['field'] == query.partition('=')[0]


def test_the_four_instants_move_when_what_they_speak_of_is_computed_and_leave_updated_at_alone(
    api: Api, explorer: Explorer, history_queue: Queue
) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(1)]
    portfolio = api.portfolio(currencies=('btc',))
    names = ['balances_last_updated', 'histories_last_updated', 'converted_balances_last_updated', 'converted_histories_last_updated']
    history_queue.drain()
    api.address(portfolio, SEGWIT)
    history_queue.drain()
    header = shown(api, portfolio)
    assert [header[name] for name in names] == [None] * 4
    assert run_refresh(SEGWIT)
    assert [shown(api, portfolio)[name] is None for name in names] == [False, True, True, True]
    history_queue.drain()
    stamped = shown(api, portfolio)
    assert None not in [stamped[name] for name in names]
    assert stamped['updated_at'] == header['updated_at']


def shown(api: Api, portfolio: int) -> Json:
    header: Json = api.get(f'/api/portfolios/{portfolio}').json_body['result']
    return header


def test_the_job_dies_after_any_write_and_its_next_run_makes_the_history_whole(api: Api, explorer: Explorer, history_queue: Queue) -> None:
    explorer.chain[SEGWIT] = [at_days_ago(number) for number in (2, 50, 70)]
    portfolio = api.portfolio()
    api.address(portfolio, SEGWIT)
    assert run_refresh(SEGWIT)
    history_queue.bodies()
    writes = 1
    while not survives(lambda: refresh.refresh(api.user_id, portfolio), writes):
        History.at(api.user_id, portfolio).update([History.lease_until.set(0)])  # time passes
        refresh.refresh(api.user_id, portfolio)
        rows = get(api, f'{portfolio}/balances/btc/history')['result']
        assert [row['balance'] for row in rows] == [plain(held(explorer.chain[SEGWIT], seconds(row))) for row in rows]
        remove_all(api, portfolio)
        writes += 1
    assert writes > 5


def remove_all(api: Api, portfolio: int) -> None:
    from chalicelib.models import remove_history

    remove_history(api.user_id, portfolio)


def test_a_message_that_comes_while_another_is_worked_on_makes_that_one_look_again(
    api: Api, explorer: Explorer, history_queue: Queue
) -> None:
    portfolio = offset(api, {'btc': '1'})
    history_queue.bodies()

    def more() -> None:
        add_offset(api, portfolio, {'btc': '2'})
        refresh.refresh(api.user_id, portfolio)

    with meanwhile('BatchWriteItem', more):
        refresh.refresh(api.user_id, portfolio)
    assert get(api, f'{portfolio}/balances/btc/history')['result'][0]['balance'] == '3.0'


def test_a_failed_run_leaves_the_lease_to_the_next(api: Api, history_queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    portfolio = offset(api, {'btc': '1'})
    with meanwhile('BatchWriteItem', fail), pytest.raises(RuntimeError):
        refresh.refresh(api.user_id, portfolio)
    refresh.refresh(api.user_id, portfolio)
    assert get(api, f'{portfolio}/balances/btc/history')['complete'] is True


def fail() -> None:
    raise RuntimeError('no more')


def test_the_history_goes_with_its_portfolio_whatever_messages_are_left(api: Api, history_queue: Queue) -> None:
    portfolio = offset(api, {'btc': '1'})
    history_queue.drain()
    assert api.delete(f'/api/portfolios/{portfolio}').status_code == 200
    assert run_purge(api.user_id, portfolio)
    refresh.refresh(api.user_id, portfolio)
    assert [item for item in table() if item['pk']['S'].startswith('HISTORY#')] == []


def histories() -> list[str]:
    return [item['sk']['S'] for item in table() if item['pk']['S'].startswith('HISTORY#')]


def test_what_is_written_of_a_history_while_its_portfolio_goes_is_removed_later(
    api: Api, queues: dict[str, str], history_queue: Queue, stopped_clock: StoppedClock
) -> None:
    portfolio = offset(api, {'btc': '1'})
    history_queue.bodies()

    def delete() -> None:
        assert api.delete(f'/api/portfolios/{portfolio}').status_code == 200
        assert run_purge(api.user_id, portfolio)
        assert histories() == []

    with meanwhile('UpdateItem', delete, number=3):  # requested, leased, and about to be written
        refresh.refresh(api.user_id, portfolio)
    assert len(histories()) == 2
    stopped_clock.advance(180)
    assert run_sweep() == 1
    purge_queue(queues).drain()
    assert (histories(), run_sweep()) == ([], 0)


def test_a_history_that_went_with_its_portfolio_before_it_was_leased_stays_away(api: Api, history_queue: Queue) -> None:
    portfolio = offset(api, {'btc': '1'})
    history_queue.drain()

    def delete() -> None:
        assert api.delete(f'/api/portfolios/{portfolio}').status_code == 200
        assert run_purge(api.user_id, portfolio)

    with meanwhile('UpdateItem', delete):
        refresh.refresh(api.user_id, portfolio)
    assert histories() == []


def test_the_first_history_of_a_portfolio_depends_on_no_message(api: Api, history_queue: Queue, stopped_clock: StoppedClock) -> None:
    portfolio = offset(api, {'btc': '1'})
    assert len(history_queue.bodies()) == 2
    stopped_clock.move_to(hour_of(stopped_clock.now()) + HOUR)
    assert swept(history_queue) == [{'user_id': api.user_id, 'portfolio_id': portfolio}]
    refresh.refresh(api.user_id, portfolio)
    assert get(api, f'{portfolio}/balances/btc/history')['result'][0]['balance'] == '1.0'


def test_each_hour_what_somebody_looked_at_within_a_month_is_worked_out_again(
    api: Api, history_queue: Queue, stopped_clock: StoppedClock
) -> None:
    stopped_clock.move_to(hour_of(stopped_clock.now()) + 20 * 60)
    seen, forgotten = offset(api, {'btc': '1'}), offset(api, {'btc': '2'})
    history_queue.drain()
    History.at(api.user_id, forgotten).update([History.looked_at.set(clock.now() - 31 * DAY)])
    refresh.refresh(api.user_id, forgotten)
    assert swept(history_queue) == []
    stopped_clock.move_to(hour_of(stopped_clock.now()) + HOUR)
    assert swept(history_queue) == [{'user_id': api.user_id, 'portfolio_id': seen}]
    assert swept(history_queue) == []


@pytest.mark.parametrize(('seconds', 'is_due'), [(61, False), (60, True), (1, True)])
def test_a_schedule_that_is_up_to_a_minute_early_finds_what_is_due_at_the_full_hour(
    api: Api, history_queue: Queue, stopped_clock: StoppedClock, seconds: int, is_due: bool
) -> None:
    stopped_clock.move_to(hour_of(stopped_clock.now()) + 20 * 60)
    portfolio = offset(api, {'btc': '1'})
    history_queue.drain()
    stopped_clock.move_to(hour_of(stopped_clock.now()) + HOUR - seconds)
    assert swept(history_queue) == ([{'user_id': api.user_id, 'portfolio_id': portfolio}] if is_due else [])


def hour_of(instant: int) -> int:
    """Return when the hour of an instant began."""
    return instant // HOUR * HOUR


def run_schedule() -> int:
    event = {'version': '0', 'detail-type': 'Scheduled Event', 'source': 'aws.events', 'detail': {}, 'resources': []}
    sent: int = job.snapshot_portfolios(event | {'account': '', 'time': '', 'region': '', 'id': ''}, CONTEXT)['sent']
    return sent


def swept(history_queue: Queue) -> list[Json]:
    """Run the schedule and the messages of shards that it sends; return the messages of portfolios."""
    assert run_schedule() == len(HISTORIES.all_shards)
    shards = history_queue.bodies()
    assert len(shards) == len(HISTORIES.all_shards)
    for body in shards:
        due.dispatch_due_histories(body['shard'], clock.monotonic() + 1_000)
    return history_queue.bodies()


def chunks(api: Api, portfolio: int) -> dict[str, Any]:
    pk = History.at(api.user_id, portfolio).pk
    return {item['sk']['S']: item['packed'] for item in table() if item['pk']['S'] == pk and 'packed' in item}


@contextmanager
def noted_chunks() -> Iterator[list[str]]:
    """Yield the sort keys of the chunks that are put."""
    events = HistoryMonth.connection().client.meta.events
    written: list[str] = []

    def note(params: Json, **_: Any) -> None:
        put = [one['PutRequest']['Item'] for requests in params['RequestItems'].values() for one in requests if 'PutRequest' in one]
        written.extend(item['sk']['S'] for item in put if item['kind']['S'] == 'chunk')

    events.register('provide-client-params.dynamodb.BatchWriteItem', note)
    yield written
    events.unregister('provide-client-params.dynamodb.BatchWriteItem', note)


def test_a_portfolio_that_never_comes_to_rest_is_left_to_a_later_message(
    api: Api, history_queue: Queue, delayed_messages: list[tuple[Json, int]]
) -> None:
    portfolio = offset(api, {'btc': '1'})
    history_queue.bodies()
    events = HistoryMonth.connection().client.meta.events

    def request_again(**_: Any) -> None:
        History.request_and_lease(api.user_id, portfolio, owner='other', now=clock.now(), looked_at=None)

    events.register('after-call.dynamodb.BatchWriteItem', request_again)
    try:
        refresh.refresh(api.user_id, portfolio)
    finally:
        events.unregister('after-call.dynamodb.BatchWriteItem', request_again)
    assert delayed_messages == [({'user_id': api.user_id, 'portfolio_id': portfolio, 'waits': 1}, 2)]
    refresh.refresh(api.user_id, portfolio)
    assert get(api, f'{portfolio}/balances/btc/history')['complete'] is True
