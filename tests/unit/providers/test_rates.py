"""The sources of rates: what they make of answers, recorded ones and nonsense, and how often they ask."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain import currencies
from chalicelib.domain.pegs import PEGS
from chalicelib.domain.rates import DailyClose, Observation
from chalicelib.errors import Upstream
from chalicelib.providers.rates import RATE_SOURCES, ClosesPage, RateSource
from chalicelib.providers.rates.rate_source import SYMBOLS
from chalicelib.providers.transport import Http
from infra.fake_upstreams import rates as sample
from infra.fake_upstreams.answer import Answer, as_json
from tests.support.rate_sources import KEYS, NONSENSE, Sources, sources
from tests.support.recordings import recording

NOW = 1_780_000_000
TODAY = date(2026, 5, 28)
BY_KEY = {source.endpoint.key: source for source in RATE_SOURCES}
ALL = [currency.code for currency in currencies.every()]


@pytest.fixture
def world() -> Iterator[Sources]:
    with sources() as made:
        yield made


def latest(key: str, codes: Any, now: int = NOW) -> list[Observation]:
    return BY_KEY[key].latest(Http(lambda _: None), codes, now)


def closes(key: str, code: str, since: date, today: date = TODAY) -> ClosesPage:
    return BY_KEY[key].daily_closes(Http(lambda _: None), code, since, today)


def prices(found: list[Observation]) -> dict[str, str]:
    return {f'{one.base}/{one.quote}': f'{one.price:f}' for one in found}


def said(body: Any) -> Answer:
    return Answer(200, body, 'text/plain') if isinstance(body, str) else as_json(body)


def test_every_source_has_a_fake() -> None:
    assert BY_KEY.keys() == sample.UPSTREAMS.keys(), 'add the source to UPSTREAMS in infra/fake_upstreams/rates.py'


@pytest.mark.parametrize('key', KEYS)
def test_each_is_asked_once_for_everything_or_as_often_as_it_has_tables_or_hundreds_of_coins(world: Sources, key: str) -> None:
    found = latest(key, ALL)
    assert found
    assert all(isinstance(one.price, Decimal) and one.source == key and 0 < one.at <= NOW for one in found)
    assert len(world.asked) == {'coingecko': 4, 'nbp': 2}.get(key, 1)


@pytest.mark.parametrize('key', sorted({*KEYS} - {'ecb', 'frankfurter', 'nbp'}))
def test_all_agree_on_the_price_of_a_bitcoin(world: Sources, key: str) -> None:
    assert prices(latest(key, ['btc'])) == {'btc/usd': '11775.36'}


@pytest.mark.parametrize('key', ['coinbase', 'frankfurter', 'nbp'])
def test_all_agree_on_the_price_of_a_dollar(world: Sources, key: str) -> None:
    [found] = latest(key, ['uah'])
    assert (found.base, found.quote) == ('usd', 'uah')
    assert abs(found.price / Decimal('27.9') - 1) <= max(Decimal('1e-9'), found.error)


@pytest.mark.parametrize(('key', 'codes'), [('ecb', ['btc']), ('bitstamp', ['usd', 'usdt']), ('kraken', []), ('coingecko', ['usd'])])
def test_a_source_that_has_none_of_the_currencies_is_not_asked(world: Sources, key: str, codes: list[str]) -> None:
    assert latest(key, codes) == []
    assert world.asked == []


@pytest.mark.parametrize('nonsense', NONSENSE)
@pytest.mark.parametrize('key', KEYS)
def test_nonsense_is_a_failure_that_names_the_source(world: Sources, key: str, nonsense: str) -> None:
    world.says[key] = NONSENSE[nonsense]
    with pytest.raises(Upstream) as caught:
        latest(key, ['btc', 'usd', 'eth', 'uah'])
    assert caught.value.key == key


@pytest.mark.parametrize('nonsense', NONSENSE)
@pytest.mark.parametrize(
    ('key', 'code'), [('bitstamp', 'btc'), ('coingecko', 'btc'), ('ecb', 'usd'), ('frankfurter', 'uah'), ('nbp', 'uah')]
)
def test_nonsense_instead_of_closes_is_a_failure_too(world: Sources, key: str, code: str, nonsense: str) -> None:
    world.says[key] = NONSENSE[nonsense]
    if nonsense == 'missing page' and key != 'ecb':
        assert closes(key, code, TODAY - timedelta(days=3)).closes == []
        return
    with pytest.raises(Upstream) as caught:
        closes(key, code, TODAY - timedelta(days=3))
    assert caught.value.key == key


BAD_PRICES = [0, '0', -1, '-5', None, True, 'NaN', 'Infinity', 'soon', '', [], {}, '1e400', '9' * 50, '1' + '.1' * 30]


@pytest.mark.parametrize('bad', BAD_PRICES, ids=repr)
@pytest.mark.parametrize('key', KEYS)
def test_an_entry_without_a_price_is_left_out_where_others_have_one(world: Sources, key: str, bad: Any) -> None:
    answers = {
        'coingecko': {'bitcoin': {'usd': bad}, 'ethereum': {'usd': 1012.5}},
        'coinbase': {'data': {'currency': 'BTC', 'rates': {'USD': '100', 'LTC': bad, 'ETH': '10'}}},
        'kraken': {'error': [], 'result': {name: {'c': [price], 'v': ['1']} for name, price in (('BTC/USD', bad), ('ETH/USD', '10'))}},
        'bitstamp': [
            {'pair': name, 'last': price, 'timestamp': '1', 'volume': '1'} for name, price in (('BTC/USD', bad), ('ETH/USD', '10'))
        ],
    }
    if key == 'ecb':
        world.says[key] = ecb_file(f'<Cube currency="USD" rate="1.25"/><Cube currency="GBP" rate="{json.dumps(bad).strip(chr(34))}"/>')
        assert list(prices(latest(key, ['usd', 'gbp']))) == ['eur/usd']
    elif key in ('frankfurter', 'nbp'):
        told = {'USD': 4, 'UAH': '0.1', 'AFN': bad}
        row = {'date': '2026-05-27', 'base': 'USD'}
        table = {'effectiveDate': '2026-05-27', 'rates': [{'code': code, 'mid': price} for code, price in told.items()]}
        rows = [{**row, 'quote': code, 'rate': price} for code, price in told.items()]
        world.says[key] = as_json([table] if key == 'nbp' else rows)
        assert list(prices(latest(key, ['uah', 'afn']))) == ['usd/uah']
    else:
        assert key in answers, f'add an answer of {key} above: one market without a price beside ETH/USD at 10'
        world.says[key] = as_json(answers[key])
        assert 'eth/usd' in prices(latest(key, ['btc', 'eth', 'ltc']))
        assert len(latest(key, ['btc', 'eth', 'ltc'])) == (2 if key == 'coinbase' else 1)


def ecb_file(cubes: str, day: str = '2026-05-27', before: str = '') -> Answer:
    names = 'xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"'
    return Answer(
        200, f'<?xml version="1.0"?>{before}<gesmes:Envelope {names}><Cube><Cube time="{day}">{cubes}</Cube></Cube></gesmes:Envelope>'
    )


@pytest.mark.parametrize(
    'body', ['NaN', '{"bitcoin": {"usd": NaN}}', '{"bitcoin": {"usd": 1e999}}', '{"bitcoin": {"usd": {"usd": 1}}}', '[']
)
def test_json_that_python_alone_takes_is_no_price(world: Sources, body: str) -> None:
    world.says['coingecko'] = said(body)
    with pytest.raises(Upstream, match='coingecko: returned'):
        latest('coingecko', ['btc'])


# CoinGecko


def test_a_token_is_priced_by_the_id_that_its_contract_has(world: Sources) -> None:
    token = next(currency for currency in currencies.of_kind('token') if currency.code == 'usdt')
    world.says['coingecko'] = as_json({token.prices['coingecko']: {'usd': 0.998}})
    assert prices(latest('coingecko', ['usdt'])) == {'usdt/usd': '0.998'}
    [request] = world.server.requests
    assert request.query['ids'] == token.prices['coingecko'] == 'tether'


def test_no_exchange_is_believed_about_a_token_by_its_symbol(world: Sources) -> None:
    tokens = {currency.code for currency in currencies.of_kind('token')}
    assert tokens.isdisjoint(SYMBOLS.values())
    for key in ('coinbase', 'kraken', 'bitstamp'):
        assert BY_KEY[key].codes.isdisjoint(tokens)
        assert BY_KEY[key].daily_codes.isdisjoint(tokens)


def test_two_currencies_may_be_the_same_coin(world: Sources) -> None:
    by_id: dict[str, list[str]] = {}
    for currency in currencies.every():
        by_id.setdefault(currency.prices.get('coingecko', ''), []).append(currency.code)
    shared = by_id['polygon-ecosystem-token']
    world.says['coingecko'] = as_json({'polygon-ecosystem-token': {'usd': 0.42}})
    assert len(shared) >= 2
    assert prices(latest('coingecko', shared)) == {f'{code}/usd': '0.42' for code in sorted(shared)}


@pytest.mark.parametrize(('told', 'at'), [(NOW - 50, NOW - 50), (NOW + 999, NOW), (None, NOW)])
def test_a_price_is_of_when_it_was_updated_and_never_of_the_future(world: Sources, told: int | None, at: int) -> None:
    world.says['coingecko'] = as_json({'bitcoin': {'usd': 5} | ({} if told is None else {'last_updated_at': told})})
    assert [one.at for one in latest('coingecko', ['btc'])] == [at]


def test_a_coin_that_is_not_known_any_more_has_no_price(world: Sources) -> None:
    world.says['coingecko'] = as_json({})
    assert latest('coingecko', ['btc']) == []


def test_a_key_is_sent_in_a_header_and_only_there(world: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('UPSTREAM_COINGECKO_KEY', 'CG-secret')
    settings.cache_clear()
    latest('coingecko', ['btc'])
    [request] = world.server.requests
    assert request.headers['x-cg-demo-api-key'] == 'CG-secret'
    assert 'CG-secret' not in str(request.query)


@pytest.mark.parametrize('name', ['simple_price_2', 'simple_price_doc'])
def test_recorded_prices_are_read(world: Sources, name: str) -> None:
    body = recording(f'coingecko/{name}.json').decode()
    world.says['coingecko'] = said(body)
    expected = [entry['usd'] for entry in json.loads(body, parse_float=Decimal).values()]
    asked = ['btc', 'bnb', 'avax'] if name == 'simple_price_2' else ['eth']
    assert sorted(one.price for one in latest('coingecko', asked)) == sorted(map(Decimal, expected))


@pytest.mark.parametrize(('name', 'status'), [('error_401_time_range_365d', 401), ('error_429_rate_limit', 429)])
def test_recorded_errors_are_failures(world: Sources, name: str, status: int) -> None:
    world.says['coingecko'] = Answer(status, recording(f'coingecko/{name}.json').decode(), 'application/json')
    with pytest.raises(Upstream) as caught:
        closes('coingecko', 'btc', TODAY - timedelta(days=300))
    assert caught.value.throttled is (status == 429)


def test_a_recorded_chart_has_the_closes_of_its_midnights_and_not_what_is_now(world: Sources) -> None:
    world.says['coingecko'] = said(recording('coingecko/market_chart.json').decode())
    assert closes('coingecko', 'eth', date(2024, 3, 1), date(2024, 4, 1)).closes == [
        DailyClose(date(2024, 3, 31), 'eth', 'usd', Decimal('69702.3087473573'), 'coingecko'),
        DailyClose(date(2024, 4, 1), 'eth', 'usd', Decimal('71246.9514406015'), 'coingecko'),
    ]


def test_closes_older_than_a_year_are_not_asked_for(world: Sources) -> None:
    world.says['coingecko'] = as_json({'prices': []})
    closes('coingecko', 'btc', date(2010, 1, 1))
    assert world.server.requests[0].query == {'vs_currency': 'usd', 'days': '365', 'interval': 'daily'}


# Coinbase


def test_coinbase_prices_are_quotients_at_34_digits(world: Sources) -> None:
    world.says['coinbase'] = as_json({'data': {'currency': 'BTC', 'rates': {'USD': '10', 'ETH': '3', 'AED': '36.725', 'EUR': '9'}}})
    assert prices(latest('coinbase', ['btc', 'eth', 'aed', 'eur', 'ltc'])) == {
        'btc/usd': '10',
        'eth/usd': '3.333333333333333333333333333333333',
        'eur/usd': '1.111111111111111111111111111111111',
        'usd/aed': '3.6725',
    }


def test_a_fiat_currency_that_shares_its_symbol_with_a_coin_is_not_priced(world: Sources) -> None:
    world.says['coinbase'] = as_json({'data': {'currency': 'BTC', 'rates': {'USD': '10', 'MNT': '9', 'AED': '36.725'}}})
    assert prices(latest('coinbase', ['mnt', 'ern', 'bob', 'aed'])) == {'usd/aed': '3.6725'}


def test_coinbase_about_another_currency_is_not_believed(world: Sources) -> None:
    world.says['coinbase'] = as_json({'data': {'currency': 'ETH', 'rates': {'USD': '10'}}})
    with pytest.raises(Upstream, match='coinbase: returned rates of another currency'):
        latest('coinbase', ['btc'])


def test_recorded_rates_of_coinbase_are_read(world: Sources) -> None:
    world.says['coinbase'] = said(recording('coinbase/v2_exchange_rates_BTC_2017.json').decode())
    found = prices(latest('coinbase', ['btc', 'eth', 'ltc', 'aed', 'kwd', 'gbp']))
    assert found['btc/usd'].startswith('4')
    assert found.keys() == {'btc/usd', 'eth/usd', 'ltc/usd', 'usd/aed', 'usd/kwd'} | {'eur/gbp'}
    assert found['usd/aed'].startswith('3.67')


# Kraken


def test_recorded_markets_of_kraken_are_read(world: Sources) -> None:
    body = recording('kraken/public_Ticker_all_assetVersion1.json').decode()
    world.says['kraken'] = said(body)
    found = prices(latest('kraken', ALL))
    markets = json.loads(body)['result']
    assert len(found) > 20
    assert {pair: Decimal(price) for pair, price in found.items()} == {pair: Decimal(markets[pair.upper()]['c'][0]) for pair in found}


def test_recorded_markets_by_other_names_have_no_price(world: Sources) -> None:
    world.says['kraken'] = said(recording('kraken/public_Ticker_classic.json').decode())
    assert latest('kraken', ['btc']) == []


def test_a_market_without_trades_today_has_no_price(world: Sources) -> None:
    markets = {'BTC/USD': {'c': ['5'], 'v': ['0.000', '9']}, 'ETH/USD': {'c': ['5'], 'v': ['0.1', '9']}}
    world.says['kraken'] = as_json({'error': [], 'result': markets})
    assert prices(latest('kraken', ['btc', 'eth'])) == {'eth/usd': '5'}


def test_an_error_of_kraken_has_status_200(world: Sources) -> None:
    world.says['kraken'] = as_json({'error': ['EGeneral:Too many requests'], 'result': {'BTC/USD': {'c': ['5'], 'v': ['1']}}})
    with pytest.raises(Upstream, match='kraken: returned an error'):
        latest('kraken', ['btc'])


# Bitstamp


def test_a_recorded_market_of_bitstamp_is_read(world: Sources) -> None:
    market = json.loads(recording('ccxt_bitstamp/v2_ticker_btcusdt.json').decode()) | {'pair': 'BTC/USD'}
    world.says['bitstamp'] = as_json([market, {**market, 'pair': 'BTC/USDT', 'last': '1'}])
    assert latest('bitstamp', ['btc']) == [Observation('btc', 'usd', Decimal(73285), 1_710_328_241, 'bitstamp')]


def test_bitstamp_tells_a_thousand_days_at_a_time(world: Sources) -> None:
    page = closes('bitstamp', 'btc', date(2019, 1, 1))
    assert (len(page.closes), page.closes[0].day, page.through, page.has_more) == (1000, date(2019, 1, 1), date(2021, 9, 26), True)
    last = closes('bitstamp', 'btc', date(2026, 5, 1))
    assert (last.through, last.has_more) == (TODAY, False)
    assert last.closes[-1] == DailyClose(TODAY, 'btc', 'usd', sample.close(sample.COINS['btc'], TODAY).normalize(), 'bitstamp')


def test_days_before_a_market_opened_have_no_close(world: Sources) -> None:
    page = closes('bitstamp', 'btc', date(2010, 1, 1))
    assert page == ClosesPage([], date(2012, 9, 26), has_more=True)


def test_bars_that_were_not_asked_for_are_no_closes(world: Sources) -> None:
    stamps = ['1779926400', '1779926401', '5000000000', '1']
    world.says['bitstamp'] = as_json({'data': {'ohlc': [{'timestamp': stamp, 'open': '5', 'close': '6'} for stamp in stamps]}})
    assert closes('bitstamp', 'btc', TODAY).closes == [DailyClose(TODAY, 'btc', 'usd', Decimal(5), 'bitstamp')]


# European Central Bank


def test_the_recorded_file_of_a_day_is_read(world: Sources) -> None:
    world.says['ecb'] = said(recording('ecb/eurofxref-daily.xml').decode())
    found = latest('ecb', ['usd', 'gbp', 'eur', 'btc'])
    assert sorted(found) == [
        Observation('eur', 'gbp', Decimal('0.7823'), 1_420_642_800, 'ecb'),
        Observation('eur', 'usd', Decimal('1.1831'), 1_420_642_800, 'ecb'),
    ]


def test_a_rate_that_is_fixed_today_is_not_of_later_today(world: Sources) -> None:
    world.says['ecb'] = ecb_file('<Cube currency="USD" rate="1.25"/>', '2026-05-28')
    assert [one.at for one in latest('ecb', ['usd'], NOW - 40_000)] == [NOW - 40_000]


@pytest.mark.parametrize(('name', 'since', 'path'), [
    ('hist-90d', date(2019, 9, 10), 'eurofxref-hist-90d.xml'),
    ('hist_excerpt', date(2016, 5, 1), 'eurofxref-hist.xml'),
])  # fmt: skip
def test_recorded_files_of_the_past_are_read(world: Sources, name: str, since: date, path: str) -> None:
    body = recording(f'ecb/eurofxref-{name}.xml').decode()
    days = sorted(map(date.fromisoformat, re.findall('time="([0-9-]+)"', body)))
    world.says['ecb'] = said(body)
    today = days[-1] if name == 'hist-90d' else days[-1] + timedelta(days=100)
    page = closes('ecb', 'gbp', since, today)
    assert world.asked == [f'ecb/{path}']
    assert [close.day for close in page.closes] == [day for day in days if day >= since]
    assert {(close.base, close.quote) for close in page.closes} == {('eur', 'gbp')}
    assert (page.through, page.has_more) == (days[-1], False)


@pytest.mark.parametrize('before', ['<!DOCTYPE x [<!ENTITY a "b">]>', '<!DOCTYPE x SYSTEM "file:///etc/passwd">', '<!ENTITY a "b">'])
def test_xml_with_a_document_type_is_refused(world: Sources, before: str) -> None:
    world.says['ecb'] = ecb_file('<Cube currency="USD" rate="1.25"/>', before=before)
    with pytest.raises(Upstream, match='ecb: returned XML with a document type'):
        latest('ecb', ['usd'])


@pytest.mark.parametrize('day', ['2026-13-01', 'yesterday', ''])
def test_rates_of_no_day_are_a_failure(world: Sources, day: str) -> None:
    world.says['ecb'] = ecb_file('<Cube currency="USD" rate="1.25"/>', day)
    with pytest.raises(Upstream, match='ecb: returned'):
        latest('ecb', ['usd'])


@pytest.mark.parametrize('source', RATE_SOURCES, ids=lambda source: source.endpoint.key)
def test_what_a_source_says_of_itself_is_so(source: RateSource) -> None:
    assert source.codes <= {*ALL}
    assert source.daily_codes <= source.codes
    assert ('daily_closes' in source.info.capabilities) is bool(source.daily_codes)
    assert source.info.documentation.startswith('https://')


def test_coins_that_nobody_asked_about_are_passed_over(world: Sources) -> None:
    world.says['coingecko'] = as_json({'bitcoin': {'usd': 11775.36}, 'unheard-of': {'usd': 1}})
    [found] = latest('coingecko', ['btc'])
    assert (found.base, found.price) == ('btc', Decimal('11775.36'))


# National Bank of Poland, with what it published in March 2026


def table(name: str, day: str, mids: str) -> str:
    rows = (mid.split() for mid in mids.split(', '))
    rates = ', '.join(f'{{"currency": "nazwa", "code": "{code}", "mid": {mid}}}' for code, mid in rows)
    return f'{{"table": "{name}", "no": "042/{name}/NBP/2026", "effectiveDate": "{day}", "rates": [{rates}]}}'


TABLES = {
    'A': [
        table('A', '2026-03-03', 'USD 3.6820, UAH 0.0846'),
        table('A', '2026-03-04', 'USD 3.6770, UAH 0.0841'),
        table('A', '2026-03-05', 'USD 3.6771, UAH 0.0839'),
    ],
    'B': [table('B', '2026-03-04', 'AFN 0.056626, CDF 0.0016, CUP 3.6770, XAF 0.006394')],
}
THURSDAY = 1_772_715_600  # 2026-03-05, 13:00 UTC


@pytest.fixture
def tables(world: Sources) -> Sources:
    world.says['nbp'] = lambda request: said(f'[{", ".join(TABLES[request.path[1]])}]')
    return world


def test_a_weekly_price_is_crossed_with_the_dollar_of_its_own_day(tables: Sources) -> None:
    found = {one.quote: one for one in latest('nbp', ['afn', 'uah', 'cup', 'xaf', 'btc'], THURSDAY)}
    assert found.keys() == {'afn', 'uah'}  # Cuba's price would be the dollar's own, and Central Africa's is fixed
    assert (found['afn'].published, found['afn'].at) == ('3.6770/0.056626', 1_772_625_600)
    assert found['afn'].price == Decimal('64.93483558789248754988874368664571')
    assert found['uah'].published == '3.6771/0.0839'
    assert tables.asked == ['nbp/tables/A/2026-02-24/2026-03-05/', 'nbp/tables/B/2026-02-24/2026-03-05/']


def test_few_digits_are_told_as_the_error_they_are(tables: Sources) -> None:
    found = {one.quote: one.error for one in latest('nbp', ['cdf', 'uah'], THURSDAY)}
    # half a unit of the last digit, of both: 0.00005/0.0016 + 0.00005/3.6770, and 0.00005/0.0839 + 0.00005/3.6771
    assert f'{found["cdf"]:.9f}' == '0.031263598'
    assert f'{found["uah"]:.9f}' == '0.000609545'


def test_closes_of_a_weekly_table_are_those_of_its_days(tables: Sources) -> None:
    page = closes('nbp', 'afn', date(2026, 3, 1), date(2026, 3, 5))
    assert [(close.day, close.published) for close in page.closes] == [(date(2026, 3, 4), '3.6770/0.056626')]
    assert page.has_more is False


def test_three_months_of_tables_are_asked_for_at_a_time(world: Sources) -> None:
    page = closes('nbp', 'uah', date(2025, 1, 1))
    assert world.asked == ['nbp/tables/A/2025-01-01/2025-04-03/', 'nbp/tables/B/2025-01-01/2025-04-03/']
    assert (page.through, page.has_more) == (date(2025, 4, 3), True)
    last = closes('nbp', 'uah', TODAY - timedelta(days=92))
    assert (last.through, last.has_more) == (TODAY, False)


def test_days_without_a_table_are_no_fault(world: Sources) -> None:
    assert closes('nbp', 'uah', date(2026, 5, 23), date(2026, 5, 24)) == ClosesPage([], date(2026, 5, 22))


def test_a_table_without_a_dollar_of_its_day_says_nothing_of_dollars(world: Sources) -> None:
    world.says['nbp'] = lambda request: said(f'[{", ".join(TABLES[request.path[1]]) if request.path[1] == "B" else ""}]')
    assert closes('nbp', 'afn', date(2026, 3, 1), date(2026, 3, 5)).closes == []


# Frankfurter


def rows(day: str, **per_dollar: str) -> str:
    return ', '.join(f'{{"date": "{day}", "base": "USD", "quote": "{quote}", "rate": {rate}}}' for quote, rate in per_dollar.items())


ROWS = f'[{rows("2026-03-04", USD="1.0", EUR="0.8604", CHF="0.7975", UAH="43.7")}, {rows("2026-03-03", GBP="0.75")}, '
ROWS += f'{rows("2026-02-10", EGP="47.1")}, {rows("2026-03-04", SEK="11.0").replace("USD", "EUR")}]'


def test_rates_per_euro_are_crossed_from_those_of_one_day(world: Sources) -> None:
    world.says['frankfurter'] = said(ROWS)
    found = latest('frankfurter', ['eur', 'chf', 'gbp', 'uah', 'egp', 'sek', 'kpw', 'btc'], THURSDAY)
    assert {(one.base, one.quote): one.published or f'{one.price}' for one in found} == {
        ('eur', 'usd'): '1/0.8604',
        ('eur', 'chf'): '0.7975/0.8604',
        ('usd', 'uah'): '43.7',
        ('usd', 'egp'): '47.1',
    }
    # 0.7975 / 0.8604, and each as old as the day it is of
    assert next(f'{one.price:.12f}' for one in found if one.quote == 'chf') == '0.926894467689'
    assert {one.quote: one.at for one in found if one.base == 'usd'} == {'uah': 1_772_636_400, 'egp': 1_770_735_600}


def test_a_row_of_tomorrow_is_of_now(world: Sources) -> None:
    world.says['frankfurter'] = said('[{"date": "2026-03-06", "base": "USD", "quote": "UAH", "rate": 43.7}]')
    assert [one.at for one in latest('frankfurter', ['uah'], THURSDAY)] == [THURSDAY]


def test_all_days_of_a_currency_that_are_over_are_one_request(world: Sources) -> None:
    page = closes('frankfurter', 'uah', date(2016, 1, 1))
    [request] = world.server.requests
    assert request.query == {'base': 'USD', 'quotes': 'UAH', 'from': '2016-01-01', 'to': '2026-05-27'}
    assert (page.closes[0].day, page.closes[-1].day, page.through) == (date(2016, 1, 1), date(2026, 5, 27), date(2026, 5, 27))
    assert closes('frankfurter', 'chf', date(2026, 5, 27)).closes[0].published.count('/') == 1
    assert world.server.requests[-1].query['quotes'] == 'CHF,EUR'


def test_what_is_to_come_keeps_closes_from_being_complete(world: Sources) -> None:
    world.says['frankfurter'] = said('[{"date": "2026-05-26", "base": "USD", "quote": "UAH", "rate": 43.7}]')
    assert closes('frankfurter', 'uah', date(2026, 5, 1)).through == date(2026, 5, 26)
    assert closes('frankfurter', 'uah', date(2026, 5, 1), date(2026, 5, 25)).closes == []


def test_a_currency_that_it_does_not_know_has_no_closes(world: Sources) -> None:
    world.says['frankfurter'] = as_json({'message': 'invalid currency'}, 422)
    assert closes('frankfurter', 'ved', date(2026, 5, 1)).closes == []


def test_recorded_rows_per_euro_are_not_taken_for_rows_per_dollar(world: Sources) -> None:
    world.says['frankfurter'] = said(recording('frankfurter/v2_rates_doc.json').decode())
    assert latest('frankfurter', ['gbp', 'usd']) == []


def test_every_fiat_currency_has_two_sources_and_a_past() -> None:
    without = {'kpw', 'cup'}  # no source knows what they are worth
    single = {'kyd'}
    for currency in currencies.of_kind('fiat'):
        told_by = {key for key, source in BY_KEY.items() if currency.code in source.codes}
        past_by = {key for key, source in BY_KEY.items() if currency.code in source.daily_codes}
        if currency.code in without:
            assert not told_by, currency.code
        elif currency.code not in PEGS:
            assert len(told_by) >= 2, currency.code
            assert len(past_by) >= (1 if currency.code in single else 2), currency.code
