"""What a ledger held at each instant, checked against a simple sum of what was known by then."""

from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import replay
from chalicelib.domain.ledgers import Gap
from chalicelib.domain.replay import Contribution, Doubt, Move, Span

CODES = ['btc', 'eth', 'doge']
NOW = 100
instants = st.integers(1, NOW)
amounts = st.integers(-50, 100).map(Decimal)
moves = st.lists(st.builds(Move, instants, st.sampled_from(CODES), amounts), max_size=12)


class Told(NamedTuple):
    """What is told of one currency at an instant."""

    amount: Decimal
    is_doubted: bool


def told(contribution: Contribution, code: str, at: int) -> Told:
    amount = contribution.base.get(code, Decimal(0)) + sum(
        move.delta for move in contribution.moves if (move.currency, True) == (code, move.at <= at)
    )
    return Told(amount, any(doubt.currencies is None or code in doubt.currencies for doubt in contribution.doubts_at(at)))


def summed(ledger: list[Move], code: str, at: int, after: int = 0) -> Decimal:
    return sum((move.delta for move in ledger if move.currency == code and after < move.at <= at), Decimal(0))


def expected(ledger: list[Move], code: str, at: int, gap: Gap | None, seen: list[tuple[int, Decimal]]) -> Told:
    """Return what is to be told: the sum of what is known, or what was last seen since it does not add up, and the sum since."""
    last = [one for one in seen if gap is not None and (gap.since is None or one[0] > gap.since) and one[0] <= at][-1:]
    amount = last[0][1] + summed(ledger, code, at, last[0][0]) if last else summed(ledger, code, at)
    is_doubted = gap is not None and (gap.since is None or at > gap.since)
    return Told(amount, is_doubted) if amount >= 0 else Told(Decimal(0), is_doubted=True)


@given(moves, st.integers(0, NOW))
def test_a_whole_ledger_is_at_each_instant_what_its_transactions_sum_to_and_unknown_where_that_is_negative(
    ledger: list[Move], start: int
) -> None:
    held = {code: summed(ledger, code, NOW) for code in CODES}
    contribution = replay.replayed(held, [move for move in ledger if move.at > start])
    for at in range(start, NOW + 1):
        assert {code: told(contribution, code, at) for code in CODES} == {code: expected(ledger, code, at, None, []) for code in CODES}


def test_amounts_of_more_digits_than_the_context_of_a_thread_has_begin_at_nothing() -> None:
    moved = [Decimal('12345678901.123456789012345678'), Decimal('987654321098.000000000000000001')]
    moves = [Move(at, 'shib', delta) for at, delta in enumerate(moved, 1)]
    contribution = replay.replayed({'shib': Decimal('999999999999.123456789012345679')}, moves)
    assert contribution.base == {'shib': Decimal(0)}
    assert contribution.moves == moves


@given(
    moves,
    st.integers(0, NOW),
    st.none() | st.integers(1, NOW - 1),
    st.lists(st.tuples(st.integers(1, NOW - 1), st.integers(0, 99).map(Decimal)), max_size=3, unique_by=lambda one: one[0]),
    st.integers(0, 99).map(Decimal),
    st.booleans(),
)
def test_what_is_not_explained_belongs_to_the_time_since_the_currency_last_added_up(
    ledger: list[Move], start: int, since: int | None, snapshots: list[tuple[int, Decimal]], reported: Decimal, is_known: bool
) -> None:
    seen = [*sorted(snapshots), (NOW, reported)]
    others = [code for code in CODES if code != 'btc']
    gap = Gap('btc', 'transactions_missing', since, reported - summed(ledger, 'btc', NOW) if is_known else None)
    held = {'btc': reported, **{code: summed(ledger, code, NOW) for code in others}}
    first = min([start, *(at - 1 for at, _ in seen if at > (since or 0))]) if is_known else 0

    contribution = replay.replayed(
        held, [move for move in ledger if move.at > first], gaps=[gap], seen=[(at, {'btc': one}) for at, one in seen]
    )

    for at in range(start, NOW + 1):
        assert told(contribution, 'btc', at) == expected(ledger, 'btc', at, gap, seen)
        assert {code: told(contribution, code, at) for code in others} == {code: expected(ledger, code, at, None, []) for code in others}


def test_a_whole_ledger_that_gets_more_by_a_row_that_nobody_can_read_is_before_it_what_it_was() -> None:
    received, last_added_up, now = 10, 50, 90
    contribution = replay.replayed(
        {'sol': Decimal(5)},
        [Move(received, 'sol', Decimal(1))],
        gaps=[Gap('sol', 'transactions_unreadable', last_added_up, Decimal(4))],
        seen=[(now, {'sol': Decimal(5)})],
        scope=frozenset({'sol'}),
    )
    assert [told(contribution, 'sol', at) for at in (9, 10, 50, 51, 89, 90)] == [
        (0, False),
        (1, False),
        (1, False),
        (1, True),
        (1, True),
        (5, True),
    ]


def test_a_token_that_grows_by_itself_is_nothing_before_its_first_receipt_and_touches_no_other_currency() -> None:
    contribution = replay.replayed(
        {'eth': Decimal(3), 'steth': Decimal('1.3457')},
        [Move(10, 'eth', Decimal(3)), Move(20, 'steth', Decimal(1))],
        gaps=[Gap('steth', 'transactions_missing', None, Decimal('0.3457'))],
        seen=[(90, {'eth': Decimal(3), 'steth': Decimal('1.3457')})],
    )
    assert [told(contribution, 'steth', at).amount for at in (19, 20, 89, 90)] == [0, 1, 1, Decimal('1.3457')]
    assert {told(contribution, 'eth', at) for at in (10, 90)} == {(3, False)}


def test_what_is_known_from_an_instant_on_is_unknown_before_it_rather_than_nothing() -> None:
    contribution = replay.replayed({'btc': Decimal(5)}, [Move(30, 'btc', Decimal(2))], known_from=30, scope=frozenset({'btc'}))
    assert [contribution.is_known(at) for at in (0, 29, 30)] == [False, False, True]
    assert contribution.doubts_at(29) == [Doubt('history_unknown', frozenset({'btc'}), Span(29))]
    assert [told(contribution, 'btc', at) for at in (29, 30)] == [(0, True), (5, False)]


def test_of_an_address_of_one_currency_nothing_is_known_while_that_would_be_negative() -> None:
    ledger = [Move(10, 'btc', Decimal(1)), Move(20, 'btc', Decimal(-3)), Move(30, 'btc', Decimal(4))]
    contribution = replay.replayed({'btc': Decimal(2)}, ledger, scope=frozenset({'btc'}), is_sole=True)
    assert [contribution.is_known(at) for at in (9, 10, 19, 20, 29, 30)] == [True, True, True, False, False, True]
    assert [told(contribution, 'btc', at) for at in (19, 20, 30)] == [(1, False), (0, True), (2, False)]


def test_what_a_person_puts_in_holds_since_they_say_and_may_be_negative() -> None:
    always, lately = replay.held_since({'btc': Decimal(-2)}, None), replay.held_since({'btc': Decimal(-2)}, 40)
    assert [told(always, 'btc', at) for at in (0, 39, 40)] == [(-2, False)] * 3
    assert [told(lately, 'btc', at) for at in (0, 39, 40)] == [(0, False), (0, False), (-2, False)]


def test_a_doubt_about_a_whole_ledger_is_about_all_that_it_can_hold() -> None:
    contribution = replay.doubted(Contribution({'eth': Decimal(1)}, scope=frozenset({'eth', 'usdc'})), 'not_observed_since', 40)
    assert contribution.doubts_at(39) == []
    assert [doubt.currencies for doubt in contribution.doubts_at(40)] == [frozenset({'eth', 'usdc'})]
    assert replay.doubted(contribution, None) == contribution


@given(st.lists(st.tuples(instants, st.dictionaries(st.sampled_from(CODES), st.integers(0, 99).map(Decimal))), min_size=1, max_size=6))
def test_what_was_observed_holds_until_the_next_observation_and_is_unknown_before_the_first(
    seen: list[tuple[int, dict[str, Decimal]]],
) -> None:
    seen = sorted(seen, key=lambda one: one[0])
    contribution = replay.observed(seen)
    for at in range(NOW + 1):
        last = [held for when, held in seen if when <= at][-1:]
        assert contribution.is_known(at) is bool(last)
        assert {code: told(contribution, code, at).amount for code in CODES} == {
            code: (last[0] if last else {}).get(code, 0) for code in CODES
        }


def test_nothing_observed_is_nothing_known() -> None:
    assert replay.observed([]) == replay.nothing_known()


GROWS = [Move(10, 'eth', Decimal(5)), Move(40, 'eth', Decimal(2)), Move(20, 'btc', Decimal(1))]
SEEN = [(30, {'eth': Decimal('5.1'), 'btc': Decimal(1)}), (50, {'eth': Decimal('7.3'), 'btc': Decimal(1)})]


def test_a_currency_that_moves_by_itself_is_what_it_was_observed_to_be_and_what_moved_since():
    contribution = replay.replayed(SEEN[-1][1], GROWS, moving={'eth'}, seen=SEEN)

    amounts = [(9, '0', False), (10, '5', True), (29, '5', True), (30, '5.1', False), (39, '5.1', False), (40, '7.1', False)]
    amounts += [(49, '7.1', False), (50, '7.3', False), (99, '7.3', False)]
    assert [(at, told(contribution, 'eth', at)) for at, _, _ in amounts] == [
        (at, Told(Decimal(amount), is_doubted)) for at, amount, is_doubted in amounts
    ]
    assert [told(contribution, 'btc', at) for at in (19, 20, 99)] == [Told(Decimal(amount), False) for amount in (0, 1, 1)]


def test_one_that_was_given_away_with_what_it_grew_by_was_nothing_before_and_is_nothing_after():
    gone = [*GROWS, Move(60, 'eth', Decimal('-7.3'))]
    contribution = replay.replayed({'btc': Decimal(1)}, gone, moving={'eth'}, seen=[*SEEN, (70, {'btc': Decimal(1)})])

    assert [told(contribution, 'eth', at) for at in (9, 59, 60, 70, 99)] == [
        Told(Decimal(amount), False) for amount in ('0', '7.3', '0', '0', '0')
    ]


def test_one_that_was_observed_before_it_came_is_never_in_doubt():
    contribution = replay.replayed(SEEN[-1][1], GROWS, moving={'eth'}, seen=[(5, {}), *SEEN])

    assert not any(told(contribution, 'eth', at).is_doubted for at in range(1, 100))


def test_an_account_may_have_owed_something():
    moves = [Move(100, 'usd', Decimal(-5)), Move(200, 'usd', Decimal(12))]

    known = replay.replayed({'usd': Decimal(7)}, moves, may_owe=True)

    assert (known.base, list(known.moves), list(known.doubts)) == ({'usd': Decimal(0)}, moves, [])
