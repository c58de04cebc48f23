"""The past is one: what is told of an instant by itself is what a history tells of it, whatever is known of the ledgers and rates then."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib import clock
from chalicelib.domain import rates
from chalicelib.domain.conversion import Rate
from chalicelib.domain.ledgers import Entry, Gap, Holding
from chalicelib.domain.rates import DailyClose, midnight, pair_of
from chalicelib.formats import format_instant
from chalicelib.models import DownloadProgress, Follower, HourlyRates, LatestRates, Ledger, Snapshot, Transaction, add_daily_closes
from chalicelib.services.histories import refresh
from tests.support.api import Api
from tests.support.clock import StoppedClock

HOUR, DAY = 3_600, 86_400
ETHER = '0x52908400098527886E0F7030069857D2E4169EE7'
BITCOIN = ('1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4')
REPORTING = ('btc', 'eth', 'usd', 'usdc')
Json = dict[str, Any]


def get(api: Api, path: str, **query: str) -> Json:
    asked = '&'.join(f'{name.rstrip("_")}={quote(value)}' for name, value in query.items())
    response = api.get(f'/api/portfolios/{path}?{asked}')
    assert response.status_code == 200, response.body
    body: Json = response.json_body
    return body


class World:
    """A portfolio at random: ledgers that lack this and that, offsets, and rates of some days and hours."""

    def __init__(self, api: Api, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = clock.now()
        self.api = api
        self.portfolio = api.portfolio(currencies=REPORTING)
        for currency, address in (('eth', ETHER), ('btc', BITCOIN[0]), ('btc', BITCOIN[1])):
            body = {'title': 'x', 'address': address, 'currency': currency}
            assert api.post(f'/api/portfolios/{self.portfolio}/addresses', body).status_code == 201
            self.fill(f'LEDGER#{currency}#{address}', ('eth', 'usdc', 'dai') if currency == 'eth' else ('btc',))
        for since in (None, self.then()):
            balances = [{'currency': code, 'balance': str(self.amount(-3, 9))} for code in ('btc', 'usd', 'eth')]
            body = {'title': 'x', 'balances': balances, 'since': since and format_instant(since)}
            assert api.post(f'/api/portfolios/{self.portfolio}/offsets', body).status_code == 201
        self.keep_rates()

    def then(self, days: int = 70) -> int:
        """Return an instant of the last days, now and then a full hour or a midnight."""
        length = self.chance.choice([1, HOUR, DAY])
        return (self.now - self.chance.randrange(1, days * DAY)) // length * length

    def amount(self, least: int, most: int) -> Decimal:
        return Decimal(self.chance.randrange(least * 100, most * 100)) / 100

    def fill(self, pk: str, codes: Sequence[str]) -> None:
        """Make a ledger whole, or one that lacks something, or leave it unread."""
        kind = self.chance.choice(['whole', 'whole', 'gaps', 'unlisted', 'snapshots', 'pending', 'p2pk', 'unread', 'invalid'])
        if kind == 'unread':
            return
        entries = [self.entry(number, code) for code in codes for number in range(self.chance.randrange(6))]
        if kind != 'snapshots':
            Transaction.store(Transaction.of(pk, entry, source='test', run=None, now=self.now) for entry in entries)
        sums = {code: sum((entry.delta for entry in entries if entry.currency == code), Decimal(0)) for code in codes}
        gaps = [self.gap(code) for code in codes if kind == 'gaps' and self.chance.random() < 0.7]
        off = {gap.currency: gap.difference or Decimal(1) for gap in gaps}
        held = {code: max(sums[code] + off.get(code, Decimal(0)), Decimal(0)) for code in codes}
        if kind in ('unlisted', 'snapshots', 'gaps'):
            for _ in range(self.chance.randrange(3)):
                Snapshot.store(pk, [Holding(code, self.amount(0, 9), None, None, None) for code in codes], self.then())
        observed_at = self.chance.choice([self.now - 10, self.now - 10, self.now - 3 * DAY])
        lacks = {'unlisted': 'transactions_unknown', 'snapshots': 'transactions_unknown', 'pending': 'transactions_pending'}
        lacks['p2pk'] = 'p2pk_outputs_unknown'
        changes = [
            Ledger.holdings.set([Holding(code, balance, None, None, None) for code, balance in held.items()]),
            Ledger.gaps.set(gaps),
            Ledger.updated_at.set(observed_at),
        ]
        changes += [Ledger.incomplete.set(lacks[kind])] if kind in lacks else []
        changes += [Ledger.newest_at.set(max(entry.at for entry in entries))] if entries and kind != 'snapshots' else []
        changes += [Ledger.reconciled_at.set(self.then())] if self.chance.random() < 0.5 else []
        Ledger.at(pk).update(changes)
        if kind == 'invalid':
            self.invalidate(pk)

    def invalidate(self, pk: str) -> None:
        from chalicelib.models import read_portfolio_tree

        for follower in read_portfolio_tree(self.api.user_id, self.portfolio).of_kind(Follower):
            if follower.ledger == pk:
                follower.update([Follower.valid.set(False)])

    def entry(self, number: int, code: str) -> Entry:
        return Entry(f'{number:02}{code}', 0, code, self.amount(-2, 5), None, self.then(), number + 1)

    def gap(self, code: str) -> Gap:
        since, difference = self.chance.choice([None, self.then()]), self.chance.choice([None, self.amount(0, 4), self.amount(-1, 1)])
        return Gap(currency=code, reason='transactions_missing', since=since, difference=difference)

    def keep_rates(self) -> None:
        today = datetime.fromtimestamp(self.now, UTC).date()
        for code in ('btc', 'eth', 'usdc', 'usd'):
            days = [today - timedelta(days=back) for back in range(75) if self.chance.random() < 0.8]
            known_until = DownloadProgress(today - timedelta(days=self.chance.randrange(9)), done=self.chance.random() < 0.8)
            add_daily_closes(pair_of(code), [self.close(code, day) for day in days], self.now, known_until)
        for hour in range(self.now - 5 * DAY, self.now, HOUR):
            if self.chance.random() < 0.6:
                made = hour // HOUR * HOUR + self.chance.randrange(1, 900)
                codes = [code for code in ('btc', 'eth', 'usdc') if self.chance.random() < 0.8]
                HourlyRates.store(made, [Rate(code, 'usd', self.amount(1, 99), made, 'test') for code in codes])
        told = [Rate(code, 'usd', Decimal(7), self.now, 'test') for code in ('btc', 'eth', 'usdc', 'dai')]
        requested = dict.fromkeys(('btc', 'eth', 'eur', *REPORTING, 'dai'), self.now + DAY)
        assert LatestRates.find().store(self.now, [], told, requested, [])

    def close(self, code: str, day: date) -> DailyClose:
        return DailyClose(day, *pair_of(code), self.amount(1, 99), 'test')


@pytest.mark.parametrize('seed', range(8))
def test_an_instant_is_told_as_histories_tell_it(api: Api, stopped_clock: StoppedClock, seed: int) -> None:
    world = World(api, seed)
    refresh.refresh(api.user_id, world.portfolio)
    ranges = [('hour', world.now - 30 * HOUR), ('day', world.now - 80 * DAY), ('week', world.now - 80 * DAY)]
    for interval, first in ranges:
        for path, kept in (('balances', balance_of), ('converted', value_of)):
            rows = rows_by_instant(get(api, f'{world.portfolio}/{path}/history', interval=interval, from_=format_instant(first)))
            assert set(rows) <= set(range(-(-first // HOUR) * HOUR, world.now + 1, HOUR)) | {world.now}
            chosen = sorted(rows.keys() - {world.now})
            for at in world.chance.sample(chosen, min(len(chosen), 6)):
                then = get(api, f'{world.portfolio}/{path}', at=format_instant(at))
                alone = {row['currency']: kept(row) for row in then['result']}
                in_history = {code: kept(row) for code, row in rows[at].items()}
                assert alone == in_history, (seed, interval, path, format_instant(at))
                if path == 'balances':
                    assert not any(balance.startswith('-') for code, (balance, _) in alone.items() if code in ('usdc', 'dai'))


def rows_by_instant(answer: Json) -> dict[int, dict[str, Json]]:
    rows: dict[int, dict[str, Json]] = {}
    for row in answer['result']:
        rows.setdefault(int(datetime.fromisoformat(row['balance_at']).timestamp()), {})[row['currency']] = row
    return rows


def balance_of(row: Json) -> tuple[str, bool]:
    return row['balance'], row['complete']


def value_of(row: Json) -> tuple[str, bool, list[Json]]:
    unconverted = [one for one in row.get('missing', []) if 'balance' in one]
    return row['balance'], row['complete'], unconverted


def offset(api: Api, since: int | None = None) -> int:
    portfolio = api.portfolio(currencies=('usd',))
    body = {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '2'}], 'since': since and format_instant(since)}
    assert api.post(f'/api/portfolios/{portfolio}/offsets', body).status_code == 201
    return portfolio


def set_close(day: date, price: str) -> None:
    close = DailyClose(day, 'btc', 'usd', Decimal(price), 'test')
    add_daily_closes(('btc', 'usd'), [close], clock.now(), DownloadProgress(rates.day_of(clock.now())))


def test_where_no_set_of_the_hour_was_kept_the_closes_of_the_day_are_used_and_named(api: Api) -> None:
    portfolio = offset(api)
    noon = clock.now() // DAY * DAY - 9 * DAY + 12 * HOUR
    day = datetime.fromtimestamp(noon, UTC).date()
    set_close(day, '30000')
    answer = get(api, f'{portfolio}/converted', at=format_instant(noon))
    assert (answer['result'][0]['balance'], answer['result'][0]['complete'], answer['rates_kind']) == ('60000.00', True, 'close')
    assert answer['rates'] == f'{day.isoformat()}T00:00:00+00:00'
    HourlyRates.store(noon - 60, [Rate('btc', 'usd', Decimal(31_000), noon - 60, 'kraken')])
    for at, balance, kind in ((noon, '62000.00', 'hourly'), (noon - 61, '60000.00', 'close'), (noon + 2 * HOUR, '60000.00', 'close')):
        answer = get(api, f'{portfolio}/converted', at=format_instant(at))
        assert (answer['result'][0]['balance'], answer['rates_kind']) == (balance, kind)
    assert 'rates_kind' not in get(api, f'{portfolio}/converted')


def test_before_any_close_and_any_set_nothing_is_converted(api: Api) -> None:
    answer = get(api, f'{offset(api)}/converted', at='2015-01-01')
    assert (answer['result'][0]['balance'], answer['result'][0]['complete'], 'rates' in answer) == ('0.00', False, False)


def test_an_address_that_was_never_read_makes_every_total_incomplete(api: Api) -> None:
    portfolio = offset(api)
    set_close(datetime.fromtimestamp(clock.now(), UTC).date() - timedelta(days=3), '1')
    body = {'title': 'x', 'address': ETHER, 'currency': 'eth'}
    assert api.post(f'/api/portfolios/{portfolio}/addresses', body).status_code == 201
    Ledger.at(f'LEDGER#eth#{ETHER}').update([Ledger.incomplete.set('transactions_pending'), Ledger.updated_at.set(clock.now())])
    LatestRates.find().store(
        clock.now(), [], [Rate('btc', 'usd', Decimal(1), clock.now(), 'x')], dict.fromkeys(('btc', 'usd'), 1 << 40), []
    )
    for answer in (get(api, f'{portfolio}/converted'), get(api, f'{portfolio}/converted', at=format_instant(clock.now() - 2 * DAY))):
        [row] = answer['result']
        assert (row['balance'], row['complete']) == ('2.00', False)


def publish(code: str, prices: Mapping[date, str], until: date) -> None:
    """Store closes of a currency, and that none but these are to come up to a day."""
    pair = pair_of(code)
    add_daily_closes(
        pair, [DailyClose(day, *pair, Decimal(price), 'ecb') for day, price in prices.items()], clock.now(), DownloadProgress(until)
    )


@pytest.fixture
def _after_november_2028(stopped_clock: StoppedClock) -> None:
    stopped_clock.move_to(max(stopped_clock.now(), midnight(date(2029, 1, 15)) + 36_000))


@pytest.mark.usefixtures('_after_november_2028')
def test_a_close_that_is_still_to_come_is_missing_and_what_is_told_never_changes(api: Api) -> None:
    """By the hand of a clock that goes on: coins have the price of midnight, euros what the ECB fixed before it."""
    friday, saturday, monday, tuesday, wednesday = (date(2028, 11, day) for day in (24, 25, 27, 28, 29))
    portfolio = api.portfolio(currencies=('eur',))
    body = {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '2'}]}
    assert api.post(f'/api/portfolios/{portfolio}/offsets', body).status_code == 201

    def told(day: date) -> list[tuple[str, bool]]:
        """Return value and completeness of the midnight of a day, which history and `?at=` tell alike."""
        at = format_instant(midnight(day))
        [row] = get(api, f'{portfolio}/converted', at=at)['result']
        [past] = get(api, f'{portfolio}/converted/history', from_=at, to=at)['result']
        assert (row['balance'], row['complete']) == (past['balance'], past['complete'])
        assert past.get('missing') == (None if row['complete'] else [{'currency': 'btc', 'balance': '2.0', 'reason': 'no_rate'}])
        return row['balance'], row['complete']

    publish('btc', {friday: '20000', saturday: '30000', monday: '33000'}, monday)
    publish('usd', {friday: '1.25'}, friday)
    assert told(saturday) == ('48000.00', True)
    assert told(monday) == ('52800.00', True)  # nothing is fixed on a weekend
    assert told(tuesday) == ('0.00', False)  # neither the coin's price nor what was fixed on Monday is known
    publish('btc', {tuesday: '36000'}, tuesday)
    assert told(tuesday) == ('0.00', False)
    publish('usd', {monday: '1.2'}, monday)
    assert told(tuesday) == ('60000.00', True)
    publish('usd', {tuesday: '1.5'}, tuesday)  # in the afternoon
    publish('btc', {wednesday: '30000'}, wednesday)
    assert [told(day) for day in (saturday, monday, tuesday)] == [('48000.00', True), ('52800.00', True), ('60000.00', True)]
    assert told(wednesday) == ('40000.00', True)
