"""The pages of a portfolio of a thousand addresses and ten years: what they cost, and that a phone can load them."""

import random
import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest

from chalicelib import clock
from chalicelib.domain import currencies
from chalicelib.domain.conversion import Rate
from chalicelib.domain.hd_wallets import identify
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.domain.rates import DailyClose, day_of, pair_of
from chalicelib.http_io import rate_limiter
from chalicelib.models import Address, LatestRates, Ledger, Portfolio, Transaction, add_daily_closes
from chalicelib.services.histories import refresh
from tests.support.api import Api
from tests.support.browser import Browser

ADDRESSES, ACTIVE, EACH, YEARS = 1_000, 10, 40, 10
DAY = 86_400
MOST_BYTES = 60_000


@pytest.fixture
def large(api: Api) -> int:
    """A portfolio of a thousand addresses, of which ten had transactions all the time."""
    now = clock.now()
    first = now - YEARS * 365 * DAY
    number = api.portfolio('Everything')
    children = [child_of(api.user_id, number, address_id, now) for address_id in range(1, ADDRESSES + 1)]
    with Address.batch_write() as batch:
        for child in children:
            batch.save(child)
    with Ledger.batch_write() as batch:
        for child in children:
            batch.save(state_of(child, now))
    for child in children[:ACTIVE]:
        store_transactions(child.ledger, first, now)
    Portfolio.at(api.user_id, number).update([Portfolio.addresses.set(ADDRESSES), Portfolio.last_address_id.set(ADDRESSES)])
    know_prices(first, now)
    refresh.refresh(api.user_id, number)
    return number


def child_of(user_id: str, portfolio_id: int, address_id: int, now: int) -> Address:
    child = Address.at(user_id, portfolio_id, address_id)
    child.user_id, child.portfolio_id, child.address_id = user_id, portfolio_id, address_id
    child.title, child.currency = f'Savings of the family, part {address_id}', 'btc'
    child.point_to(identify('btc', f'bc1q{address_id:038}'))
    child.created_at = child.updated_at = now
    return child


def state_of(child: Address, now: int) -> Ledger:
    """Return the state of a ledger without transactions, as a refresh leaves it."""
    ledger = Ledger.at(child.ledger)
    ledger.holdings = [Holding('btc', Decimal(0), Decimal(0), Decimal(0), 0)]
    ledger.source, ledger.updated_at = 'blockstream', now
    return ledger


def store_transactions(ledger: str, first: int, now: int) -> None:
    chance = random.Random(ledger)
    moves = [(first + (now - first) * n // EACH + chance.randrange(DAY), Decimal(chance.randrange(1, 10**9)) / 10**8) for n in range(EACH)]
    entries = [Entry(f'{n:064x}', 0, 'btc', delta, Decimal(0), at, n) for n, (at, delta) in enumerate(moves)]
    Transaction.store(Transaction.of(ledger, entry, source='blockstream', run=None, now=now) for entry in entries)
    held = Holding('btc', sum(delta for _, delta in moves), None, None, EACH)
    Ledger.at(ledger).update([Ledger.holdings.set([held]), Ledger.newest_at.set(moves[-1][0])])


def know_prices(first: int, now: int) -> None:
    chance = random.Random(7)
    days = [day_of(first) + timedelta(days=number) for number in range((now - first) // DAY + 2)]
    pair = pair_of('btc')
    add_daily_closes(pair, [DailyClose(day, *pair, Decimal(chance.randrange(10**6, 10**7)) / 100, 'test') for day in days], now)
    rate = Rate('btc', 'usd', Decimal('11775.36'), now, 'bitstamp')
    LatestRates.find().store(now, [], [rate], dict.fromkeys(('btc', 'usd'), now + DAY))


def test_its_pages_are_small_and_cost_as_much_as_is_written(logged_in: Browser, api: Api, large: int, requests_made: list[str]):
    [_, usd] = api.get(f'/api/portfolios/{large}/converted').json_body['result']
    base = f'/portfolios/{large}'
    # Nine batches of ledgers more than a small portfolio has.
    for path, most in (
        (f'{base}?range=all', 8 + 9 + 8),
        (f'{base}?range=1y', 8 + 9 + 8),
        (f'{base}/addresses', 3),
        (f'{base}/addresses?after=900', 3),
        (f'{base}/explain?in=usd', 4 + 9),
        (f'{base}/statement', 4 + 9),
        ('/portfolios', 7 + 9),
        (f'{base}/import', 3),
    ):
        rate_limiter.limiter.cache_clear()  # which shares what several pages read by a request more
        requests_made.clear()

        logged_in.get(path)

        assert logged_in.status == 200, path
        assert len(logged_in.page.encode()) < MOST_BYTES, (path, len(logged_in.page.encode()))
        assert len(requests_made) <= most, (path, requests_made)
        if 'range' in path:
            assert re.search(r'class="worth amount">([\d,.]+) ', logged_in.page)[1].replace(',', '') == usd['balance']
            points = logged_in.page.partition('<figure')[2].partition('</figure>')[0].count('<tr><td>')
            assert 250 < points <= 402, path


def test_a_statement_that_is_too_large_for_lambda_is_refused_with_what_to_do(logged_in: Browser, api: Api):
    codes = tuple(currency.code for currency in currencies.every()[:50])
    LatestRates.find().store(clock.now(), [], [], dict.fromkeys(codes, clock.now() + DAY))
    number = api.portfolio('Everything', codes)
    first, *unread = (child_of(api.user_id, number, address_id, clock.now()) for address_id in range(1, 42))
    for child in unread:
        child.title = '\N{SNOWMAN}' * 400
    with Address.batch_write() as batch:
        for child in (first, *unread):
            batch.save(child)
    state_of(first, clock.now()).save()
    Portfolio.at(api.user_id, number).update([Portfolio.addresses.set(41), Portfolio.last_address_id.set(41)])

    for name in ('json', 'jws'):
        logged_in.get(f'/portfolios/{number}/statement?format={name}')
        assert (logged_in.status, 'too large for one file' in logged_in.text) == (422, True)
    logged_in.get(unescape(re.search(r'href="([^"]+format=csv)"', logged_in.page)[1]))
    assert (logged_in.status, logged_in.response.headers['Content-Type']) == (200, 'text/csv; charset=utf-8')
