"""Transfers between parts of a portfolio, compared with what comparing each part with each other gives."""

import time
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.transfers import Side, have_other_sides

sides = st.builds(Side, st.sampled_from('abc'), st.sampled_from(['btc', 'eth']), st.sampled_from([Decimal(n) for n in (-2, -1, 0, 1)]))


@given(st.lists(sides, max_size=8))
def test_another_part_has_another_sign_in_the_same_currency(given_sides: list[Side]) -> None:
    expected = [
        any(part != side.part and currency == side.currency and (delta > 0) != (side.delta > 0) for part, currency, delta in given_sides)
        for side in given_sides
    ]

    assert have_other_sides(given_sides) == expected


def test_a_transaction_of_all_addresses_of_a_portfolio_is_compared_at_once() -> None:
    received = [Side(f'address{number}', 'btc', Decimal(1)) for number in range(10_000)]
    begun = time.thread_time()

    assert not any(have_other_sides(received))
    assert all(have_other_sides([*received, Side('account1', 'btc', Decimal(-10_000))]))
    assert time.thread_time() - begun < 2
