"""Portfolios at instants of the past, checked against sums made one by one."""

from collections.abc import Mapping
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import replay, timeline
from chalicelib.domain.conversion import Rate, Rates
from chalicelib.domain.replay import Contribution, Doubt, Move, Span
from chalicelib.domain.timeline import DAY, HOUR, WEEK, Point, PortfolioState, grid, points

MIDNIGHT = 1_700_006_400  # 2023-11-15
END = MIDNIGHT + 9 * DAY
CODES = ['btc', 'eth', 'doge']
times = st.integers(MIDNIGHT + 1, END)
amounts = st.decimals(min_value='-1e12', max_value='1e12', allow_nan=False, places=8)
moves = st.lists(st.builds(Move, times, st.sampled_from(CODES), amounts), max_size=12)
instants = st.integers(MIDNIGHT, END)


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


spans = st.builds(lambda since, length: Span(since, None if length is None else since + length), times, st.none() | st.integers(1, 3 * DAY))
contributions = st.builds(
    Contribution,
    st.dictionaries(st.sampled_from(CODES), amounts),
    moves,
    st.lists(spans, max_size=1),
    st.lists(st.builds(Doubt, st.just('because'), st.none() | st.frozensets(st.sampled_from(CODES), min_size=1), spans), max_size=2),
    st.just(frozenset(CODES)) | st.none(),
)


@given(st.lists(contributions, max_size=4))
def test_each_instant_of_a_grid_is_what_it_is_by_itself(parts: list[Contribution]) -> None:
    shown = list(points(parts, MIDNIGHT, END))
    for instant in range(MIDNIGHT, END + 1, HOUR):
        assert at(shown, instant)._replace(at=instant) == timeline.point_at(parts, instant)


@given(st.lists(contributions, max_size=4), st.lists(st.sampled_from(CODES), min_size=1, unique=True))
def test_no_fewer_values_are_counted_than_there_are(parts: list[Contribution], reporting: list[str]) -> None:
    shown = list(points(parts, MIDNIGHT, END))
    codes = {*CODES, *reporting}

    counted = timeline.count_values(parts, codes, reporting, MIDNIGHT, END, rates_from=MIDNIGHT)

    assert counted >= sum(len(point.balances) * len(reporting) + len(codes) for point in shown[1:])


@given(st.lists(contributions, max_size=4), instants)
def test_an_instant_is_the_sum_of_what_is_known_of_it(parts: list[Contribution], instant: int) -> None:
    point = timeline.point_at(parts, instant)
    based = [Move(0, code, amount) for part in parts for code, amount in part.base.items()]
    known = [
        part for part in parts if not any(span.since <= instant and (span.until is None or instant < span.until) for span in part.unknown)
    ]
    assert dict(point.balances) == sums([*based, *(move for part in parts for move in part.moves)], instant)
    assert (point.covered, point.total) == (len(known), len(parts))
    doubted = [part.scope for part in parts if part not in known]
    doubted += [
        part.scope if doubt.currencies is None else doubt.currencies
        for part in known
        for doubt in part.doubts
        if doubt.span.since <= instant and (doubt.span.until is None or instant < doubt.span.until)
    ]
    for code in (*CODES, 'usdc'):
        assert timeline.is_complete(point, code) is not any(scope is None or code in scope for scope in doubted)
    assert point.complete is not bool(doubted)


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
    part = Contribution({}, [Move(first, 'btc', Decimal(5))], [Span(0, first)], [Doubt('because', None, Span(0))])
    shown = list(points([part, Contribution({'usd': Decimal(7)})], MIDNIGHT, MIDNIGHT + 2 * DAY))
    assert [(point.at - MIDNIGHT, dict(point.balances), point.covered, point.total, point.complete) for point in shown] == [
        (0, {'usd': Decimal(7)}, 1, 2, False),
        (DAY, {'usd': Decimal(7)}, 1, 2, False),
        (30 * HOUR, {'usd': Decimal(7), 'btc': Decimal(5)}, 2, 2, False),
        (2 * DAY, {'usd': Decimal(7), 'btc': Decimal(5)}, 2, 2, False),
    ]


def test_what_one_currency_lacks_leaves_the_others_complete() -> None:
    point = timeline.point_at([Contribution({'eth': Decimal(1)}, doubts=[Doubt('because', frozenset({'eth'}), Span(0))])], END)
    assert [timeline.is_complete(point, code) for code in ('eth', 'btc')] == [False, True]
    assert timeline.state(point, ['btc'], None).incomplete == {'eth'}


def test_where_any_currency_may_lack_something_none_is_complete() -> None:
    doubts = [Doubt('because', frozenset({'eth'}), Span(0)), Doubt('because', None, Span(0))]
    point = timeline.point_at([Contribution({'eth': Decimal(1)}, doubts=doubts)], END)
    assert (point.complete, timeline.is_complete(point, 'btc')) == (False, False)


def test_what_is_unknown_is_never_covered() -> None:
    assert {point.covered for point in points([replay.nothing_known()], MIDNIGHT, END)} == {0}
    assert timeline.point_at([replay.nothing_known()], END).complete is False


def test_what_is_put_in_by_hand_holds_for_all_time() -> None:
    parts = [Contribution({'btc': Decimal(2)}), Contribution({'btc': Decimal(-2), 'usd': Decimal(1)})]
    assert timeline.beginning(parts) is None
    assert timeline.point_at(parts, 0) == Point(0, {'usd': Decimal(1)}, 2, 2, complete=True)
    assert timeline.point_at(parts, END).balances == {'usd': Decimal(1)}


def test_the_beginning_is_the_first_change_of_an_amount_or_of_what_is_known() -> None:
    moved, found = Contribution({}, [Move(50, 'btc', Decimal(1))]), Contribution({}, unknown=[Span(0, 40)])
    doubted = Contribution({}, doubts=[Doubt('because', None, Span(0, 30))])
    assert [timeline.beginning(parts) for parts in ([moved], [moved, found], [moved, found, doubted])] == [50, 40, 30]


def test_now_may_have_what_a_chain_dates_later() -> None:
    part = Contribution({'btc': Decimal(1)}, [Move(END + 61, 'btc', Decimal(2))])
    assert timeline.point_at([part], END + 60).balances == {'btc': Decimal(1)}
    assert timeline.point_at([part], END + 60, with_later=True).balances == {'btc': Decimal(3)}


def test_now_has_what_has_happened_since_the_last_full_hour() -> None:
    part = Contribution({'btc': Decimal(1)}, [Move(END + 59, 'btc', Decimal(2))])
    assert timeline.point_at([part], END + 60).balances == {'btc': Decimal(3)}


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


@given(st.lists(st.integers(1, 99), unique=True), st.integers(1, 9), st.integers(0, 120), st.integers(-1, 120), st.booleans())
def test_each_instant_has_the_latest_state_that_began_by_then(
    begins: list[int], interval: int, first: int, last: int, newest_first: bool
) -> None:
    states = [(at, PortfolioState({}, {}, {}, at, at, True)) for at in (0, *sorted(begins))]
    instants = grid(interval, first, last)[:: -1 if newest_first else 1]

    found = list(timeline.in_force(states, instants))

    assert [at for stretch, _ in found for at in stretch] == list(instants)
    assert all(state == [each for since, each in states if since <= at][-1] for stretch, state in found for at in stretch)
    assert len({state.total for _, state in found}) == len(found)
