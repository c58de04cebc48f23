"""Lists of entries that are read as one."""

import itertools
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.providers.exchanges.merging import EntryList, begun_at, merged_pages
from chalicelib.providers.explorers.explorer import Page

Pages = list[list[int]]  # of one list: the heights of the rows of each page, newest first


def of_pages(name: str, pages: Pages) -> EntryList:
    def read(position: str | None) -> Page:
        number = int(position or 0)
        rows = [(f'{name}{number}-{place}', height) for place, height in enumerate(pages[number])]
        entries = [Entry(reference, 0, 'btc', Decimal(1), None, height, height) for reference, height in rows if height % 5]
        unreadable = [Unreadable('btc', reference, 'odd', height, height) for reference, height in rows if not height % 5]
        return Page(entries, str(number + 1) if number + 1 < len(pages) else None, unreadable)

    return EntryList(name, read)


@st.composite
def histories(draw: st.DrawFn) -> list[Pages]:
    lists = []
    for _ in range(draw(st.integers(0, 4))):
        heights = sorted(draw(st.lists(st.integers(0, 30), max_size=12)), reverse=True)
        size = draw(st.integers(1, 5))
        lists.append([heights[start : start + size] for start in range(0, max(len(heights), 1), size)])
    return lists


def rows_of(page: Page) -> list[tuple[int, str]]:
    return [(row.height or 0, row.reference) for row in (*page.entries, *page.unreadable)]


@given(histories())
@settings(max_examples=40)
def test_rows_come_once_newest_first_and_what_is_left_can_be_read_from_any_page_on(pages: list[Pages]) -> None:
    lists = [of_pages(name, each) for name, each in zip('abcd', pages, strict=False)]
    merged = list(merged_pages(lists, None, 7))

    told = [row for page in merged for row in rows_of(page)]
    assert len(told) == len(set(told)) == sum(len(page) for each in pages for page in each)
    told_of = [page for page in merged if rows_of(page)]
    for earlier, later in itertools.pairwise(told_of):
        assert min(rows_of(earlier))[0] >= max(rows_of(later))[0]
    for place, page in enumerate(merged):
        above = [row for later in merged[place + 1 :] for row in rows_of(later) if page.reaches(row[0] - 1)]
        assert above == []
    assert [page.resume is None for page in merged] == [False] * (len(merged) - 1) + [True]
    for place, page in enumerate(merged[:-1]):
        assert begun_at(page.resume, 9) == 7
        rest = {row for later in merged[place + 1 :] for row in rows_of(later)}
        assert {row for later in merged_pages(lists, page.resume, 8) for row in rows_of(later)} >= rest
