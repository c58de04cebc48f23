"""An account with 100,000 trades is read page by page, in several runs, in memory that does not grow with their number."""

import tracemalloc
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.providers.exchanges.bitstamp import BitstampReader
from chalicelib.providers.transport import Http
from tests.support.accounts import reached
from tests.support.bitstamp import KEY, SECRET, BitstampAccount

NUMBER, PAGES_OF_A_RUN, PAGES_MEASURED = 100_000, 24, 4


class Trades(Sequence[dict[str, Any]]):
    """Purchases of a ten-thousandth of a bitcoin for a dollar and a half, and a cent of fees, made when they are asked for."""

    def __len__(self) -> int:
        return NUMBER

    def __getitem__(self, places: Any) -> Any:
        row = {'type': '2', 'datetime': '2024-05-01 10:00:00', 'fee': '0.01', 'btc': '0.0001', 'usd': '-1.50', 'btc_usd': '15000.00'}
        return [row | {'id': NUMBER - place, 'order_id': 1} for place in range(*places.indices(NUMBER))]


def test_a_hundred_thousand_trades_are_read_in_runs_that_need_no_more_memory_than_the_first(monkeypatch: pytest.MonkeyPatch):
    account = BitstampAccount(rows=Trades(), balances={'btc': '10', 'usd': '0'})
    numbers: list[int] = []
    sums = {'btc': Decimal(0), 'usd': Decimal(0)}
    peaks: list[int] = []
    resume: str | None = None
    with reached(account.respond, monkeypatch):
        while not numbers or resume is not None:
            reader = BitstampReader({'key': KEY, 'secret': SECRET})  # of another process
            is_measured = len(numbers) in (0, 3 * PAGES_OF_A_RUN + PAGES_MEASURED)
            last = len(numbers) + (PAGES_MEASURED if is_measured else PAGES_OF_A_RUN)
            if is_measured:
                tracemalloc.start()
            for page in reader.read(Http(lambda _: None), '', resume).pages:
                resume = page.resume
                numbers.append(len(page.entries))
                for entry in page.entries:
                    sums[entry.currency] += entry.delta
                if len(numbers) == last:
                    break
            if is_measured:
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()

    assert sums == {'btc': Decimal('10.0000'), 'usd': Decimal('-151000.00')}
    assert (sum(numbers), max(numbers)) == (200_000, 2_000)
    asked = [request.path[-2] for request in account.requests]
    assert (asked.count('user_transactions'), asked.count('account_balances')) == (101, 6)
    assert peaks[1] < peaks[0] * 1.25
