"""Rates of exchange in the sample: the same prices at all sources, one bitcoin at 11,775.36 dollars, and daily closes since 2013.

Coins rise and fall by some ten per cent against the dollar; other fiat currencies, and what is worth as much as one of those, hardly move.
"""

import json
import math
import time
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from infra.fake_upstreams.answer import Answer, as_json

FIRST_DAY = date(2013, 1, 1)
# In dollars.
COINS = {
    'btc': '11775.36', 'eth': '1012.5', 'xrp': '1.25', 'bch': '1650.4', 'ltc': '180.25', 'doge': '0.0078', 'dash': '790.1', 'etc': '28.6',
    'xlm': '0.55', 'ada': '0.6', 'sol': '24.8', 'pol': '0.42', 'bnb': '13.9', 'avax': '21.14', 'dot': '6.3', 'atom': '8.8', 'trx': '0.07',
    'xmr': '330.5', 'zec': '440.2',
}  # fmt: skip
# A euro costs so much of them.
FIAT = {
    'usd': '1.25',
    'aud': '1.54', 'brl': '3.93', 'cad': '1.53', 'chf': '1.17', 'cny': '7.84', 'czk': '25.4', 'dkk': '7.4421', 'gbp': '0.8795',
    'hkd': '9.77', 'huf': '309.5', 'idr': '16625.0', 'ils': '4.26', 'inr': '79.7', 'isk': '125.5', 'jpy': '135.75', 'krw': '1329.8',
    'mxn': '23.3', 'myr': '4.9', 'nok': '9.63', 'nzd': '1.7', 'php': '63.2', 'pln': '4.17', 'ron': '4.66', 'sek': '9.83', 'sgd': '1.64',
    'thb': '39.6', 'try': '4.67', 'zar': '15.1',
}  # fmt: skip
# A dollar costs so much of them: not among those of the European Central Bank.
OTHER_FIAT = {
    'aed': '3.6725',
    'ars': '19.6',
    'clp': '605',
    'cop': '2850',
    'kwd': '0.3',
    'ngn': '360',
    'sar': '3.75',
    'twd': '29.2',
    'uah': '27.9',
}

# In dollars, of coins that are worth a dollar or a euro, and of those that stand for another coin.
_DOLLARS = ('usdc', 'usdt', 'dai', 'usds', 'usde', 'usd0', 'usd1', 'usdd', 'usdg', 'usdm', 'usdp', 'usdtb', 'ausd', 'busd', 'crvusd',
            'fdusd', 'frax', 'frxusd', 'gho', 'gusd', 'lusd', 'musd', 'ousd', 'pyusd', 'rlusd', 'susd', 'tusd')  # fmt: skip
_STEADY = {**dict.fromkeys(_DOLLARS, '1.00'), **dict.fromkeys(('eura', 'eurc', 'eurs'), FIAT['usd'])}
_STAND_INS = {
    **dict.fromkeys(('btcb', 'cbbtc', 'kbtc', 'rbtc', 'wbtc'), COINS['btc']),
    **dict.fromkeys(('frxeth', 'steth', 'sweth', 'weth'), COINS['eth']),
}
# Of which the sample's address on Cardano holds some.
_CHEAP = {'min': '0.035', 'snek': '0.0000031'}
_PRICES = COINS | _STEADY | _STAND_INS | _CHEAP
# Coins that nobody trades any more: no source has a price.
UNPRICED = ('bitcoin-gold',)

_CATALOGUE = json.loads((Path(__file__).parents[2] / 'chalicelib' / 'data' / 'currencies.json').read_bytes())
_Waves = tuple[tuple[int, float], ...]  # days, and the share of the price
_WAVES: _Waves = ((400, 0.1), (53, 0.03), (11, 0.005))
_STEADY_WAVES: _Waves = ((400, 0.004), (53, 0.001))
_DAY = timedelta(days=1)

Json = dict[str, Any]


def close(spot: str, day: date) -> Decimal:
    """The price at which a day begins, of a coin that now costs `spot`."""
    return _on_waves(spot, day, _WAVES)


def steady_close(spot: str, day: date) -> Decimal:
    """The same of a fiat currency, and of a coin that is worth as much as one."""
    return _on_waves(spot, day, _STEADY_WAVES)


def _on_waves(spot: str, day: date, waves: _Waves) -> Decimal:
    """Return what `spot` was on a day: today is the start of the waves, so that the spot is on their curve."""
    return Decimal(spot) * _swing((_today() - day).days, waves)


@cache
def _swing(back: int, waves: _Waves) -> Decimal:
    """Return what share of today's price something costs so many days back."""
    return Decimal(str(round(1 - sum(share * math.sin(2 * math.pi * back / days) for days, share in waves), 6)))


def coin_price(coin: str) -> str | None:
    """The price of one of CoinGecko's coins, by its id; any that the catalogue has costs something, but for the unpriced."""
    code = _CODES.get(coin)
    if code is None or coin in UNPRICED:
        return None
    return _PRICES.get(code) or f'{zlib.crc32(coin.encode()) % 10_000 / 100 + 0.01:.2f}'


_CODES = {entry['prices']['coingecko']: entry['code'] for entry in reversed(_CATALOGUE) if 'coingecko' in entry['prices']}
_FIAT_CODES = tuple(entry['code'] for entry in _CATALOGUE if entry['kind'] == 'fiat')


def _answer_coingecko(path: list[str], query: dict[str, str]) -> Answer:
    """https://docs.coingecko.com/v3.0.1/reference/introduction"""
    match path:
        case ['simple', 'price']:
            prices = {coin: coin_price(coin) for coin in query.get('ids', '').split(',')}
            members = [f'"{coin}":{{"usd":{price},"last_updated_at":{now_ms() // 1000}}}' for coin, price in prices.items() if price]
            return Answer(200, '{' + ','.join(members) + '}', 'application/json')
        case ['coins', coin, 'market_chart'] if spot := coin_price(coin):
            return _market_chart(spot, int(query.get('days', '1')), steady_close if _CODES[coin] in _STEADY else close)
    return as_json({'error': 'coin not found'}, 404)


def _market_chart(spot: str, days: int, close_on: Callable[[str, date], Decimal]) -> Answer:
    if days > 365:
        error = {'error_code': 10012, 'error_message': 'Your request exceeds the allowed time range.'}
        return as_json({'error': {'status': error}}, 401)
    points = [f'[{_midnight(_today() - back * _DAY)}000,{close_on(spot, _today() - back * _DAY)}]' for back in reversed(range(days))]
    points.append(f'[{now_ms() | 1},{spot}]')
    return Answer(200, f'{{"prices":[{",".join(points)}],"market_caps":[],"total_volumes":[]}}', 'application/json')


def _answer_coinbase(path: list[str], query: dict[str, str]) -> Answer:
    """https://docs.cdp.coinbase.com/coinbase-app/track-apis/exchange-rates"""
    if path != ['v2', 'exchange-rates'] or query.get('currency') != 'BTC':
        return as_json({'errors': [{'id': 'invalid_request', 'message': 'Invalid currency'}]}, 400)
    bitcoin = Decimal(COINS['btc'])
    per_btc = {code: bitcoin / Decimal(price) for code, price in COINS.items()}
    per_btc |= {code: bitcoin * Decimal(price) / Decimal(FIAT['usd']) for code, price in FIAT.items()}
    per_btc |= {code: bitcoin * Decimal(price) for code, price in OTHER_FIAT.items()}
    per_btc['eur'] = bitcoin / Decimal(FIAT['usd'])
    return as_json({'data': {'currency': 'BTC', 'rates': {code.upper(): str(price) for code, price in per_btc.items()}}})


def _answer_kraken(path: list[str], query: dict[str, str]) -> Answer:
    """https://docs.kraken.com/api/docs/rest-api/get-ticker-information"""
    if path != ['0', 'public', 'Ticker']:
        return as_json({'error': ['EGeneral:Unknown method']})
    return as_json({'error': [], 'result': {f'{code.upper()}/USD': _kraken_market(price) for code, price in COINS.items()}})


def _kraken_market(price: str) -> Json:
    whole = [price, '1', '1.000']
    both = [price, price]
    return {'a': whole, 'b': whole, 'c': [price, '0.1'], 'v': ['12.5', '25.0'], 'p': both, 't': [10, 20], 'l': both, 'h': both, 'o': price}


def _answer_bitstamp(path: list[str], query: dict[str, str]) -> Answer:
    """https://www.bitstamp.net/api/"""
    match path:
        case ['ticker', '']:
            return as_json([_bitstamp_market(code, price) for code, price in COINS.items()])
        case ['ohlc', pair, ''] if pair.endswith('usd') and pair.removesuffix('usd') in COINS:
            return _ohlc(pair.removesuffix('usd'), query)
    return as_json({'code': 'API0000', 'errors': 'Not found'}, 404)


def _bitstamp_market(code: str, price: str) -> Json:
    prices = dict.fromkeys(('open', 'high', 'low', 'last', 'vwap', 'bid', 'ask', 'open_24'), price)
    stamp = str(now_ms() // 1000)
    return {**prices, 'pair': f'{code.upper()}/USD', 'timestamp': stamp, 'volume': '100.5', 'side': '0', 'percent_change_24': '0.00'}


def _ohlc(code: str, query: dict[str, str]) -> Answer:
    start, end = (datetime.fromtimestamp(int(query[name]), UTC).date() for name in ('start', 'end'))
    day = max(start, FIRST_DAY)
    bars: list[Json] = []
    while day <= min(end, _today()) and len(bars) < int(query['limit']):
        opened, closed = close(COINS[code], day), close(COINS[code], day + _DAY)
        prices = {'open': opened, 'close': closed, 'high': max(opened, closed), 'low': min(opened, closed)}
        bars.append({'timestamp': str(_midnight(day)), 'volume': '100.5', **{name: str(price) for name, price in prices.items()}})
        day += _DAY
    return as_json({'data': {'pair': f'{code.upper()}/USD', 'ohlc': bars}})


def _answer_ecb(path: list[str], query: dict[str, str]) -> Answer:
    """https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates"""
    first = {'eurofxref-daily.xml': _today() - 2 * _DAY, 'eurofxref-hist-90d.xml': _today() - 90 * _DAY, 'eurofxref-hist.xml': FIRST_DAY}
    if len(path) != 1 or path[0] not in first:
        return Answer(404, '<html>Not found</html>', 'text/html')
    days = [_today() - back * _DAY for back in range((_today() - first[path[0]]).days + 1)]
    published = [day for day in days if day.weekday() < 5]
    if path[0] == 'eurofxref-daily.xml':
        return _ecb_file(_cube(published[0], FIAT))
    return _ecb_file(''.join(_cube(day, {code: str(steady_close(rate, day)) for code, rate in FIAT.items()}) for day in published))


def _cube(day: date, rates: dict[str, str]) -> str:
    cubes = ''.join(f'<Cube currency="{code.upper()}" rate="{rate}"/>' for code, rate in rates.items())
    return f'<Cube time="{day}">{cubes}</Cube>'


def _ecb_file(cubes: str) -> Answer:
    names = 'xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref"'
    body = f'<gesmes:Envelope {names}><gesmes:subject>Reference rates</gesmes:subject><Cube>{cubes}</Cube></gesmes:Envelope>'
    return Answer(200, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}', 'text/xml')


def per_dollar(code: str, day: date | None = None) -> Decimal:
    """What a dollar costs of a fiat currency, on a day or now: all that the catalogue has cost something, only the euro moves."""
    if code == 'eur':
        return 1 / (steady_close(FIAT['usd'], day) if day else Decimal(FIAT['usd']))
    if code in FIAT:
        return Decimal(FIAT[code]) / Decimal(FIAT['usd'])
    return Decimal(OTHER_FIAT.get(code) or f'{zlib.crc32(code.encode()) % 10_000 / 100 + 0.01:.2f}')


def _answer_frankfurter(path: list[str], query: dict[str, str]) -> Answer:
    """https://frankfurter.dev/docs/"""
    if path != ['v2', 'rates'] or query.get('base') != 'USD':
        return as_json({'message': 'not found'}, 404)
    codes = query['quotes'].lower().split(',') if 'quotes' in query else _FIAT_CODES
    if not {*codes} <= {*_FIAT_CODES}:
        return as_json({'message': 'invalid currency'}, 422)
    if 'from' not in query:
        return _rows(_today() - _DAY, {code: per_dollar(code) for code in codes})
    first, last = max(FIRST_DAY, date.fromisoformat(query['from'])), date.fromisoformat(query['to'])
    days = [first + _DAY * number for number in range((last - first).days + 1)]
    rows = [_row(day, code, per_dollar(code, day)) for day in days for code in codes if day.weekday() < 5]
    return Answer(200, f'[{",".join(rows)}]', 'application/json')


def _rows(day: date, rates: dict[str, Decimal]) -> Answer:
    return Answer(200, f'[{",".join(_row(day, code, rate) for code, rate in rates.items())}]', 'application/json')


def _row(day: date, code: str, rate: Decimal) -> str:
    return f'{{"date":"{day}","base":"USD","quote":"{code.upper()}","rate":{rate:.6g}}}'


def _answer_nbp(path: list[str], query: dict[str, str]) -> Answer:
    """https://api.nbp.pl/en.html"""
    match path:
        case ['tables', 'A' | 'B' as table, first, last, '']:
            span = range((date.fromisoformat(last) - date.fromisoformat(first)).days + 1)
            days = [day for day in (date.fromisoformat(first) + _DAY * number for number in span) if _has_table(table, day)]
            if len(span) > 93:
                return Answer(400, '400 BadRequest - Przekroczony limit 93 dni', 'text/plain')
            if days:
                return Answer(200, f'[{",".join(_nbp_table(table, day) for day in days)}]', 'application/json')
    return Answer(404, '404 NotFound - Not Found - Brak danych', 'text/plain')


def _has_table(table: str, day: date) -> bool:
    return FIRST_DAY <= day <= _today() and (day.weekday() < 5 if table == 'A' else day.weekday() == 2)


def _nbp_table(table: str, day: date) -> str:
    in_a = {'usd', 'eur', *FIAT, 'clp', 'uah'} - {'pln'}
    codes = sorted(in_a if table == 'A' else {*_FIAT_CODES} - in_a - {'pln'})
    mids = ((code, per_dollar('pln') / per_dollar(code, day)) for code in codes)
    rates = ','.join(f'{{"currency":"{code}","code":"{code.upper()}","mid":{mid:.{4 if mid > 1 else 6}f}}}' for code, mid in mids)
    return f'{{"table":"{table}","no":"1/{table}/NBP/{day.year}","effectiveDate":"{day}","rates":[{rates}]}}'


def now_ms() -> int:
    """Return the current time in epoch milliseconds."""
    return int(time.time() * 1000)


def _today() -> date:
    return datetime.fromtimestamp(now_ms() // 1000, UTC).date()


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


UPSTREAMS: dict[str, Callable[[list[str], dict[str, str]], Answer]] = {
    'coingecko': _answer_coingecko,
    'coinbase': _answer_coinbase,
    'kraken': _answer_kraken,
    'bitstamp': _answer_bitstamp,
    'ecb': _answer_ecb,
    'frankfurter': _answer_frankfurter,
    'nbp': _answer_nbp,
}
