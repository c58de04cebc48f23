"""Ledgers that an exchange lists by windows of time, and each kind of entry by itself: read from the newest window back. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.providers.explorers.explorer import Page


class Window(NamedTuple):
    """A part of the past, in epoch seconds. Both ends belong to it: what happened at one of them may be listed twice."""

    begin: int
    end: int


class Rows(NamedTuple):
    """What a page of a window lists, in any order; `cursor` is where the next one begins, None after the last."""

    entries: list[Entry]
    unreadable: list[Unreadable]
    cursor: str | None


Source = Callable[[Window, str | None], Rows]


class WindowPosition(NamedTuple):
    """Which page is next: of a window, of a source, at a cursor. The newest window ends at `until`, when the first page was read."""

    until: int
    window: int = 0
    source: int = 0
    cursor: str | None = None

    @classmethod
    def parse(cls, resume: str | None, now: int) -> 'WindowPosition':
        """Return the position that a page was written with, or the first one."""
        if resume is None:
            return cls(now)
        until, window, source, cursor = resume.split(' ', 3)
        return cls(int(until), int(window), int(source), cursor or None)

    def __str__(self) -> str:
        return f'{self.until} {self.window} {self.source} {self.cursor or ""}'


def windows_back(until: int, seconds: int, oldest: int) -> list[Window]:
    """Return the windows of so many seconds from `until` back to `oldest`, newest first.

    >>> windows_back(100, 40, 10)
    [Window(begin=60, end=100), Window(begin=20, end=60), Window(begin=10, end=20)]
    """
    ends = range(until, oldest, -seconds)
    return [Window(max(end - seconds, oldest), end) for end in ends]


def read_pages(sources: Sequence[Source], windows: Sequence[Window], position: WindowPosition) -> Iterator[Page]:
    """Yield the pages of all sources, window by window, from a position on: an empty one if its window is not among them any more."""
    if position.window >= len(windows):
        yield Page([], None)
        return
    following: WindowPosition | None = position
    while following is not None:
        current = following
        window = windows[current.window]
        rows = sources[current.source](window, current.cursor)
        following = _after(current, rows.cursor, len(sources), len(windows))
        is_through = following is None or following.window > current.window
        listed_above = window.begin if is_through else window.end
        yield Page(rows.entries, None if following is None else str(following), rows.unreadable, listed_above)


def _after(current: WindowPosition, cursor: str | None, sources: int, windows: int) -> WindowPosition | None:
    if cursor is not None:
        return current._replace(cursor=cursor)
    if current.source + 1 < sources:
        return current._replace(source=current.source + 1, cursor=None)
    return WindowPosition(current.until, current.window + 1) if current.window + 1 < windows else None
