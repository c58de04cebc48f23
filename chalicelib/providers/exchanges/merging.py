"""Several lists of entries of one account, such as one of each wallet, read as a single list. What is in a list is newest first."""

import json
from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.providers.explorers.explorer import Page

_NEWEST = 1 << 62  # higher than the height of anything
_BEGUN = 'begun at'  # in a position, beside the names of lists

Row = Entry | Unreadable


class EntryList(NamedTuple):
    """One list of an account's entries; `read` returns the page at a position of it, None for the newest.

    A page without entries says by `listed_above` how far back it is.
    """

    name: str
    read: Callable[[str | None], Page]


def begun_at(resume: str | None, now: int) -> int:
    """Return when the reading that a position is of was begun: what came later is on none of its pages."""
    return now if resume is None else int(json.loads(resume).get(_BEGUN, now))


def merged_pages(lists: Collection[EntryList], resume: str | None, now: int) -> Iterator[Page]:
    """Yield the entries of all lists, newest first, from a position on.

    Always the list is read on that was read the least far back, and its entries wait until all others were read as far back. A position
    names the lists that are left, each with the page at which what was not yielded begins: whoever resumes reads what waited again.
    It also says when the first page was read, which is `now` without one.
    """
    begun = begun_at(resume, now)
    positions = dict.fromkeys(each.name for each in lists) if resume is None else json.loads(resume)
    readings = [_Reading(each, positions[each.name]) for each in lists if each.name in positions]
    while unread := [reading for reading in readings if not reading.is_read]:
        max(unread, key=lambda reading: reading.lowest).read_on()
        height = max((reading.lowest for reading in readings if not reading.is_read), default=-_NEWEST)
        rows = sorted((row for reading in readings for row in reading.take(height)), key=_height, reverse=True)
        left = {reading.name: reading.position for reading in readings if not reading.is_done}
        position = json.dumps({_BEGUN: begun, **left}, separators=(',', ':'))
        if not left:
            yield _page(rows, None, None)
            return
        if rows or height < _NEWEST:
            yield _page(rows, position, height if height < _NEWEST else None)
    yield Page([], None)


class _Reading:
    """How far a list was read, and what of it was not yielded yet."""

    def __init__(self, entries: EntryList, position: str | None) -> None:
        self.name = entries.name
        self._read = entries.read
        self._next = position
        self._waiting: deque[tuple[str | None, list[Row]]] = deque()
        self.is_read = False  # to its end
        self.lowest = _NEWEST

    @property
    def is_done(self) -> bool:
        """Whether all of it was yielded."""
        return self.is_read and not self._waiting

    @property
    def position(self) -> str | None:
        """Where the page is that has the first row not yielded."""
        return self._waiting[0][0] if self._waiting else self._next

    def read_on(self) -> None:
        page = self._read(self._next)
        rows: list[Row] = [*page.entries, *page.unreadable]
        self._waiting.append((self._next, rows))
        self._next, self.is_read = page.resume, page.resume is None
        above = [self.lowest] if page.listed_above is None else [self.lowest, page.listed_above]
        self.lowest = min([*above, *(row.height for row in rows if row.height is not None)])

    def take(self, height: int) -> list[Row]:
        """Return the rows from a height on that were not returned yet."""
        taken: list[Row] = []
        for _, rows in self._waiting:
            taken += [row for row in rows if _height(row) >= height]
            rows[:] = [row for row in rows if _height(row) < height]
        while self._waiting and not self._waiting[0][1]:
            self._waiting.popleft()
        return taken


def _height(row: Row) -> int:
    return _NEWEST if row.height is None else row.height


def _page(rows: list[Row], resume: str | None, listed_above: int | None) -> Page:
    entries, unreadable = [row for row in rows if isinstance(row, Entry)], [row for row in rows if isinstance(row, Unreadable)]
    return Page(entries, resume, unreadable, listed_above)
