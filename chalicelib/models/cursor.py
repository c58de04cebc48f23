"""How far the transactions of a ledger have been read, as stored in its state."""

from decimal import Decimal
from typing import Any, NamedTuple

from pynamodb.attributes import BooleanAttribute, MapAttribute, UnicodeAttribute

from chalicelib.domain.ledgers import Tally, Unread, Unreadable
from chalicelib.models.attributes import IntegerAttribute, RowsAttribute, string_list

_MOST_CHARACTERS = 100  # of a text that an upstream wrote
_FAR_FUTURE = 4_102_444_800  # 2100-01-01; and no block has such a number


class FinalTally(NamedTuple):
    """Number and sum of one currency's final entries; see Cursor."""

    currency: str
    number: int
    sum: Decimal


class Placed(NamedTuple):
    """Where an entry is: its height and its sort key, in which order they are sorted."""

    height: int
    sk: str


class UnreadableNumber(NamedTuple):
    """How many transactions of one currency nobody can read."""

    currency: str
    number: int


def storable(row: Unreadable) -> Unreadable:
    """Return what is to be stored of a row: an upstream may have put a text of any length, and any number, into it."""
    at = row.at if row.at is not None and 0 <= row.at < _FAR_FUTURE else None
    height = row.height if row.height is not None and 0 <= row.height < _FAR_FUTURE else None
    return Unreadable(row.currency, row.reference[:_MOST_CHARACTERS], row.reason[:_MOST_CHARACTERS], at, height)


class Cursor(MapAttribute[str, Any]):
    """How far a ledger's transactions have been read.

    Entries up to `final_height` are final and only counted, in `final`. Those above it can still be undone by a
    reorganisation of the chain: their sort keys are in `revertible`, and every refresh reads them again. While a full
    download is under way, `run` names it, and `explorer` and `resume` say where it resumes; afterwards `run` still marks
    the entries that the last full download saw. `failed_reconciliations` counts the full downloads in a row that did not
    reconcile; `checked_at` is when the last full download ended, or the first gap after it was found, `reader` the version of the
    explorer's code that it was made with. `catches_up` says that the pages are read again from the newest on, down to what is final, as
    more came meanwhile than a refresh takes up; `catch_ups` how often that was done since the last full download. Once all is downloaded
    and while it is summed, `counted_to` is the sort key of the entry summed last, `counted` the sums so far and `counted_highest` the
    highest entries. `unreadable_numbers` and `unreadable_rows` are what could not be read, see domain.ledgers.Unread.
    """

    final_height = IntegerAttribute(null=True, attr_name='settled_height')
    final = RowsAttribute(FinalTally, attr_name='settled')
    revertible = string_list(default=list, attr_name='unsettled')
    run = UnicodeAttribute(null=True)
    explorer = UnicodeAttribute(null=True)
    reader = IntegerAttribute(null=True)
    resume = UnicodeAttribute(null=True)
    failed_reconciliations = IntegerAttribute(default=0, attr_name='doubts')
    checked_at = IntegerAttribute(null=True)
    catches_up = BooleanAttribute(null=True)
    catch_ups = IntegerAttribute(default=0)
    counted_to = UnicodeAttribute(null=True)
    counted = RowsAttribute(FinalTally)
    counted_highest = RowsAttribute(Placed)
    unreadable_numbers = RowsAttribute(UnreadableNumber)
    unreadable_rows = RowsAttribute(Unreadable)

    @property
    def is_downloaded(self) -> bool:
        """Whether a full download came to its end, and none is under way."""
        height: int | None = self.final_height
        return height is not None and not self.is_under_way

    @property
    def is_under_way(self) -> bool:
        """Whether a full download, or catching up, has begun and not come to its end."""
        resume: str | None = self.resume
        counted_to: str | None = self.counted_to
        return resume is not None or counted_to is not None or bool(self.catches_up)

    def catch_up(self) -> None:
        """Have the pages read again, from the newest down to what is final."""
        self.catches_up, self.catch_ups, self.resume = True, self.catch_ups + 1, None

    def end_download(self, now: int) -> None:
        """Note that all that is listed is stored and summed."""
        self.resume, self.catches_up, self.checked_at = None, None, now

    def make_final(self, height: int, tallies: dict[str, Tally]) -> None:
        """Make everything up to `height` final, as counted in `tallies`."""
        self.final_height = height
        self.final = [FinalTally(code, *row) for code, row in sorted(tallies.items())]

    def tallies(self) -> dict[str, Tally]:
        """Return number and sum of the final entries by currency."""
        return {row.currency: Tally(row.number, row.sum) for row in self.final}

    def remember_counted(self, position: str, tallies: dict[str, Tally], highest: list[Placed]) -> None:
        """Note how far what is stored was summed."""
        self.counted_to, self.counted_highest = position, highest
        self.counted = [FinalTally(code, *row) for code, row in sorted(tallies.items())]

    def forget_counted(self) -> None:
        """Note that all is summed."""
        self.counted_to, self.counted, self.counted_highest = None, [], []

    def counted_tallies(self) -> dict[str, Tally]:
        """Return number and sum of the entries that were summed so far, by currency."""
        return {row.currency: Tally(row.number, row.sum) for row in self.counted}

    @property
    def unread(self) -> Unread:
        """The transactions that could not be read."""
        return Unread(dict(self.unreadable_numbers), tuple(self.unreadable_rows))

    def remember_unread(self, unread: Unread) -> None:
        """Note which transactions could not be read."""
        self.unreadable_numbers = [UnreadableNumber(*number) for number in unread.numbers.items()]
        self.unreadable_rows = [storable(row) for row in unread.newest]
