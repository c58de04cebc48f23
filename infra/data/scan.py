"""Reading many items in several lanes at once, each of which can be gone on with from a position; holds a page per lane."""

from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple, Protocol

from infra.data.table import THREADS, Raw, Table

Position = dict[str, Any]  # what JSON can hold
Positions = dict[int, Position | None]  # of the lanes that are not at their end; None for the start


class Page(NamedTuple):
    """Items, and where their lane goes on; None when it has come to its end."""

    items: list[Raw]
    then: Position | None


class Reader(Protocol):
    """What can be read in lanes."""

    def starts(self) -> Positions:
        """Return the lanes."""
        ...

    def page(self, lane: int, position: Position | None) -> Page:
        """Return what comes next in a lane."""
        ...


class Everything:
    """The whole table by a parallel scan; `options` are those of Scan."""

    def __init__(self, table: Table, **options: Any) -> None:
        self._table = table
        self._options = options

    def starts(self) -> Positions:
        return dict.fromkeys(range(THREADS))

    def page(self, lane: int, position: Position | None) -> Page:
        return Page(*self._table.scan(lane, THREADS, position, **self._options))


def read(reader: Reader, positions: Mapping[int, Position | None]) -> Iterator[tuple[int, Page]]:
    """Yield lane by lane what is left from these positions on; the next page of a lane is read while one is worked off."""
    with ThreadPoolExecutor(THREADS) as pool:
        reading: dict[Future[Page], int] = {pool.submit(reader.page, lane, position): lane for lane, position in positions.items()}
        while reading:
            for future in wait(reading, return_when=FIRST_COMPLETED).done:
                lane, page = reading.pop(future), future.result()
                if page.then is not None:
                    reading[pool.submit(reader.page, lane, page.then)] = lane
                yield lane, page


def move(positions: Positions, lane: int, page: Page) -> None:
    """Note that a page was worked off."""
    if page.then is None:
        del positions[lane]
    else:
        positions[lane] = page.then
