"""What Binance lists: pages by the ids of trades, by number, and by an earlier end."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.providers.exchanges.binance_lists import BEGAN, LISTINGS, Pace, markets_of, read_trades
from chalicelib.providers.exchanges.windows import Rows, Window
from tests.support.binance import trade

NOW = 1_700_000_000
WHOLE, RECENT = Window(BEGAN, NOW), Window(NOW - 1_209_600, NOW)
[DIVIDENDS] = [listing for listing in LISTINGS if listing.path == 'asset/assetDividend']


class Binance:
    """Answers requests for trades and dividends, and counts them."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.requests = 0

    def ask(self, api: str, path: str, params: Mapping[str, Any]) -> Any:
        self.requests += 1
        if path == 'asset/assetDividend':
            within = [row for row in self.rows if params['startTime'] <= row['divTime'] <= params['endTime']]
            return {'rows': within[:500], 'total': len(within)}
        listed = self.rows if params['symbol'] == 'BTCUSDT' else []
        first = [row for row in listed if row['id'] >= int(params.get('fromId', '0'))]
        return first[:1_000] if 'fromId' in params else first[-1_000:]


def everything(pages: Any) -> list[Entry]:
    """Return the entries of all pages, whatever cursors they have."""
    entries: list[Entry] = []
    rows: Rows = pages(None)
    while rows.cursor is not None:
        entries += rows.entries
        rows = pages(rows.cursor)
    return entries + rows.entries


@pytest.mark.parametrize(
    ('number', 'window', 'listed', 'requests'), [(2_500, WHOLE, 2_500, 5), (2_500, RECENT, 1_000, 2), (7, WHOLE, 7, 2)]
)
def test_all_trades_of_a_market_are_listed_or_its_newest_page(number: int, window: Window, listed: int, requests: int):
    binance = Binance([trade(n * 3, NOW - 9_000 + n, '0.01', '100', '0.5', 'BNB') for n in range(number)])
    markets = {'BTCUSDT': ('BTC', 'USDT'), 'BTCEUR': ('BTC', 'EUR')}

    entries = {(entry.reference, entry.n): entry for entry in everything(lambda cursor: read_trades(binance.ask, markets, window, cursor))}

    assert sum(entry.delta for entry in entries.values() if entry.currency == 'btc') == Decimal('0.01') * listed
    assert sum(entry.delta for entry in entries.values() if entry.currency == 'usdt') == -listed
    assert sum(entry.delta for entry in entries.values() if entry.currency == 'bnb') == Decimal('-0.5') * listed
    assert binance.requests == requests


def test_what_has_no_pages_is_followed_by_what_is_older():
    rows = [{'id': n, 'amount': '1', 'asset': 'BTC', 'divTime': (NOW - n // 3) * 1_000} for n in range(1_300)]
    binance = Binance(rows)

    entries = {entry.reference: entry for entry in everything(lambda cursor: DIVIDENDS.read(binance.ask, WHOLE, cursor))}

    assert len(entries) == 1_300


def test_of_more_of_one_second_than_a_page_the_rest_is_missing_from_its_currency_and_nothing_that_is_older():
    binance = Binance([{'id': n, 'amount': '1', 'asset': 'BTC', 'divTime': (NOW - n // 501) * 1_000} for n in range(502)])
    unreadable: list[Unreadable] = []

    def read(cursor: str | None) -> Rows:
        rows = DIVIDENDS.read(binance.ask, WHOLE, cursor)
        unreadable.extend(rows.unreadable)
        return rows

    entries = {entry.reference for entry in everything(read)}

    assert entries == {*map(str, range(500)), '501'}
    assert [(row.currency, row.reference) for row in unreadable] == [('btc', f'all-of-{NOW}')]


def test_a_name_that_two_markets_would_have_is_of_neither():
    assert markets_of(['A', 'AB', 'BUSDT'], ['ABUSDT', 'ABUSDC']) == {'ABUSDC': ('AB', 'USDC')}


def test_hundreds_of_currencies_are_no_matter():
    symbols = [f'C{n}' for n in range(400)]
    assert len(markets_of(symbols, [f'{symbol}USDT' for symbol in symbols])) == 400


@pytest.mark.parametrize(
    ('path', 'weight', 'limit'),
    [
        ('capital/withdraw/history', 18_000, 180_000),
        ('convert/tradeFlow', 3_000, 180_000),
        ('fiat/orders', 90_000, 180_000),
        ('simple-earn/flexible/history/rewardsRecord', 150, 12_000),
    ],
)
def test_what_weighs_much_is_asked_for_no_more_often_than_its_limit_a_minute_allows(path: str, weight: int, limit: int):
    listing, *same = [listing for listing in LISTINGS if listing.path == path]
    begun, resumed = Pace(is_resumed=False), Pace(is_resumed=True)

    assert 60 * weight <= limit * listing.pause_seconds
    assert [begun.seconds_before(each) for each in (listing, *same, listing)] == [0, *[listing.pause_seconds] * (len(same) + 1)]
    assert resumed.seconds_before(listing) == listing.pause_seconds
