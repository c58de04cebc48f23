"""Five years of a portfolio with 200 addresses and 20,000 transactions, at every point against a sum made by brute force."""

import random
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from chalicelib import clock
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.domain.rates import DailyClose, pair_of
from chalicelib.models import Ledger, Transaction, add_daily_closes
from chalicelib.services.histories import refresh
from chalicelib.services.portfolios import addresses
from tests.support.api import Api

ADDRESSES, EACH, YEARS = 200, 100, 5
DAY, HOUR = 86_400, 3_600


def test_every_point_is_right_and_each_page_is_two_requests(api: Api, requests_made: list[str]) -> None:
    now = clock.now()
    first = now - YEARS * 365 * DAY
    portfolio = api.portfolio(currencies=('btc', 'usd'))
    names = [f'address-{number}' for number in range(ADDRESSES)]
    # First all addresses: at each transaction moto copies its table.
    drafts = [addresses.draft(api.user_id, portfolio, title=name, address=name, currency='btc', now=now) for name in names]
    for draft in drafts:
        addresses.store(draft)
    ledgers = [draft.child.ledger for draft in drafts]
    moves = [move for pk in ledgers for move in _fill(pk, first, now)]
    held = _held(moves)
    closes = _closes(first, now)
    refresh.refresh(api.user_id, portfolio)

    instants = {}
    for path, code, shown in (('balances/btc/history', 'btc', _plain), ('converted/history', 'usd', _usd)):
        rows = []
        cursor = ''
        while cursor is not None:
            requests_made.clear()
            start = datetime.fromtimestamp(first, UTC).isoformat().replace('+', '%2B')
            answer = api.get(f'/api/portfolios/{portfolio}/{path}?from={start}{cursor and "&cursor=" + cursor}').json_body
            assert requests_made == ['BatchGetItem', 'Query']
            rows += [row for row in answer['result'] if row['currency'] == code]
            cursor = answer.get('next')
        instants[code] = rows
        assert {(row['covered'], row['total']) for row in rows} == {(ADDRESSES, ADDRESSES)}
        midnights = range(-(-first // DAY) * DAY, now + 1, DAY)
        assert len(rows) == len(midnights) + 1
        for row, at in zip(rows[1:], reversed(midnights), strict=True):
            assert (row['balance_at'], row['balance']) == (_iso(at), shown(held(at), closes[_day(at)]))
        assert rows[0]['balance'] == (_plain(held(now), Decimal(1)) if code == 'btc' else '0.00')  # no rate is known now
    assert all(row['complete'] for row in (*instants['btc'], *instants['usd'][1:]))


def _fill(pk: str, first: int, now: int) -> list[tuple[int, Decimal]]:
    """Store transactions of a ledger as a download leaves them; return them."""
    chance = random.Random(pk)
    units, moves = 0, []
    for at in sorted(chance.randrange(first + 1, now) for _ in range(EACH)):
        change = chance.randrange(-min(units, 10**8), 10**9)  # an address never holds less than nothing
        units += change
        moves.append((at, Decimal(change) / 10**8))
    entries = [Entry(f'{pk[-12:]}-{n}', 0, 'btc', delta, Decimal(0), at, n) for n, (at, delta) in enumerate(moves)]
    Transaction.store(Transaction.of(pk, entry, source='test', run=None, now=now) for entry in entries)
    held = Holding('btc', sum(delta for _, delta in moves), None, None, EACH)
    state = [Ledger.holdings.set([held]), Ledger.updated_at.set(now), Ledger.newest_at.set(moves[-1][0])]
    Ledger.at(pk).update(state)
    return moves


def _closes(first: int, now: int) -> dict[date, Decimal]:
    chance = random.Random(7)
    days = [_day(first) + timedelta(days=number) for number in range((now - first) // DAY + 2)]
    closes = {day: Decimal(chance.randrange(10**5, 10**7)) / 100 for day in days}
    pair = pair_of('btc')
    add_daily_closes(pair, [DailyClose(day, *pair, price, 'test') for day, price in closes.items()], now)
    return closes


def _held(moves: list[tuple[int, Decimal]]) -> Callable[[int], Decimal]:
    """Return what tells the sum of all moves up to an instant."""
    instants = sorted(at for at, _ in moves)
    sums = list(accumulate((delta for _, delta in sorted(moves)), initial=Decimal(0)))
    return lambda at: sums[bisect_right(instants, at)]


def _plain(amount: Decimal, _: Decimal) -> str:
    return f'{amount:.8f}'.rstrip('0').ljust(len(f'{amount:.0f}') + 2, '0') if amount else '0.0'


def _usd(amount: Decimal, price: Decimal) -> str:
    return f'{(amount * price).quantize(Decimal("0.01")):f}'


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
