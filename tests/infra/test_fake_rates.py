"""The rates of the sample upstream: the same at every source, and closes that reach back."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from infra.fake_upstreams import rates
from infra.fake_upstreams.http_server import Request
from infra.fake_upstreams.sample import respond
from tests.support.clock import START

TODAY = datetime.fromtimestamp(START, UTC).date()

pytestmark = pytest.mark.usefixtures('stopped_clock')  # so that no test sees a day begin


def answer_of(url: str) -> Any:
    answer = respond(Request.parse(url))
    assert answer.status == 200
    return json.loads(answer.body, parse_float=Decimal)


def test_a_bitcoin_costs_the_same_everywhere() -> None:
    coingecko = answer_of('/coingecko/simple/price?ids=bitcoin,nosuchcoin&vs_currencies=usd')
    bitstamp = {market['pair']: market['last'] for market in answer_of('/bitstamp/ticker/')}
    assert coingecko.keys() == {'bitcoin'}
    assert coingecko['bitcoin']['usd'] == Decimal('11775.36')
    assert Decimal(answer_of('/coinbase/v2/exchange-rates?currency=BTC')['data']['rates']['USD']) == Decimal('11775.36')
    assert answer_of('/kraken/0/public/Ticker?assetVersion=1')['result']['BTC/USD']['c'][0] == '11775.36'
    assert bitstamp['BTC/USD'] == '11775.36'


def test_every_coin_of_the_catalogue_costs_something_but_one_that_nobody_trades() -> None:
    coins = [entry['prices']['coingecko'] for entry in rates._CATALOGUE if 'coingecko' in entry['prices']]
    assert {coin for coin in coins if not Decimal(rates.coin_price(coin) or 0)} == {'bitcoin-gold'}


def test_a_euro_is_priced_on_working_days() -> None:
    body = respond(Request.parse('/ecb/eurofxref-daily.xml')).body
    [day] = [part.split('"')[0] for part in body.split('time="')[1:]]
    assert date.fromisoformat(day).weekday() < 5
    assert 'currency="USD" rate="1.25"' in body
    assert len(respond(Request.parse('/ecb/eurofxref-hist.xml')).body) > 100 * len(body)


def test_closes_are_a_smooth_series_that_is_the_same_at_each_source_and_ends_today() -> None:
    start = int(datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC).timestamp()) - 364 * 86_400
    bars = answer_of(f'/bitstamp/ohlc/btcusd/?step=86400&limit=1000&start={start}&end={start + 364 * 86_400}')['data']['ohlc']
    points = answer_of('/coingecko/coins/bitcoin/market_chart?vs_currency=usd&days=365&interval=daily')['prices'][:-1]
    assert [(int(bar['timestamp']), Decimal(bar['open'])) for bar in bars] == [(stamp // 1000, price) for stamp, price in points]
    assert len(bars) == 365
    prices = [Decimal(bar['open']) for bar in bars]
    assert prices[-1] == Decimal('11775.36')
    assert all(abs(after - before) / before < Decimal('0.01') for before, after in pairwise(prices))


def test_the_low_of_a_bar_is_never_above_its_high() -> None:
    """Also where the prices of a day have different numbers of digits, as those of Ether have, which is worth about a thousand dollars."""
    start = int(datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC).timestamp()) - 999 * 86_400
    bars = answer_of(f'/bitstamp/ohlc/ethusd/?step=86400&limit=1000&start={start}&end={start + 999 * 86_400}')['data']['ohlc']
    assert {len(bar['open'].partition('.')[0]) for bar in bars} == {3, 4}
    for bar in bars:
        opened, high, low, closed = (Decimal(bar[name]) for name in ('open', 'high', 'low', 'close'))
        assert (low, high) == (min(opened, closed), max(opened, closed))


def test_money_and_what_is_worth_as_much_hardly_move_against_the_dollar_while_coins_do() -> None:
    first = TODAY - timedelta(days=5 * 365)
    steady = [
        [row['rate'] for row in answer_of(f'/frankfurter/v2/rates?base=USD&quotes={code}&from={first}&to={TODAY}')]
        for code in ('EUR', 'JPY')
    ]
    ecb = respond(Request.parse('/ecb/eurofxref-hist.xml')).body.split('currency="USD" rate="')[1:]
    coins = [answer_of(f'/coingecko/coins/{coin}/market_chart?days=365')['prices'] for coin in ('usd-coin', 'euro-coin', 'weth')]
    dollar, euro, ether = ([price for _, price in coin] for coin in coins)

    for prices in (*steady, [Decimal(part.split('"')[0]) for part in ecb], dollar, euro):
        assert max(prices) / min(prices) < Decimal('1.011')
    assert max(ether) / min(ether) > Decimal('1.15')
    assert [prices[-1] for prices in (dollar, euro, ether)] == [Decimal('1.00'), Decimal('1.25'), Decimal(rates.COINS['eth'])]


@pytest.mark.parametrize(('day', 'bars'), [(rates.FIRST_DAY, 1), (rates.FIRST_DAY - timedelta(days=1), 0)])
def test_closes_begin_in_2013(day: date, bars: int) -> None:
    stamp = rates._midnight(day)
    assert len(answer_of(f'/bitstamp/ohlc/btcusd/?step=86400&limit=1000&start={stamp}&end={stamp}')['data']['ohlc']) == bars


@pytest.mark.parametrize(
    ('url', 'status'),
    [
        ('/coingecko/coins/nosuchcoin/market_chart?days=1', 404),
        ('/coingecko/coins/bitcoin/market_chart?days=366', 401),
        ('/coinbase/v2/exchange-rates?currency=XXX', 400),
        ('/bitstamp/ohlc/nosuchusd/', 404),
        ('/ecb/nosuch.xml', 404),
    ],
)
def test_what_is_not_there_is_refused(url: str, status: int) -> None:
    assert respond(Request.parse(url)).status == status
