"""Which refreshes ask a second explorer, and when two explorers agree."""

from decimal import Decimal

import pytest

from chalicelib.domain.cross_check import agree, is_sampled
from chalicelib.domain.ledgers import Holding

LEDGER = 'LEDGER#btc#address'
EIGHTEEN = '1234567890.123456789012345678'


def held(balance: str, currency: str = 'eth', transactions: int | None = None) -> Holding:
    return Holding(currency, Decimal(balance), None, None, transactions)


@pytest.mark.parametrize('rate', ['0', '0.05', '0.5', '1'])
def test_the_share_of_refreshes_that_is_drawn_is_the_rate(rate: str):
    drawn = sum(is_sampled(f'{LEDGER}{number % 50}', 1_700_000_000 + number, Decimal(rate)) for number in range(10_000))

    assert abs(drawn - 10_000 * Decimal(rate)) <= 200


def test_a_draw_is_the_same_whenever_it_is_asked_for():
    draws = [[is_sampled(LEDGER, 1_700_000_000 + second, Decimal('0.5')) for second in range(50)] for _ in range(2)]

    assert draws[0] == draws[1]


def test_ledgers_are_not_all_drawn_at_the_same_time():
    assert {is_sampled(f'{LEDGER}{number}', 1_700_000_000, Decimal('0.5')) for number in range(50)} == {True, False}


@pytest.mark.parametrize(
    ('left', 'right'),
    [
        ([held('1.5')], [held('1.50')]),
        ([held('0')], []),
        ([held('1', transactions=3)], [held('1')]),
        ([held('1', transactions=3)], [held('1', transactions=3)]),
        ([held('1'), held('2', 'usdc')], [held('2', 'usdc'), held('1')]),
        ([], []),
    ],
)
def test_who_tells_the_same_agrees(left: list[Holding], right: list[Holding]):
    assert agree(left, right)
    assert agree(right, left)


@pytest.mark.parametrize(
    ('left', 'right'),
    [
        ([held(EIGHTEEN)], [held(EIGHTEEN[:-1] + '9')]),
        ([held('1')], []),
        ([held('1', transactions=3)], [held('1', transactions=4)]),
        ([held('1'), held('2', 'usdc')], [held('1')]),
    ],
)
def test_who_tells_something_else_does_not(left: list[Holding], right: list[Holding]):
    assert not agree(left, right)
    assert not agree(right, left)


def test_only_the_currency_that_both_know_is_compared():
    assert agree([held('1'), held('2', 'usdc')], [held('1')], only='eth')
    assert not agree([held('1'), held('2', 'usdc')], [held('3'), held('2', 'usdc')], only='eth')
