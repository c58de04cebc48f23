"""Replay of the past, checked against sums made the other way round."""

from collections.abc import Mapping
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import timeline
from chalicelib.domain.conversion import Rate, Rates
from chalicelib.domain.timeline import DAY, HOUR, UNKNOWN, WEEK, Contribution, Move, Point, PortfolioState, grid, observed, points, replayed

MIDNIGHT = 1_700_006_400  # 2023-11-15
END = MIDNIGHT + 9 * DAY
times = st.integers(MIDNIGHT + 1, END)
amounts = st.decimals(min_value='-1e12', max_value='1e12', allow_nan=False, places=8)
moves = st.lists(st.builds(Move, times, st.sampled_from(['btc', 'eth', 'doge']), amounts), max_size=12)


def sums(found: list[Move], at: int | None = None) -> dict[str, Decimal]:
    held: dict[str, Decimal] = {}
    for move in found:
        if at is None or move.at <= at:
            held[move.currency] = held.get(move.currency, Decimal(0)) + move.delta
    return nonzero(held)


def nonzero(held: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {code: amount for code, amount in held.items() if amount}


def at(shown: list[Point], instant: int) -> Point:
    return [point for point in shown if point.at <= instant][-1]


@given(st.lists(moves, max_size=4))
def test_replayed_backward_from_what_is_held_the_past_is_what_it_is_replayed_forward(ledgers: list[list[Move]]) -> None:
    parts = [replayed(sums(ledger), ledger, start=0, known_from=None, whole=True) for ledger in ledgers]
    shown = list(points(parts, MIDNIGHT, END))
    for instant in range(MIDNIGHT, END + 1, HOUR):
        point = at(shown, instant)
        assert dict(point.balances) == sums([move for ledger in ledgers for move in ledger], instant)
        assert (point.covered, point.total, point.complete) == (len(ledgers), len(ledgers), True)


@given(moves, st.integers(0, 9 * 24))
def test_a_replay_that_begins_later_agrees_with_one_of_everything(ledger: list[Move], hours: int) -> None:
    start = MIDNIGHT + hours * HOUR
    whole = list(points([replayed(sums(ledger), ledger, start=0, known_from=None, whole=True)], MIDNIGHT, END))
    later = [move for move in ledger if move.at > start]
    part = list(points([replayed(sums(ledger), later, start=start, known_from=None, whole=True)], start, END))
    for instant in range(start, END + 1, HOUR):
        assert at(part, instant).balances == at(whole, instant).balances


@given(moves)
def test_there_is_a_point_at_every_midnight_and_wherever_something_changed_and_nowhere_else(ledger: list[Move]) -> None:
    shown = list(points([Contribution({}, ledger)], MIDNIGHT, END))
    midnights = set(range(MIDNIGHT, END + 1, DAY))
    assert [point.at for point in shown] == sorted({point.at for point in shown})
    assert {point.at for point in shown} == midnights | {-(-move.at // HOUR) * HOUR for move in ledger if -(-move.at // HOUR) * HOUR <= END}


def test_a_change_shows_at_the_first_full_hour_by_which_it_happened() -> None:
    part = Contribution({}, [Move(MIDNIGHT + HOUR, 'btc', Decimal(1)), Move(MIDNIGHT + HOUR + 1, 'btc', Decimal(2))])
    shown = list(points([part], MIDNIGHT, MIDNIGHT + 2 * HOUR))
    assert [(point.at - MIDNIGHT, dict(point.balances)) for point in shown] == [
        (0, {}),
        (HOUR, {'btc': Decimal(1)}),
        (2 * HOUR, {'btc': Decimal(3)}),
    ]


def test_what_is_not_known_from_the_beginning_is_not_covered_before_its_first_transaction_rather_than_zero() -> None:
    first = MIDNIGHT + 30 * HOUR
    part = replayed({'btc': Decimal(5)}, [Move(first, 'btc', Decimal(2))], start=0, known_from=first, whole=False)
    shown = list(points([part, Contribution({'usd': Decimal(7)})], MIDNIGHT, MIDNIGHT + 2 * DAY))
    assert [(point.at - MIDNIGHT, dict(point.balances), point.covered, point.total, point.complete) for point in shown] == [
        (0, {'usd': Decimal(7)}, 1, 2, False),
        (DAY, {'usd': Decimal(7)}, 1, 2, False),
        (30 * HOUR, {'usd': Decimal(7), 'btc': Decimal(5)}, 2, 2, False),
        (2 * DAY, {'usd': Decimal(7), 'btc': Decimal(5)}, 2, 2, False),
    ]


def test_what_was_known_before_the_start_is_covered_from_the_start() -> None:
    later = [Move(MIDNIGHT + 5, 'btc', Decimal(2))]
    part = replayed({'btc': Decimal(5)}, later, start=MIDNIGHT, known_from=MIDNIGHT - DAY, whole=False)
    assert next(points([part], MIDNIGHT, END)) == Point(MIDNIGHT, {'btc': Decimal(3)}, 1, 1, complete=False)


def test_what_is_unknown_is_never_covered() -> None:
    assert {point.covered for point in points([UNKNOWN], MIDNIGHT, END)} == {0}
    assert timeline.point_now([UNKNOWN], END).complete is False


def test_snapshots_hold_until_the_next() -> None:
    seen = [(MIDNIGHT + 10, {'btc': Decimal(1)}), (MIDNIGHT + DAY + 10, {'btc': Decimal(4), 'eth': Decimal(2)}), (END, {'eth': Decimal(2)})]
    shown = list(points([observed(seen, start=0, whole=True)], MIDNIGHT, END))
    assert dict(at(shown, MIDNIGHT).balances) == {}
    assert at(shown, MIDNIGHT).covered == 0
    assert dict(at(shown, MIDNIGHT + HOUR).balances) == {'btc': Decimal(1)}
    assert dict(at(shown, MIDNIGHT + 2 * DAY).balances) == {'btc': Decimal(4), 'eth': Decimal(2)}
    assert dict(at(shown, END).balances) == {'eth': Decimal(2)}
    assert at(shown, END).complete


@given(
    st.lists(st.tuples(times, st.dictionaries(st.sampled_from(['btc', 'eth']), amounts)), min_size=1, max_size=8), st.integers(0, 9 * 24)
)
def test_snapshots_from_a_start_on_agree_with_all_of_them(seen: list[tuple[int, dict[str, Decimal]]], hours: int) -> None:
    seen = sorted(seen, key=lambda one: one[0])
    start = MIDNIGHT + hours * HOUR
    every, some = (list(points([observed(seen, start=begin, whole=True)], begin or MIDNIGHT, END)) for begin in (0, start))
    for instant in range(start, END + 1, HOUR):
        assert at(some, instant)[1:] == at(every, instant)[1:]
        held = [balances for when, balances in seen if when <= instant]
        assert dict(at(some, instant).balances) == nonzero(held[-1] if held else {})


def test_nothing_observed_is_not_covered() -> None:
    assert observed([], start=0, whole=True) == UNKNOWN


def test_what_is_put_in_by_hand_holds_for_all_time() -> None:
    parts = [Contribution({'btc': Decimal(2)}), Contribution({'btc': Decimal(-2), 'usd': Decimal(1)})]
    assert timeline.beginning(parts) is None
    assert timeline.point_before(parts) == Point(0, {'usd': Decimal(1)}, 2, 2, complete=True)
    assert timeline.point_now(parts, END).balances == {'usd': Decimal(1)}


def test_now_has_what_has_happened_since_the_last_full_hour() -> None:
    part = Contribution({'btc': Decimal(1)}, [Move(END + 59, 'btc', Decimal(2))])
    assert timeline.point_now([part], END + 60).balances == {'btc': Decimal(3)}


@given(st.sampled_from([HOUR, DAY, WEEK]), st.integers(0, 2 * 10**9), st.integers(0, 40 * DAY))
def test_a_grid_has_all_its_instants_from_first_to_last(interval: int, first: int, length: int) -> None:
    weekdays = {WEEK: 4 * DAY}.get(interval, 0)
    expected = [instant for instant in range(-(-first // HOUR) * HOUR, first + length + 1, HOUR) if (instant - weekdays) % interval == 0]
    assert list(grid(interval, first, first + length)) == expected


def test_a_month_begins_at_its_first_midnight() -> None:
    assert timeline.month_of(MIDNIGHT) == 1_698_796_800
    assert timeline.next_month(1_698_796_800) == 1_701_388_800
    assert timeline.month_of(1_701_388_800) == 1_701_388_800
    assert timeline.next_month(1_706_745_600) == 1_709_251_200  # a leap year's February


def test_a_state_tells_what_could_not_be_converted_and_how_much_of_the_portfolio_it_is_of() -> None:
    point = Point(END, {'btc': Decimal('0.5'), 'doge': Decimal(3)}, 2, 3, complete=False)
    rates = Rates(END, [Rate('btc', 'usd', Decimal(40000), END, 'kraken')])
    assert timeline.state(point, ['usd', 'doge'], rates) == PortfolioState(
        balances={'btc': Decimal('0.5'), 'doge': Decimal(3)},
        values={'usd': Decimal(20000), 'doge': Decimal(3)},
        unconverted={'usd': ('doge',), 'doge': ('btc',)},
        covered=2,
        total=3,
        complete=False,
    )
    assert timeline.state(point, ['usd'], None).values == {}


def test_a_state_is_worth_what_it_is_worth_to_the_last_digit() -> None:
    point = Point(END, {'btc': Decimal('0.1')}, 1, 1, complete=True)
    rates = Rates(END, [Rate('btc', 'usd', Decimal('40000.123456'), END, 'kraken')])
    assert timeline.state(point, ['usd'], rates).values == {'usd': Decimal('4000.0123456')}
