"""Windows of time: what is listed is listed once more after any page, and each page says what it leaves to later ones."""

import pytest

from chalicelib.domain.ledgers import Entry
from chalicelib.domain.money import ZERO
from chalicelib.providers.exchanges.windows import Rows, Window, WindowPosition, read_pages, windows_back
from chalicelib.providers.explorers.explorer import Page

UNTIL, DAY = 1_000_000, 100
ENTRIES = [Entry(f'R{at}', 0, 'btc', ZERO, ZERO, at, at) for at in (999_990, 999_950, 999_949, 999_900, 999_730, 999_400)]


def listing(part: int, size: int):
    """A source of every second entry, `size` of them on a page."""

    def rows(window: Window, cursor: str | None) -> Rows:
        there = [entry for entry in ENTRIES[part::2] if window.begin <= entry.at <= window.end]
        begin = int(cursor or 0)
        return Rows(there[begin : begin + size], [], str(begin + size) if len(there) > begin + size else None)

    return rows


def test_the_whole_is_listed_from_any_page_on_and_a_page_says_above_what_nothing_follows():
    windows = windows_back(UNTIL, 3 * DAY, UNTIL - 6 * DAY)
    assert windows == [Window(999_700, 1_000_000), Window(999_400, 999_700)]
    sources = (listing(0, 2), listing(1, 1))

    pages = list(read_pages(sources, windows, WindowPosition.parse(None, UNTIL)))

    assert {entry for page in pages for entry in page.entries} == set(ENTRIES)
    assert pages[-1].resume is None
    for place, page in enumerate(pages[:-1]):
        rest = list(read_pages(sources, windows, WindowPosition.parse(page.resume, UNTIL + 5_000)))
        assert [later.entries for later in rest] == [later.entries for later in pages[place + 1 :]]
        assert page.listed_above is not None
        assert all(entry.at <= page.listed_above for later in rest for entry in later.entries)


def test_a_position_in_a_window_that_became_too_old_is_the_end():
    windows = windows_back(UNTIL, 3 * DAY, UNTIL - 3 * DAY)

    assert list(read_pages([listing(0, 2)], windows, WindowPosition(UNTIL, window=1))) == [Page([], None)]


@pytest.mark.parametrize('position', [WindowPosition(7), WindowPosition(7, 1, 2, 'a b=='), WindowPosition(7, 0, 1)])
def test_a_position_is_read_back_as_it_was_written(position: WindowPosition):
    assert WindowPosition.parse(str(position), 9) == position
