"""Rates of exchange: what is fetched for whom, how it is kept, and what happens when sources fail."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Context, Decimal
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.conversion import Pair, Rate, Rates
from chalicelib.domain.rates import AS_PUBLISHED, BackfillProgress, DailyClose, day_of, midnight, pair_of
from chalicelib.errors import Upstream
from chalicelib.jobs import rates as jobs
from chalicelib.models import (
    DownloadProgress,
    HourlyRates,
    Item,
    LatestRates,
    TrackedCurrency,
    UpstreamState,
    add_daily_closes,
    read_daily_closes,
)
from chalicelib.providers.rates import RATE_SOURCES
from chalicelib.services.histories import refresh
from chalicelib.services.rates import current, daily_closes, past
from chalicelib.services.rates.backfill import backfill_daily_closes
from chalicelib.services.rates.fetch import fetch_rates
from infra.fake_upstreams import rates as sample
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.api import Api
from tests.support.clock import START, StoppedClock
from tests.support.dynamodb import Killed, killed_after
from tests.support.jobs import CONTEXT, Queue, record
from tests.support.rate_sources import NONSENSE, Sources, sources
from tests.support.unforeseen import SAID, noted, surprised

NOW = START
HOUR, DAY = 3_600, 86_400
TODAY = day_of(NOW)
NOON = midnight(TODAY) - DAY + 12 * HOUR  # yesterday's: nothing that happens then is in the first hour of a day
SOON = 1_000_000  # seconds since a test began
DOWN = NONSENSE['down']
# These tests compute medians by hand, so they keep to these sources, whatever others there are.
FIVE = ('bitstamp', 'coinbase', 'coingecko', 'ecb', 'kraken')


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    five = tuple(source for source in RATE_SOURCES if source.endpoint.key in FIVE)
    for module in ('fetch', 'backfill'):
        monkeypatch.setattr(f'chalicelib.services.rates.{module}.RATE_SOURCES', five)
    with sources() as made:
        yield made


@pytest.fixture
def messages(queues: dict[str, str]) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that takes all messages out of the rates queue."""
    return Queue(queues[settings().rates_queue], jobs.fetch_rates).bodies


def progress(codes: list[str]) -> list[BackfillProgress]:
    """Return how far the closes of these currencies are."""
    return [one for one in daily_closes.read(codes, TODAY, TODAY).progress if one.currency in codes]


def latest() -> current.LatestSet:
    """Return what is latest in the table."""
    current.forget()
    return current.latest()


def price(known: Rates, base: str, quote: str) -> Decimal | None:
    return known.convert(Decimal(1), base, quote)


def circuits_close() -> None:
    for key in FIVE:
        UpstreamState.at(key).update([UpstreamState.kind.set(UpstreamState), UpstreamState.open_until.set(0)])


def tracked(*codes: str, now: int = NOW) -> None:
    for code in codes:
        TrackedCurrency.register(code, now)


def state(code: str) -> Any:
    return read_daily_closes([pair_of(code)], ())[pair_of(code)].state


def stored_days(code: str) -> list[date]:
    return sorted(read_daily_closes([pair_of(code)], range(2009, TODAY.year + 1))[pair_of(code)].by_day)


# Fetching


def test_the_rates_that_routes_lead_through_are_there_without_anybody_asking() -> None:
    fetch_rates(NOW)

    found = latest()
    assert (found.at, found.requested) == (NOW, {'btc', 'eth', 'usd', 'eur'})
    assert price(found.rates, 'btc', 'usd') == Decimal('11775.36')
    assert price(found.rates, 'btc', 'eur') == Decimal('9420.288')
    assert found.rates.by_pair['btc', 'usd'].sources == 'bitstamp,coinbase,coingecko,kraken'
    assert found.rates.by_pair['eur', 'usd'].sources == 'ecb'


def test_only_what_somebody_wants_is_asked_for_in_one_request_to_each_source(world: Sources) -> None:
    tracked('ltc', 'usdt', 'gbp', 'aed')
    tracked('doge', now=NOW - 9 * DAY)  # nobody does any more

    fetch_rates(NOW)

    assert sorted(world.asked) == [
        'bitstamp/ticker/',
        'coinbase/v2/exchange-rates',
        'coingecko/simple/price',
        'ecb/eurofxref-daily.xml',
        'kraken/0/public/Ticker',
    ]
    ids = {request.query.get('ids') for request in world.server.requests}
    assert 'bitcoin,ethereum,litecoin,tether' in ids
    assert latest().requested == {'btc', 'eth', 'usd', 'eur', 'ltc', 'usdt', 'gbp', 'aed'}
    assert set(latest().rates.by_pair) == {
        *((code, 'usd') for code in ('btc', 'eth', 'ltc', 'usdt', 'eur')),
        *(('eur', 'gbp'), ('usd', 'aed')),
    }


@pytest.mark.parametrize('nonsense', NONSENSE)
@pytest.mark.parametrize('key', FIVE)
def test_one_source_that_fails_leaves_the_others(world: Sources, key: str, nonsense: str) -> None:
    world.says[key] = NONSENSE[nonsense]

    fetch_rates(NOW)

    found = latest().rates.by_pair
    assert found['eur', 'usd'].sources == ('coinbase' if key == 'ecb' else 'ecb')
    assert found['btc', 'usd'].price == Decimal('11775.36')
    assert key not in found['btc', 'usd'].sources
    assert UpstreamState.find_many([key])[key].health(NOW) == 'failing'


def test_a_source_that_fails_in_a_way_that_nobody_foresaw_leaves_the_others_and_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ('fetch', 'backfill'):
        changed = tuple(surprised(one, 'latest', 'daily_closes') if one.endpoint.key == 'bitstamp' else one for one in RATE_SOURCES)
        monkeypatch.setattr(f'chalicelib.services.rates.{module}.RATE_SOURCES', changed)

    fetch_rates(NOW)
    assert latest().rates.by_pair['btc', 'usd'].price == Decimal('11775.36')
    assert noted('bitstamp') == SAID
    backfill_daily_closes('btc', SOON)
    assert len(stored_days('btc')) > 300


def test_answers_of_a_shape_nobody_expects_are_not_the_end_of_the_others(world: Sources) -> None:
    world.says['kraken'] = as_json({'error': [], 'result': {'BTC/USD': 7, 'ETH/USD': {'c': 'x', 'v': ['1']}}})
    world.says['bitstamp'] = as_json([['BTC/USD']])

    fetch_rates(NOW)

    assert latest().rates.by_pair['btc', 'usd'].sources == 'coinbase,coingecko'


def test_whatever_goes_wrong_with_one_source_the_others_are_heard() -> None:
    def refuse(params: dict[str, Any], **_: Any) -> None:
        if 'BUCKET#kraken' in str(params['body']):
            raise RuntimeError('no table for you')

    events = Item.connection().client.meta.events
    events.register('before-call.dynamodb.UpdateItem', refuse)
    try:
        fetch_rates(NOW)
    finally:
        events.unregister('before-call.dynamodb.UpdateItem', refuse)

    assert latest().rates.by_pair['btc', 'usd'].sources == 'bitstamp,coinbase,coingecko'


def test_when_every_source_fails_nothing_changes_and_all_are_named(world: Sources) -> None:
    fetch_rates(NOW - 600)
    before = latest()
    world.says = dict.fromkeys(FIVE, DOWN)

    with pytest.raises(Upstream) as caught:
        fetch_rates(NOW)

    assert all(key in str(caught.value) for key in FIVE)
    assert latest().at == before.at
    assert latest().rates.by_pair == before.rates.by_pair


def test_a_price_far_off_is_not_believed(world: Sources) -> None:
    world.says['kraken'] = as_json({'error': [], 'result': {'BTC/USD': {'c': ['99999999'], 'v': ['1']}}})

    fetch_rates(NOW)

    assert latest().rates.by_pair['btc', 'usd'].sources == 'bitstamp,coinbase,coingecko'
    assert latest().rates.by_pair['btc', 'usd'].price == Decimal('11775.36')


def test_when_two_sources_disagree_the_rate_says_so(world: Sources) -> None:
    world.says = dict.fromkeys(('coinbase', 'bitstamp'), DOWN)
    world.says['kraken'] = as_json({'error': [], 'result': {'BTC/USD': {'c': ['20000'], 'v': ['1']}}})

    fetch_rates(NOW)

    assert latest().rates.by_pair['btc', 'usd'].disputed


def test_a_currency_keeps_the_rate_it_loses_for_a_day(world: Sources) -> None:
    now = clock.now()
    tracked('usdt', now=now - 2 * DAY)
    fetch_rates(now - DAY + 600)
    world.says['coingecko'] = as_json({})

    fetch_rates(now)
    assert price(latest().rates, 'usdt', 'usd') is not None
    fetch_rates(now + 601)

    assert price(latest().rates, 'usdt', 'usd') is None
    assert 'usdt' in latest().requested
    assert price(latest().rates, 'btc', 'usd') is not None


def euro_published_on(day: date) -> Answer:
    names = 'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"'
    cube = f'<Cube time="{day}"><Cube currency="USD" rate="1.25"/></Cube>'
    return Answer(200, f'<Envelope {names}><Cube>{cube}</Cube></Envelope>', 'text/xml')


@pytest.mark.parametrize(('days', 'source'), [(3, 'ecb'), (6, 'coinbase'), (9, 'coinbase')])
def test_a_rate_of_the_central_bank_that_is_not_fresh_gives_way_to_what_a_market_says(world: Sources, days: int, source: str) -> None:
    tracked('chf')
    names = 'xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"'
    fixed_on = day_of(NOW + 9 * HOUR) - timedelta(days=days)  # at 15:00, less than that many days ago whatever the hour is now
    cube = f'<Cube time="{fixed_on}"><Cube currency="USD" rate="1.25"/><Cube currency="CHF" rate="1.16"/></Cube>'
    world.says['ecb'] = Answer(200, f'<Envelope {names}><Cube>{cube}</Cube></Envelope>', 'text/xml')

    fetch_rates(NOW)

    found = latest().rates.by_pair['eur', 'chf']
    assert (found.sources, f'{found.price:.4f}') == (source, '1.1600' if source == 'ecb' else '1.1700')
    assert price(latest().rates, 'btc', 'chf') == price(latest().rates, 'btc', 'eur') * found.price  # type: ignore[operator]


@pytest.mark.parametrize(('days', 'there'), [(3, True), (6, True), (8, False)])
def test_rates_of_the_central_bank_last_over_holidays(world: Sources, days: int, there: bool) -> None:
    world.says['coinbase'] = DOWN
    world.says['ecb'] = euro_published_on(TODAY - timedelta(days=days))

    fetch_rates(NOW)

    assert (price(latest().rates, 'eur', 'usd') == Decimal('1.25')) is there


@contextmanager
def between(operation: str, happens: Callable[[], None]) -> Iterator[None]:
    """Let something happen right after the first request of a kind to the table."""
    events = Item.connection().client.meta.events

    def hook(**_: Any) -> None:
        events.unregister(f'after-call.dynamodb.{operation}', hook)
        happens()

    events.register(f'after-call.dynamodb.{operation}', hook)
    yield


def test_what_one_run_observes_another_at_the_same_time_does_not_lose() -> None:
    with between('GetItem', lambda: fetch_rates(NOW, ['doge'])):
        fetch_rates(NOW, ['ltc'])

    found = latest()
    assert {'ltc', 'doge'} < found.requested
    assert all(price(found.rates, code, 'usd') for code in ('ltc', 'doge', 'btc'))


@pytest.mark.parametrize('writes', range(1, 9))
def test_a_run_that_dies_after_any_write_is_made_good_by_the_next(writes: int) -> None:
    now = midnight(TODAY) + 60
    try:
        with killed_after(writes):
            fetch_rates(now)
    except Killed:
        pass
    circuits_close()

    fetch_rates(now + 300)
    fetch_rates(now + HOUR)

    assert price(latest().rates, 'btc', 'usd') == Decimal('11775.36')
    assert price(past.at(now + HOUR + 60, ()).rates, 'btc', 'usd') == Decimal('11775.36')


def test_four_requests_to_the_table_do_for_a_run_between_hours(requests_made: list[str]) -> None:
    fetch_rates(NOON)
    requests_made.clear()

    fetch_rates(NOON + 300)

    asked = [name for name in requests_made if name != 'UpdateItem']  # those are the rate limits'
    assert asked == ['Query', 'GetItem', 'PutItem', 'PutItem']


# Reading the latest


def test_before_the_first_set_there_are_no_rates() -> None:
    found = current.latest(['btc'])
    assert (found.at, found.requested, dict(found.rates.by_pair)) == (0, frozenset(), {})
    assert found.rates.at == clock.now()


def test_the_latest_rates_are_held_for_a_minute(requests_made: list[str], stopped_clock: StoppedClock) -> None:
    fetch_rates(NOW)
    requests_made.clear()

    assert current.latest() is current.latest(['btc'])
    stopped_clock.advance(59)
    current.latest()
    assert requests_made == ['GetItem']
    stopped_clock.advance(1)
    current.latest()
    assert requests_made == ['GetItem', 'GetItem']


def test_rates_of_what_is_newly_asked_about_are_seen_within_seconds(requests_made: list[str], stopped_clock: StoppedClock) -> None:
    fetch_rates(NOW)
    current.latest(['ltc'])
    requests_made.clear()

    for _ in range(5):
        current.latest(['ltc'])
    assert requests_made == []
    stopped_clock.advance(2)
    current.latest(['ltc'])
    current.latest(['btc'])
    assert requests_made == ['GetItem']


def test_rates_that_grew_too_old_without_a_run_are_not_told() -> None:
    fetch_rates(NOW - 2 * DAY)

    assert set(latest().rates.by_pair) == {('eur', 'usd')}
    assert latest().at == NOW - 2 * DAY


def test_a_process_that_fetches_rates_knows_them_at_once() -> None:
    assert current.latest().at == 0
    fetch_rates(NOW)
    assert current.latest().at == NOW


def test_latest_rates_of_hundreds_of_currencies_fit_an_item() -> None:
    codes = [code for source in RATE_SOURCES for code in source.codes]
    fetch_rates(NOW, codes)

    item = LatestRates.find()
    assert len(item.requested) > 700
    assert len(json.dumps(item.to_dynamodb_dict(), default=repr)) < 200_000


# Wanting


def test_a_currency_wanted_for_the_first_time_is_sent_for(messages: Callable[[], list[dict[str, Any]]]) -> None:
    fetch_rates(NOW)
    messages()

    assert current.track(['ltc', 'btc', 'usdt', 'usd'], NOW)

    assert messages() == [{'currencies': ['ltc', 'usdt']}, {'backfill': 'ltc'}, {'backfill': 'usdt'}]
    assert TrackedCurrency.every(NOW) == {'ltc': NOW + 8 * DAY, 'usdt': NOW + 8 * DAY}


def test_what_is_wanted_already_costs_nothing(messages: Callable[[], list[dict[str, Any]]], requests_made: list[str]) -> None:
    current.track(['ltc'], NOW)
    fetch_rates(NOW)
    current.latest()
    messages()
    requests_made.clear()

    assert not current.track(['ltc', 'btc'], NOW + HOUR)

    assert requests_made == []
    assert messages() == []


def test_before_the_first_rates_all_that_are_wanted_are_sent_for(messages: Callable[[], list[dict[str, Any]]]) -> None:
    for codes in (['btc', 'usd'], ['ltc'], ['ltc']):
        current.track(codes, NOW)
        assert messages() == [{'currencies': []}]


def test_another_process_need_not_send_again(messages: Callable[[], list[dict[str, Any]]]) -> None:
    assert LatestRates.find().store(NOW, [], [], {'btc': NOW + DAY})
    current.track(['ltc'], NOW)
    messages()
    current.forget()

    assert not current.track(['ltc'], NOW + 1)
    assert messages() == []


def test_wanting_is_renewed_once_a_day(requests_made: list[str]) -> None:
    current.track(['ltc'], NOW)
    fetch_rates(NOW)
    current.latest()
    requests_made.clear()

    for _ in range(3):
        assert not current.track(['ltc'], NOW + DAY + 1)

    assert requests_made == ['PutItem']
    assert TrackedCurrency.every(NOW) == {'ltc': NOW + DAY + 1 + 8 * DAY}


def test_what_nobody_wants_for_eight_days_is_not_asked_for_any_more_and_wanted_anew_after_that() -> None:
    current.track(['ltc'], NOW - 9 * DAY)
    fetch_rates(NOW - 9 * DAY)
    fetch_rates(NOW)

    assert 'ltc' not in latest().requested
    assert current.track(['ltc'], NOW)


def test_unknown_currencies_are_not_wanted() -> None:
    assert not current.track(['nonsense'], NOW)


def test_a_first_rate_is_there_when_the_queue_is_worked_off(queues: dict[str, str]) -> None:
    fetch_rates(NOW)
    current.track(['ltc', 'gbp'], NOW)
    assert price(latest().rates, 'ltc', 'gbp') is None

    Queue(queues[settings().rates_queue], jobs.fetch_rates).drain()

    assert price(latest().rates, 'ltc', 'gbp') is not None
    assert progress(['ltc', 'gbp']) == [
        BackfillProgress('gbp', date(2013, 1, 1), date.fromisoformat(state('gbp').until or ''), done=True),
        BackfillProgress('ltc', date(2013, 1, 1), TODAY, done=True),
    ]


# Rates that do not come


def value_of(api: Api, number: int, path: str) -> tuple[str, str | None]:
    """Return what a portfolio is worth now, and why that is not all."""
    row = api.get(f'/api/portfolios/{number}/{path}').json_body['result'][0]
    return row['balance'], row['missing'][0]['reason'] if 'missing' in row else None


def test_a_rate_that_was_asked_for_and_did_not_come_is_asked_for_again_and_the_history_follows(
    api: Api, world: Sources, delayed_messages: list[tuple[Any, int]], stopped_clock: StoppedClock
) -> None:
    fetch_rates(clock.now())
    world.says['coingecko'] = NONSENSE['throttled']
    number = api.portfolio(currencies=('usd',))
    body = {'title': 'x', 'balances': [{'currency': 'usdt', 'balance': '1'}]}
    assert api.post(f'/api/portfolios/{number}/offsets', body).status_code == 201
    fetch_rates(clock.now(), ['usdt'])
    assert delayed_messages[-1] == ({'currencies': ['usdt'], 'tries': 1}, 30)
    refresh.refresh(api.user_id, number, waits=1)
    assert delayed_messages[-1][0] == {'user_id': api.user_id, 'portfolio_id': number, 'waits': 2}
    assert value_of(api, number, 'converted') == ('0.00', 'rate_pending')
    assert value_of(api, number, 'converted/history') == ('0.00', 'no_rate')

    del world.says['coingecko']
    circuits_close()
    stopped_clock.advance(30)
    fetch_rates(clock.now(), ['usdt'], tries=1)
    refresh.refresh(api.user_id, number, waits=2)

    assert value_of(api, number, 'converted')[1] is None
    assert value_of(api, number, 'converted/history') == value_of(api, number, 'converted')
    assert latest().pending == frozenset()


def test_it_is_asked_for_a_few_times_and_then_by_the_schedule_and_counts_as_pending_for_an_hour(
    world: Sources, delayed_messages: list[tuple[Any, int]], stopped_clock: StoppedClock
) -> None:
    tracked('usdt')
    world.says['coingecko'] = NONSENSE['throttled']
    for tries in range(4):
        fetch_rates(clock.now(), ['usdt'], tries)
    fetch_rates(clock.now())
    assert delayed_messages == [({'currencies': ['usdt'], 'tries': tries + 1}, 30 * 2**tries) for tries in range(3)]
    for seconds, is_pending in ((3_599, True), (1, False)):
        stopped_clock.advance(seconds)
        fetch_rates(clock.now())
        assert ('usdt' in latest().pending) is is_pending


# Hourly sets


def kept_at(instant: int) -> Mapping[Pair, Rate] | None:
    """Return the rates that were kept for the hour of an instant, None if none were."""
    found = past.at(instant, ())
    return found.rates.by_pair if found.is_hourly else None


def test_the_first_run_of_each_hour_is_kept_and_never_changed(world: Sources) -> None:
    hour = NOON
    fetch_rates(hour)
    kept = kept_at(hour + 60)
    world.says['coingecko'] = as_json({'bitcoin': {'usd': 12_000}})

    fetch_rates(hour + 300)
    assert kept_at(hour + 600) == kept
    fetch_rates(hour + HOUR)

    assert kept_at(hour + HOUR - 1) == kept
    assert kept_at(hour + HOUR + 60) not in (kept, None)
    assert kept_at(hour - 1) is None


def test_a_set_is_not_there_before_it_was_made() -> None:
    fetch_rates(NOON + 120)
    assert kept_at(NOON + 60) is None
    assert kept_at(NOON + 120) is None
    assert past.at(NOON + 180, ()).rates.at == NOON + 180


@pytest.mark.parametrize(('seconds', 'is_kept'), [(2 * HOUR - 1, True), (2 * HOUR, False)])
def test_a_set_is_of_its_hour_and_the_next(seconds: int, is_kept: bool) -> None:
    fetch_rates(NOON)
    assert (kept_at(NOON + seconds) is not None) is is_kept
    assert past.HourlySets(0).at(NOON + seconds) is None or is_kept


def test_what_is_too_old_at_an_instant_is_not_used_then() -> None:
    old = [Rate('btc', 'usd', Decimal(9), NOON - DAY, 'kraken'), Rate('eur', 'usd', Decimal(2), NOON - DAY, 'ecb')]
    HourlyRates.store(NOON, old)
    assert set(kept_at(NOON + 1) or ()) == {('eur', 'usd')}


def test_the_sets_of_a_page_are_those_of_each_instant_by_itself(requests_made: list[str]) -> None:
    first = midnight(TODAY.replace(day=1))
    hours = [-30, -5, -4, -1, 0, 1, 2, 3, 7]
    for number, hour in enumerate(hours):
        HourlyRates.store(first + hour * HOUR + 9, [Rate('btc', 'usd', Decimal(number + 1), first + hour * HOUR, 'kraken')])
    instants = range(first - 8 * HOUR, first + 9 * HOUR, HOUR)
    for ahead, ordered in ((20, list(instants)), (-20, list(reversed(instants))), (3, list(instants))):
        sets = past.HourlySets(ahead)
        requests_made.clear()
        found = [sets.at(instant) for instant in ordered]
        assert len(requests_made) <= (2 if abs(ahead) == 20 else 6)
        assert [None if one is None else one.by_pair for one in found] == [kept_at(instant) for instant in ordered]
    assert [(at - first) // HOUR for at in instants if kept_at(at) is not None] == [-4, -3, 1, 2, 3, 4, 8]


def test_the_newest_set_may_be_of_the_month_before(requests_made: list[str]) -> None:
    first = midnight(TODAY.replace(day=1))
    HourlyRates.store(first - 30, [])
    HourlyRates.store(first - DAY, [])
    fetch_rates(first - HOUR)
    requests_made.clear()

    assert kept_at(first + 10) == {}  # those of 30 seconds before, which had none
    assert requests_made == ['Query', 'Query']


def test_two_runs_at_once_make_one_set_of_the_hour() -> None:
    assert [HourlyRates.store(NOON + second, []) for second in (1, 2)] == [True, False]


def test_a_run_for_some_currencies_makes_no_set_of_the_hour() -> None:
    fetch_rates(NOON, ['btc'])
    assert kept_at(NOON + 60) is None


# Daily closes


def test_the_first_run_of_a_day_makes_its_closes() -> None:
    tracked('usdt', 'aed')
    fetch_rates(midnight(TODAY) + 60)

    on = daily_closes.read(['usdt', 'aed'], TODAY, TODAY).on(TODAY)
    published = {('eur', 'usd'), ('usd', 'aed')}  # in the course of a day, and so had when the next one begins
    assert {('btc', 'usd'), ('eth', 'usd'), ('usdt', 'usd'), *(published if TODAY < AS_PUBLISHED else ())} == {*on.by_pair}
    tomorrow = daily_closes.read(['usdt', 'aed'], TODAY, TODAY).on(TODAY + timedelta(days=1))
    assert published <= {*tomorrow.by_pair}
    assert on.by_pair['btc', 'usd'].price == Decimal('11775.36')
    assert on.at == on.by_pair['btc', 'usd'].at == midnight(TODAY)


def test_later_runs_make_no_closes_but_those_the_central_bank_publishes(world: Sources) -> None:
    yesterday = day_of(NOON)
    last_friday = yesterday - timedelta(days=(yesterday.weekday() - 4) % 7)
    world.says['ecb'] = euro_published_on(last_friday)
    world.says['coinbase'] = DOWN  # whose price would be the rate once the bank's is not fresh

    fetch_rates(NOON)

    assert stored_days('btc') == []
    assert stored_days('eur') == [last_friday]


def test_a_close_is_never_changed(world: Sources) -> None:
    fetch_rates(midnight(TODAY) + 60)
    before = daily_closes.read([], TODAY, TODAY)
    add_daily_closes(('btc', 'usd'), [DailyClose(TODAY, 'btc', 'usd', Decimal(1), 'bitstamp')], NOW)

    after = daily_closes.read([], TODAY, TODAY)
    assert after.on(TODAY).by_pair == before.on(TODAY).by_pair
    assert after.versions == before.versions


def test_a_disputed_rate_makes_a_disputed_close_and_an_old_one_none(world: Sources) -> None:
    now = midnight(TODAY) + 600
    world.says = dict.fromkeys(('coinbase', 'bitstamp'), DOWN)
    world.says['kraken'] = as_json({'error': [], 'result': {'BTC/USD': {'c': ['20000'], 'v': ['1']}}})
    world.says['coingecko'] = as_json({'bitcoin': {'usd': 11_000}, 'ethereum': {'usd': 1_000, 'last_updated_at': now - HOUR}})

    fetch_rates(now)

    closes = daily_closes.read(['btc'], TODAY, TODAY).on(TODAY)
    assert TODAY in stored_days('btc')
    assert price(closes, 'btc', 'usd') is None
    assert closes.reason_without_route('usd', 'btc') == 'disputed'
    assert TODAY not in stored_days('eth')


def test_the_price_that_was_agreed_on_decides_when_sources_contradict_each_other_later(world: Sources) -> None:
    tracked('doge')
    fetch_rates(NOW - 600)
    world.says['coinbase'] = as_json({'data': {'currency': 'BTC', 'rates': {'USD': '10000', 'DOGE': '1000'}}})
    world.says |= dict.fromkeys(('kraken', 'bitstamp'), DOWN)

    fetch_rates(NOW + 1_000)  # by then neither Kraken's nor Bitstamp's prices of before are fresh

    rate = latest().rates.by_pair['doge', 'usd']
    assert (rate.price, rate.disputed) == (Decimal('0.0078'), False)
    assert 'coinbase' not in rate.sources


@pytest.mark.parametrize(('code', 'first'), [('btc', date(2013, 1, 1)), ('usdt', TODAY - timedelta(days=364))])
def test_a_backfill_fetches_every_day_that_is_to_be_had(code: str, first: date) -> None:
    backfill_daily_closes(code, SOON)

    days = stored_days(code)
    assert (days[0], days[-1], len(days)) == (first, TODAY, (TODAY - first).days + 1)
    assert progress([code]) == [BackfillProgress(code, first, TODAY, done=True)]


def test_a_backfill_of_fiat_has_every_working_day() -> None:
    backfill_daily_closes('gbp', SOON)

    days = stored_days('gbp')
    assert days[0] == date(2013, 1, 1)
    assert all(day.weekday() < 5 for day in days)
    assert progress(['gbp'])[0].until == days[-1]
    closes = daily_closes.read(['gbp'], date(2020, 2, 29), date(2020, 3, 1))
    saturday = closes.on(date(2020, 2, 29)).by_pair['eur', 'gbp']
    assert saturday.price == sample.steady_close(sample.FIAT['gbp'], date(2020, 2, 28)).normalize()
    assert saturday.at == midnight(date(2020, 2, 28))


def test_a_currency_that_nobody_has_closes_of_is_done_at_once(world: Sources) -> None:
    backfill_daily_closes('uah', SOON)
    assert progress(['uah']) == [BackfillProgress('uah', None, TODAY, done=True)]
    assert world.asked == []


def test_a_pegged_currency_has_a_past_without_anybody_being_asked(world: Sources) -> None:
    backfill_daily_closes('aed', SOON)
    assert progress(['aed']) == [BackfillProgress('aed', date(2009, 1, 1), TODAY, done=True)]
    assert world.asked == []
    assert price(daily_closes.read(['aed'], TODAY, TODAY).on(date(2019, 7, 4)), 'aed', 'usd') == Context(prec=50).divide(
        1, Decimal('3.6725')
    )


def test_a_backfill_that_is_repeated_asks_for_nothing_and_changes_nothing(world: Sources) -> None:
    backfill_daily_closes('btc', SOON)
    before = daily_closes.read([], TODAY, TODAY).versions
    world.server.requests.clear()

    backfill_daily_closes('btc', SOON)

    assert world.asked == []
    assert daily_closes.read([], TODAY, TODAY).versions == before


def test_a_backfill_goes_on_slice_by_slice(world: Sources, messages: Callable[[], list[dict[str, Any]]]) -> None:
    reached = []
    for _ in range(20):
        backfill_daily_closes('btc', 0)
        reached.append(progress(['btc'])[0])
        if not messages():
            break
    assert len(reached) > 4
    assert [one.done for one in reached] == [False] * (len(reached) - 1) + [True]
    assert [one.until for one in reached] == sorted({one.until for one in reached if one.until})
    assert stored_days('btc')[0] == date(2013, 1, 1)
    assert len([path for path in world.asked if path.startswith('bitstamp')]) == len(reached)


def test_another_source_fills_in_for_one_that_is_down_and_the_next_run_asks_the_first_again(world: Sources) -> None:
    world.says['bitstamp'] = DOWN
    backfill_daily_closes('btc', SOON)
    assert stored_days('btc')[0] == TODAY - timedelta(days=364)
    assert not progress(['btc'])[0].done

    world.says.clear()
    circuits_close()
    backfill_daily_closes('btc', SOON)

    assert stored_days('btc')[0] == date(2013, 1, 1)
    assert progress(['btc'])[0].done


def test_when_all_sources_of_closes_are_down_the_message_comes_back(world: Sources) -> None:
    world.says = dict.fromkeys(('bitstamp', 'coingecko'), DOWN)
    message = record({'backfill': 'btc'})

    answer = jobs.fetch_rates({'Records': [message]}, CONTEXT)

    assert answer == {'batchItemFailures': [{'itemIdentifier': message['messageId']}]}
    assert stored_days('btc') == []


def test_the_second_source_fills_the_gaps_of_the_first(world: Sources) -> None:
    def since_summer(request: Any) -> Answer:
        told = sample.UPSTREAMS['bitstamp'](request.path, request.query)
        bars = json.loads(told.body)['data']['ohlc']
        return as_json({'data': {'ohlc': [bar for bar in bars if int(bar['timestamp']) > NOW - 100 * DAY]}})

    world.says['bitstamp'] = since_summer
    backfill_daily_closes('btc', SOON)

    assert len(stored_days('btc')) == 365
    closes = read_daily_closes([('btc', 'usd')], [TODAY.year - 1, TODAY.year])['btc', 'usd']
    sources_of = {close.source for close in closes.by_day.values()}
    assert sources_of == {'bitstamp', 'coingecko'}


def test_a_missed_week_is_sent_for_and_filled(world: Sources, messages: Callable[[], list[dict[str, Any]]]) -> None:
    week_ago = midnight(TODAY) - 7 * DAY
    fetch_rates(week_ago + 60)
    for code in ('btc', 'eth', 'usd'):
        add_daily_closes(pair_of(code), (), NOW, DownloadProgress(day_of(week_ago)))  # their backfills are done
    messages()
    fetch_rates(week_ago + HOUR)
    assert messages() == []

    fetch_rates(midnight(TODAY) + 60)

    sent = messages()
    assert sent == [{'backfill': 'btc'}, {'backfill': 'eth'}, {'backfill': 'usd'}]
    for message in sent:
        backfill_daily_closes(message['backfill'], SOON)
    week = [TODAY - timedelta(days=back) for back in range(8)]
    assert {*week} <= {*stored_days('btc')}
    assert {day for day in week if day.weekday() < 5} <= {*stored_days('usd')}
    assert [request.query.get('days') for request in world.server.requests if request.path[-1] == 'market_chart'] == [
        *('7', '365'),  # to be compared with, and to fill what is missing from the last year
        *('7', '365'),
    ]
    fetch_rates(midnight(TODAY) + HOUR)
    assert messages() == []


def test_days_without_a_gap_are_not_sent_for(messages: Callable[[], list[dict[str, Any]]]) -> None:
    for code in ('btc', 'eth', 'usd'):
        backfill_daily_closes(code, SOON)
    for hour in range(3):
        fetch_rates(midnight(TODAY) + hour * HOUR + 60)
    assert messages() == []


def test_a_weekend_is_no_gap(messages: Callable[[], list[dict[str, Any]]], world: Sources) -> None:
    friday, monday = date(2026, 3, 6), date(2026, 3, 9)
    for day in (friday, monday):
        world.says['ecb'] = euro_published_on(day)
        for hours in (16, 30):
            fetch_rates(midnight(day) + hours * HOUR)
            if day == friday:
                add_daily_closes(('eur', 'usd'), (), NOW, DownloadProgress(friday))
        sent = [message for message in messages() if message == {'backfill': 'usd'}]
    assert sent == []
    assert stored_days('usd') == [friday, monday]


def test_closes_are_carried_for_a_week_and_not_longer() -> None:
    day = date(2020, 1, 1)
    add_daily_closes(('btc', 'usd'), [DailyClose(day, 'btc', 'usd', Decimal(7_200), 'bitstamp')], NOW, DownloadProgress(TODAY))
    found = daily_closes.read([], day + timedelta(days=7), day + timedelta(days=8))
    assert price(found.on(day + timedelta(days=7)), 'btc', 'usd') == 7_200
    assert price(found.on(day + timedelta(days=8)), 'btc', 'usd') is None


def test_a_reader_learns_from_when_on_closes_were_added() -> None:
    def added(*days: date) -> None:
        add_daily_closes(('btc', 'usd'), [DailyClose(day, 'btc', 'usd', Decimal(5), 'bitstamp') for day in days], NOW)

    added(date(2020, 1, 5))
    seen = daily_closes.read([], TODAY, TODAY).versions
    assert seen['btc/usd'] == 1
    added(date(2019, 12, 31), date(2020, 1, 6))
    added(date(2020, 1, 7))
    found = daily_closes.read([], TODAY, TODAY)
    assert found.versions['btc/usd'] == 3
    assert found.changed_since(seen) == date(2019, 12, 31)
    assert found.changed_since(found.versions) is None
    for day in range(8, 31):
        added(date(2020, 1, day))
    assert daily_closes.read([], TODAY, TODAY).changed_since(seen) == date.min


def test_closes_that_two_add_at_once_are_all_there() -> None:
    days = [date(2020, 1, 1), date(2020, 1, 2)]

    def add(day: date) -> None:
        add_daily_closes(('btc', 'usd'), [DailyClose(day, 'btc', 'usd', Decimal(5), 'bitstamp')], NOW)

    with between('BatchGetItem', lambda: add(days[0])):
        add(days[1])

    assert stored_days('btc') == days
    assert state('btc').version == 2


def test_closes_of_many_years_are_one_request(requests_made: list[str]) -> None:
    backfill_daily_closes('btc', SOON)
    requests_made.clear()

    found = daily_closes.read(['btc'], date(2013, 1, 1), TODAY)

    assert requests_made == ['BatchGetItem']
    assert price(found.on(date(2013, 1, 1)), 'btc', 'usd') == sample.close(sample.COINS['btc'], date(2013, 1, 1))


# Jobs


def test_the_schedule_fetches_what_is_wanted() -> None:
    tracked('ltc')
    fields = ('version', 'account', 'region', 'detail', 'detail-type', 'source', 'time', 'id', 'resources')

    jobs.update_rates(dict.fromkeys(fields, ''), CONTEXT)

    assert price(latest().rates, 'ltc', 'usd') == Decimal('180.25')


def test_a_run_that_fails_is_told_to_lambda(world: Sources) -> None:
    world.says = dict.fromkeys(FIVE, DOWN)
    fields = ('version', 'account', 'region', 'detail', 'detail-type', 'source', 'time', 'id', 'resources')

    with pytest.raises(Upstream):
        jobs.update_rates(dict.fromkeys(fields, ''), CONTEXT)
