"""Rates of fiat currencies: each has a second source and a past, pegs hold, and what sources publish is kept as they published it."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain.conversion import Rates
from chalicelib.domain.rates import day_of, midnight, pair_of
from chalicelib.jobs import rates as jobs
from chalicelib.models import LatestRates, PairDailyCloses, TrackedCurrency, YearOfDailyCloses, read_daily_closes
from chalicelib.services.rates import current, daily_closes
from chalicelib.services.rates.backfill import backfill_daily_closes
from chalicelib.services.rates.fetch import fetch_rates
from infra.fake_upstreams.answer import Answer
from tests.support.api import Api
from tests.support.clock import START
from tests.support.dynamodb import Killed, killed_after
from tests.support.jobs import Queue
from tests.support.rate_sources import NONSENSE, Sources, sources

NOW = START
TODAY = day_of(NOW)
YESTERDAY = TODAY - timedelta(days=1)
LAST_WEEKDAY = YESTERDAY - timedelta(days=max(YESTERDAY.weekday() - 4, 0))  # the last day of which there are closes
SOON = 1_000_000  # seconds since a test began
DOWN = NONSENSE['down']


@pytest.fixture(autouse=True)
def world() -> Iterator[Sources]:
    with sources() as made:
        yield made


def fetched(*codes: str) -> Rates:
    """Return the latest rates after the sources were asked for currencies."""
    for code in codes:
        TrackedCurrency.register(code, NOW)
    fetch_rates(NOW)
    current.forget()
    return current.latest().rates


def price(known: Rates, base: str, quote: str) -> Decimal | None:
    return known.convert(Decimal(1), base, quote)


def stored(code: str) -> PairDailyCloses:
    return read_daily_closes([pair_of(code)], range(2009, TODAY.year + 1))[pair_of(code)]


def row(day: date, quote: str, rate: str) -> str:
    return f'{{"date": "{day}", "base": "USD", "quote": "{quote}", "rate": {rate}}}'


def said(*rows: str) -> Answer:
    return Answer(200, f'[{", ".join(rows)}]', 'application/json')


@pytest.fixture
def messages(queues: dict[str, str]) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that takes all messages out of the rates queue."""
    return Queue(queues[settings().rates_queue], jobs.fetch_rates).bodies


# Current rates


def test_a_currency_that_the_central_bank_does_not_fix_has_three_sources_and_the_price_of_one() -> None:
    rate = fetched('uah').by_pair['usd', 'uah']
    assert (rate.price, rate.sources, rate.disputed) == (Decimal('27.9'), 'frankfurter', False)
    assert {one.source for one in LatestRates.find().observations if one.quote == 'uah'} == {'coinbase', 'frankfurter', 'nbp'}


@pytest.mark.parametrize('down', ['frankfurter', 'nbp', 'coinbase', 'ecb'])
def test_any_one_source_may_fail(world: Sources, down: str) -> None:
    world.says[down] = DOWN
    known = fetched('uah', 'chf', 'pln')
    for code in ('uah', 'chf', 'pln'):
        found = price(known, 'btc', code)
        assert found is not None
        expected = Decimal('11775.36') * {'uah': Decimal('27.9'), 'chf': Decimal('0.936'), 'pln': Decimal('3.336')}[code]
        assert abs(found / expected - 1) < Decimal('0.001')


def test_a_weekly_table_is_used_for_nine_days(world: Sources) -> None:
    world.says |= dict.fromkeys(('frankfurter', 'coinbase'), DOWN)
    wednesday = NOW - (NOW - midnight(date(2026, 1, 7))) % (7 * 86_400)
    table = '{{"table": "{}", "effectiveDate": "{}", "rates": [{{"code": "USD", "mid": 4.0}}, {{"code": "AFN", "mid": 0.05}}]}}'
    for days, known in ((7, True), (8, True), (9, False)):
        day = day_of(wednesday)
        world.says['nbp'] = said(table.format('B', day))
        at = midnight(day) + days * 86_400 + 12 * 3_600 + 1
        fetch_rates(at, ['afn'])
        chosen = Rates.usable(at, LatestRates.find().rates)
        assert (price(chosen, 'usd', 'afn') == 80) is known, days


def test_a_row_that_is_weeks_old_is_no_price_of_today(world: Sources) -> None:
    world.says |= dict.fromkeys(('nbp', 'coinbase'), DOWN)
    world.says['frankfurter'] = said(row(TODAY - timedelta(days=20), 'EGP', '47.1'), row(YESTERDAY, 'UAH', '43'))
    known = fetched('egp', 'uah')
    assert price(known, 'usd', 'egp') is None
    assert price(known, 'usd', 'uah') == 43


def test_what_two_banks_say_differently_is_disputed_until_a_third_agrees(world: Sources) -> None:
    world.says['coinbase'] = DOWN
    world.says['frankfurter'] = said(row(YESTERDAY, 'UAH', '41.5'))
    known = fetched('uah')
    assert price(known, 'usd', 'uah') is None
    assert known.reason_without_route('uah', 'btc') == 'disputed'
    del world.says['coinbase']
    fetch_rates(NOW + 600)
    assert abs((price(Rates(NOW + 600, LatestRates.find().rates), 'usd', 'uah') or 0) - Decimal('27.9')) < Decimal('0.02')


@pytest.mark.parametrize(
    ('pair', 'expected'),
    [
        (('usd', 'aed'), '3.6725'),
        (('usd', 'bmd'), '1'),
        (('eur', 'xaf'), '655.957'),
        (('usd', 'xaf'), '524.7656'),  # 655.957 / 1.25
        (('gbp', 'fkp'), '1'),
        (('eur', 'mop'), '10.0631'),  # 9.77 * 1.03
    ],
)
def test_a_peg_holds_whatever_sources_say(world: Sources, pair: tuple[str, str], expected: str) -> None:
    world.says['coinbase'] = DOWN
    odd = (row(YESTERDAY, code, '9.99') for code in ('AED', 'BMD', 'XAF', 'FKP', 'MOP'))
    world.says['frankfurter'] = said(row(YESTERDAY, 'EUR', '0.8'), *odd)
    assert price(fetched(pair[1]), *pair) == Decimal(expected)


def test_a_peg_is_told_as_what_it_is(api: Api) -> None:
    fetched('bnd')
    number = api.portfolio(currencies=('bnd',))
    api.post(f'/api/portfolios/{number}/offsets', {'title': 'Cash', 'balances': [{'currency': 'eur', 'balance': '100'}]})
    [total] = api.get(f'/api/portfolios/{number}/converted?explain=true').json_body['result']
    assert (total['balance'], total['complete']) == ('164.00', True)
    [route] = [one['route'] for one in total['explain'] if one['currency'] == 'eur']
    assert [(hop['pair'], hop['source'], hop['stale']) for hop in route] == [('eur/bnd', 'peg,ecb', False)]


@pytest.mark.parametrize('code', ['cup', 'kpw'])
def test_what_nobody_knows_is_said_to_be_unknown(api: Api, code: str) -> None:
    fetched(code)
    number = api.portfolio(currencies=('usd',))
    api.post(f'/api/portfolios/{number}/offsets', {'title': 'Cash', 'balances': [{'currency': code, 'balance': '100'}]})
    [total] = api.get(f'/api/portfolios/{number}/converted').json_body['result']
    assert (total['complete'], total['missing'][0]['reason']) == (False, 'no_rate')


def test_observations_are_kept_as_they_were_published() -> None:
    fetched('chf', 'uah')
    packed = {(quote, source): text for _, quote, text, _, source, *_ in LatestRates.find().packed_observations}
    assert packed['chf', 'ecb'] == '1.17'
    assert packed['chf', 'frankfurter'] == '0.936/0.8'
    assert packed['uah', 'nbp'] == '3.3360/0.119570'  # to the last zero: it says how exact the price is


# The past


def test_every_day_since_2013_of_a_currency_that_the_central_bank_does_not_fix_is_one_request(world: Sources) -> None:
    backfill_daily_closes('uah', SOON)
    closes = stored('uah')
    assert (min(closes.by_day), max(closes.by_day)) == (date(2013, 1, 1), LAST_WEEKDAY)
    assert closes.state.done
    assert [path for path in world.asked if path.startswith('frankfurter')] == ['frankfurter/v2/rates']
    assert price(daily_closes.read(['uah'], date(2016, 2, 29), TODAY).on(date(2016, 2, 29)), 'usd', 'uah') == Decimal('27.9')


def test_a_backfill_that_is_repeated_asks_for_nothing_more_than_what_is_new(world: Sources) -> None:
    backfill_daily_closes('uah', SOON)
    world.server.requests.clear()
    backfill_daily_closes('uah', SOON)
    assert world.asked == []


def test_while_the_first_source_is_down_the_second_fills_the_whole_past_slice_by_slice(world: Sources, queues: dict[str, str]) -> None:
    world.says['frankfurter'] = DOWN
    queue = Queue(queues[settings().rates_queue], jobs.fetch_rates)
    slices = 0
    for _ in range(100):
        slices += 1
        backfill_daily_closes('uah', 0)
        if not queue.bodies():
            break
    closes = stored('uah')
    assert slices > 40
    assert (min(closes.by_day), {close.source for close in closes.by_day.values()}) == (date(2013, 1, 1), {'nbp'})
    assert not closes.state.done  # the first source is asked again
    asked = [path for path in world.asked if path.startswith('nbp/tables/A')]
    assert len(asked) == len({*asked})


@pytest.mark.parametrize('writes', range(1, 5))
def test_a_backfill_that_dies_anywhere_is_made_good_by_the_next(world: Sources, writes: int) -> None:
    try:
        with killed_after(writes):
            backfill_daily_closes('uah', SOON)
    except Killed:
        pass
    backfill_daily_closes('uah', SOON)
    assert (min(stored('uah').by_day), max(stored('uah').by_day), stored('uah').state.done) == (date(2013, 1, 1), LAST_WEEKDAY, True)


def test_of_two_closes_that_differ_that_is_kept_which_the_day_before_supports(world: Sources) -> None:
    days = [YESTERDAY - timedelta(days=back) for back in range(30) if (YESTERDAY - timedelta(days=back)).weekday() < 5]
    odd = days[10]
    world.says['frankfurter'] = said(*(row(day, 'UAH', '279' if day == odd else '27.9') for day in days))
    backfill_daily_closes('uah', SOON)
    known = daily_closes.read(['uah'], odd, TODAY)
    assert abs((price(known.on(odd), 'usd', 'uah') or 0) - Decimal('27.9')) < Decimal('0.02')
    year = YearOfDailyCloses.get('CLOSES#usd/uah', str(odd.year))
    assert year.packed[odd.isoformat()] == ['3.3360/0.119570', 'nbp']
    assert year.packed[days[11].isoformat()] == ['27.9', 'frankfurter']


def test_missing_closes_of_a_tracked_currency_are_sent_for_once_a_day(world: Sources, messages: Callable[[], list[dict[str, Any]]]) -> None:
    for code in ('btc', 'eth', 'usd', 'uah', 'aed'):
        backfill_daily_closes(code, SOON)
    TrackedCurrency.register('uah', NOW)
    TrackedCurrency.register('aed', NOW)
    messages()
    fetch_rates(NOW)
    assert messages() == []
    tomorrow = midnight(TODAY) + 86_400 + 60
    fetch_rates(tomorrow)
    assert {'backfill': 'uah'} in messages()


def test_a_history_in_a_currency_that_the_central_bank_does_not_fix_has_values_of_the_past(api: Api, queues: dict[str, str]) -> None:
    for code in ('usd', 'uah', 'btc', 'eth'):
        backfill_daily_closes(code, SOON)
    fetched('uah')
    number = api.portfolio(currencies=('uah',))
    api.post(f'/api/portfolios/{number}/offsets', {'title': 'Cash', 'balances': [{'currency': 'usd', 'balance': '100'}]})
    page = api.get(f'/api/portfolios/{number}/converted/history?from=2016-01-01&to=2016-01-03').json_body['result']
    assert [(one['balance'], one['complete']) for one in page] == [('2790.00', True)] * 3


# Replaced currencies


def worth(api: Api, holding: str, amount: str, reporting: str, query: str = '') -> Any:
    number = api.portfolio(currencies=(reporting,))
    body = {'title': 'Cash', 'balances': [{'currency': holding, 'balance': amount}]}
    assert api.post(f'/api/portfolios/{number}/offsets', body).status_code == 201
    return api.get(f'/api/portfolios/{number}/converted{query}').json_body['result']


@pytest.mark.parametrize(
    ('holding', 'amount', 'reporting', 'value'),
    [
        ('hrk', '753.45', 'usd', '125.00'),
        ('usd', '125', 'bgn', '195.58'),
        ('matic', '100', 'usd', '42.00'),
        ('ang', '179', 'usd', '100.00'),
    ],
)
def test_what_is_held_in_a_replaced_currency_is_worth_what_its_successor_is(
    api: Api, world: Sources, holding: str, amount: str, reporting: str, value: str
) -> None:
    fetched(holding, reporting)
    [total] = worth(api, holding, amount, reporting, '?explain=true')
    assert (total['balance'], total['complete']) == (value, True)
    [route] = [one['route'] for one in total['explain'] if one['currency'] == holding]
    assert 'successor' in [hop['source'] for hop in route]
    ids = [request.query.get('ids', '') for request in world.server.requests]
    assert not any('matic-network' in asked for asked in ids)  # what is said about it now is refused, so nobody is asked


def test_the_history_of_a_replaced_currency_goes_on_by_the_ratio(api: Api, world: Sources) -> None:
    days = [date(2022, 12, 1) + timedelta(days=number) for number in range(60)]
    world.says['frankfurter'] = said(*(row(day, code, rate) for day in days for code, rate in (('EUR', '0.8'), ('HRK', '6.0292'))))
    for code in ('usd', 'hrk', 'btc', 'eth'):
        backfill_daily_closes(code, SOON)
    fetched('hrk')
    assert max(stored('hrk').by_day) < date(2023, 1, 1)
    number = api.portfolio(currencies=('eur',))
    api.post(f'/api/portfolios/{number}/offsets', {'title': 'Cash', 'balances': [{'currency': 'hrk', 'balance': '753.65'}]})
    page = api.get(f'/api/portfolios/{number}/converted/history?from=2022-12-30&to=2023-01-02&order=asc').json_body['result']
    # 753.65 / 7.5365, then 753.65 / 7.5345
    assert [(one['balance'], one['complete']) for one in page] == [*[('100.00', True)] * 2, *[('100.03', True)] * 2]


def test_the_history_of_a_currency_whose_zeros_were_cut_is_continuous(api: Api, world: Sources) -> None:
    days = [date(2025, 12, 1) + timedelta(days=number) for number in range(60)]
    world.says['frankfurter'] = said(*(row(day, 'SYP', '13000' if day < date(2026, 1, 1) else '130') for day in days))
    world.says['nbp'] = Answer(404, 'Brak danych', 'text/plain')
    for code in ('usd', 'syp', 'btc', 'eth'):
        backfill_daily_closes(code, SOON)
    number = api.portfolio(currencies=('usd',))
    api.post(f'/api/portfolios/{number}/offsets', {'title': 'Cash', 'balances': [{'currency': 'syp', 'balance': '13000'}]})
    page = api.get(f'/api/portfolios/{number}/converted/history?from=2025-12-30&to=2026-01-02').json_body['result']
    assert [(one['balance'], one['complete']) for one in page] == [('100.00', True)] * 4
    assert YearOfDailyCloses.get('CLOSES#usd/syp', '2025').packed['2025-12-31'] == ['13000.0', 'frankfurter']
