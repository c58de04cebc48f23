"""Sums over currencies: every reporting currency, others when they are not zero, exactly."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import money

codes = st.sampled_from(['btc', 'eth', 'usd', 'xau', 'zec'])
amounts = st.builds(money.scaled, st.integers(-(2**256), 2**256), st.sampled_from([0, 2, 8, 18, 36]))
balances = st.lists(st.tuples(codes, amounts), max_size=20)


@given(st.sets(codes), balances)
def test_every_reporting_currency_is_there_and_others_when_they_are_not_zero(reporting: set[str], rows: list[tuple[str, Decimal]]) -> None:
    sums = {code: sum(Fraction(amount) for other, amount in rows if other == code) for code in {code for code, _ in rows} | reporting}
    found = money.total_by_currency(reporting, rows)
    assert {code: Fraction(amount) for code, amount in found.items()} == {
        code: amount for code, amount in sums.items() if amount or code in reporting
    }
    assert {type(amount) for amount in found.values()} <= {Decimal}


@given(st.sets(codes), balances)
def test_currencies_come_by_code(reporting: set[str], rows: list[tuple[str, Decimal]]) -> None:
    assert list(money.total_by_currency(reporting, rows)) == sorted(money.total_by_currency(reporting, rows))


@given(st.sets(codes), balances.flatmap(lambda row: st.tuples(st.just(row), st.permutations(row))))
def test_the_order_of_balances_says_nothing(
    reporting: set[str], orders: tuple[list[tuple[str, Decimal]], list[tuple[str, Decimal]]]
) -> None:
    assert money.total_by_currency(reporting, orders[0]) == money.total_by_currency(reporting, orders[1])


def test_a_currency_that_comes_to_zero_is_left_out_unless_it_is_reported() -> None:
    rows = [('btc', Decimal('0.1')), ('btc', Decimal('-0.10')), ('eth', Decimal(2))]
    assert money.total_by_currency(['usd'], rows) == {'eth': Decimal(2), 'usd': Decimal(0)}
    assert money.total_by_currency(['btc'], rows) == {'btc': Decimal(0), 'eth': Decimal(2)}


def test_a_reporting_currency_named_twice_is_one() -> None:
    assert money.total_by_currency(['btc', 'btc'], []) == {'btc': Decimal(0)}
