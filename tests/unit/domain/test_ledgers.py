"""Tallies of entries, whether they add up, and from where on they are final."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import ledgers, money
from chalicelib.domain.ledgers import MOST_REVERTIBLE, MOST_UNREADABLE, Entry, Gap, Holding, Lack, Tally, Unread, Unreadable

REORGANISATION = 6

UINT256 = 2**256 - 1
deltas = st.builds(money.scaled, st.integers(-UINT256, UINT256), st.sampled_from([0, 8, 18, 36]))
entries = st.lists(
    st.builds(
        Entry,
        reference=st.text('0123456789abcdef', min_size=1, max_size=8),
        n=st.integers(0, 3),
        currency=st.sampled_from(['btc', 'eth', 'usd']),
        delta=deltas,
        fee=st.none(),
        at=st.integers(0, 2_000_000_000),
        height=st.integers(0, 1_000_000),
    ),
    max_size=30,
)
heights = st.lists(st.integers(0, 10_000), max_size=50)


def _holdings(tallies: dict[str, Tally]) -> list[Holding]:
    return [Holding(currency, tally.sum, None, None, tally.number) for currency, tally in tallies.items()]


@given(entries.flatmap(lambda row: st.tuples(st.just(row), st.permutations(row))))
def test_a_tally_is_the_same_in_any_order(orders: tuple[list[Entry], list[Entry]]) -> None:
    assert ledgers.tally(orders[0]) == ledgers.tally(orders[1])


@given(entries)
def test_a_tally_counts_and_sums_each_currency_exactly(rows: list[Entry]) -> None:
    tallies = ledgers.tally(rows)
    assert set(tallies) == {row.currency for row in rows}
    for currency, tally in tallies.items():
        mine = [row.delta for row in rows if row.currency == currency]
        assert (tally.number, Fraction(tally.sum)) == (len(mine), sum(map(Fraction, mine)))
        assert type(tally.sum) is Decimal


@given(entries, st.integers(0, 30))
def test_the_tallies_of_two_halves_make_that_of_the_whole(rows: list[Entry], at: int) -> None:
    left, right = ledgers.tally(rows[:at]), ledgers.tally(rows[at:])
    assert ledgers.merge(left, right) == ledgers.merge(right, left) == ledgers.tally(rows)


@given(entries, entries)
def test_merging_leaves_what_is_merged_as_it_is(some: list[Entry], others: list[Entry]) -> None:
    left, right = ledgers.tally(some), ledgers.tally(others)
    ledgers.merge(left, right)
    assert (left, right) == (ledgers.tally(some), ledgers.tally(others))


@given(entries)
def test_all_entries_add_up_to_what_is_held(rows: list[Entry]) -> None:
    tallies = ledgers.tally(rows)
    assert ledgers.discrepancies(_holdings(tallies), tallies) == {}


@given(entries.filter(bool), st.data())
def test_without_any_one_entry_nothing_adds_up(rows: list[Entry], data: st.DataObject) -> None:
    missing = data.draw(st.integers(0, len(rows) - 1))
    assert ledgers.discrepancies(_holdings(ledgers.tally(rows)), ledgers.tally(rows[:missing] + rows[missing + 1 :]))


def test_the_smallest_unit_too_few_does_not_add_up() -> None:
    held = Holding('eth', money.scaled(UINT256, 18), None, None, None)
    assert ledgers.discrepancies([held], {'eth': Tally(1, money.scaled(UINT256, 18))}) == {}
    assert ledgers.discrepancies([held], {'eth': Tally(1, money.scaled(UINT256 - 1, 18))})


@pytest.mark.parametrize(('counted', 'reconciles'), [(None, True), (2, True), (1, False), (3, False)])
def test_as_many_entries_are_needed_as_the_upstream_counts_if_it_does(counted: int | None, reconciles: bool) -> None:
    held = Holding('btc', Decimal(5), None, None, counted)
    assert ledgers.discrepancies([held], {'btc': Tally(2, Decimal(5))}) == ({} if reconciles else {'btc': 0})


def test_amounts_of_more_digits_than_the_context_of_a_thread_has_add_up() -> None:
    some = [Entry('one', 0, 'shib', Decimal('12345678901.123456789012345678'), None, 1, 1)]
    all_entries = [*some, Entry('two', 0, 'shib', Decimal('987654321098.000000000000000001'), None, 2, 2)]
    tallies = ledgers.tally(all_entries)
    assert ledgers.less(tallies, ledgers.tally(some)) == ledgers.tally(all_entries[1:])
    assert ledgers.less(tallies, tallies) == {}
    one_unit_more = Holding('shib', Decimal('999999999999.123456789012345680'), None, None, None)
    assert ledgers.discrepancies([one_unit_more], tallies) == {'shib': Decimal('0.000000000000000001')}


def test_what_does_not_add_up_is_told_by_currency() -> None:
    held = [Holding('btc', Decimal(5), None, None, None), Holding('eth', Decimal('2.5'), None, None, None)]
    tallies = {'btc': Tally(3, Decimal(5)), 'eth': Tally(1, Decimal(2)), 'dai': Tally(1, Decimal(7)), 'bat': Tally(2, Decimal(0))}
    assert ledgers.discrepancies(held, tallies) == {'dai': -7, 'eth': Decimal('0.5')}


def test_a_currency_has_one_gap_whose_reason_is_the_worst() -> None:
    found = ledgers.gaps({'btc': Decimal(1), 'dai': Decimal(2), 'eth': Decimal(3)}, ['dai', 'sol'], ['eth'], {'btc': 9, 'dai': 8}.get)
    assert found == [
        Gap('btc', 'transactions_missing', 9, Decimal(1)),
        Gap('dai', 'transactions_unreadable', 8, Decimal(2)),
        Gap('eth', 'balance_unreadable', None, None),
        Gap('sol', 'transactions_unreadable', None, Decimal(0)),
    ]


def unreadable(*numbers: int, currency: str = 'sol') -> list[Unreadable]:
    """Return rows of these numbers."""
    return [Unreadable(currency, f'{number:064x}', 'no block time') for number in numbers]


def test_ten_thousand_rows_that_cannot_be_read_are_counted_and_the_newest_remembered() -> None:
    unread = Unread()
    for start in range(10_000, 0, -100):
        page = unreadable(*range(start, start - 100, -1))
        unread = unread.followed_by(page).followed_by(page[:5])  # a transaction that arrives meanwhile has rows read twice
    assert unread.numbers['sol'] >= 10_000
    assert unread.newest == tuple(unreadable(*range(10_000, 10_000 - MOST_UNREADABLE, -1)))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 40))
def test_rows_that_are_read_again_at_each_refresh_are_counted_once(news: list[int], window: int) -> None:
    """However many come at a time: the newest `window` of all are read at each refresh."""
    listed = 0
    unread = Unread()
    for more in news:
        listed += more
        unread = unread.updated(unreadable(*range(listed, max(listed - window, 0), -1)), [])
        missed = sum(max(each - window, 0) for each in news)
        assert unread.numbers.get('sol', 0) >= listed - missed
        assert unread.numbers.get('sol', 0) <= listed


def test_a_row_that_can_be_read_after_all_is_forgotten() -> None:
    rows = unreadable(3, 2, 1)
    entry = Entry(rows[1].reference, 0, 'sol', Decimal(1), None, 1_700_000_000, 5)
    unread = Unread().followed_by(rows).updated([rows[0]], [entry])
    assert (unread.numbers, unread.newest) == ({'sol': 2}, (rows[0], rows[2]))
    assert unread.updated([], [entry._replace(reference=rows[number].reference) for number in (0, 2)]) == Unread()


def test_the_rows_of_several_ledgers_are_counted_together_and_the_newest_of_all_kept() -> None:
    many = [row._replace(height=number) for number, row in enumerate(unreadable(*range(30)))]
    parts = [Unread({'sol': 15}, tuple(many[14::-1])), Unread({'sol': 99, 'eth': 1}, tuple(many[:14:-1])), Unread()]
    assert ledgers.merge_unread(parts) == Unread({'eth': 1, 'sol': 114}, tuple(many[:9:-1]))


def test_an_empty_holding_needs_no_entries_and_another_does() -> None:
    assert ledgers.discrepancies([Holding('btc', Decimal(0), None, None, 0)], {}) == {}
    assert ledgers.discrepancies([Holding('btc', Decimal(1), None, None, None)], {})


@given(heights, st.integers(-1, 10_000))
def test_what_was_final_stays_final(row: list[int], known: int) -> None:
    assert ledgers.final_height(row, known, REORGANISATION) >= known


@given(heights, st.integers(-1, 10_000))
def test_no_height_within_reach_of_a_reorganisation_is_final(row: list[int], known: int) -> None:
    newest = max(row, default=0)
    assert ledgers.final_height(row, known, REORGANISATION) in (known, newest - REORGANISATION)


@given(heights.flatmap(lambda row: st.tuples(st.just(row), st.permutations(row))), st.integers(-1, 10_000))
def test_the_order_of_heights_says_nothing(orders: tuple[list[int], list[int]], known: int) -> None:
    assert ledgers.final_height(orders[0], known, REORGANISATION) == ledgers.final_height(orders[1], known, REORGANISATION)


@given(heights, st.integers(0, 10_000))
def test_an_older_height_more_changes_nothing(row: list[int], older: int) -> None:
    with_older = [*row, min(older, *row)] if row else row
    assert ledgers.final_height(with_older, -1, REORGANISATION) == ledgers.final_height(row, -1, REORGANISATION)


@dataclass(frozen=True)
class Crowd:
    """Many entries, `per_block` in each block."""

    number: int
    per_block: int

    def heights(self) -> list[int]:
        return [place // self.per_block for place in range(self.number)]


@given(st.builds(Crowd, st.integers(MOST_REVERTIBLE - 5, 2_500), st.sampled_from([1, 7, 200, 999, 1_000, 1_001, 5_000])))
def test_no_more_entries_stay_unsettled_than_fit_beside_the_state(crowd: Crowd) -> None:
    row = crowd.heights()
    height = ledgers.final_height(row, -1, REORGANISATION)
    assert sum(one > height for one in row) <= MOST_REVERTIBLE


def test_nothing_new_leaves_the_height_as_it_was() -> None:
    assert ledgers.final_height([], 7, REORGANISATION) == 7


@pytest.mark.parametrize(
    ('lacks', 'codes', 'reasons', 'of_btc'),
    [
        ([], {'btc'}, [], None),
        ([('a', {'btc'}), ('b', {'btc', 'eth'})], {'btc', 'eth'}, ['a', 'b'], 'a'),
        ([('a', {'btc'}), ('b', {'btc', 'eth'})], {'btc'}, ['a'], 'a'),
        ([('a', {'eth'}), ('b', None)], {'btc'}, ['b'], 'b'),
        ([('a', None), ('b', {'btc'})], {'btc', 'eth'}, ['a'], 'a'),
        ([('a', {'btc'}), ('b', {'usd'}), ('a', {'eth'})], {'btc', 'eth', 'usd'}, ['a', 'b'], 'a'),
        ([('a', None)], set(), [], 'a'),
    ],
)
def test_the_first_lack_that_concerns_a_currency_says_why_it_is_incomplete(
    lacks: list[tuple[str, set[str] | None]], codes: set[str], reasons: list[str], of_btc: str | None
) -> None:
    stated = [Lack(reason, None if concerned is None else frozenset(concerned)) for reason, concerned in lacks]

    assert ledgers.reasons_in(stated, frozenset(codes)) == reasons
    assert ledgers.reason_in(stated, 'btc') == of_btc
