"""Download an address's ledger from one explorer: only the news, or everything, in slices.

News are read from the newest page back until one reaches entries that are final (below a reorganisation's reach), so the
number of requests is proportional to what is new. A new ledger, or one that does not reconcile, is downloaded in full: each
page is stored before the cursor moves past it; then one pass over everything stored sums it and removes entries that this
run did not see. Either way the result must reconcile, currency by currency: as many entries as the explorer counts, with deltas
that sum to its balance. What does not is a gap of that currency alone, and so is what an explorer lists and nobody can read.
"""

import heapq
import uuid
from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import NamedTuple

from chalicelib import clock, errors
from chalicelib.domain import ledgers
from chalicelib.domain.ledgers import Entry, Tally, Unread, Unreadable
from chalicelib.models import Cursor, Ledger, Transaction, entry_sk, time_of
from chalicelib.providers.explorers import AddressReport, Explorer
from chalicelib.providers.transport import Http
from chalicelib.services.ledgers import observation, policy

_ATTEMPTS = 2  # at reading news that reconcile
_LEASE_EVERY = 500  # stored transactions read between two checks of the lease


class News(NamedTuple):
    """The report of an explorer and its entries above a ledger's final ones.

    `unreadable` are the rows beside those entries that cannot be read, `differences` what does not reconcile, by currency. `mends` says
    that one of the final entries could not be read before.
    """

    report: AddressReport
    entries: list[Entry]
    unreadable: list[Unreadable]
    differences: dict[str, Decimal]
    mends: bool

    @property
    def is_small(self) -> bool:
        """Whether the sort keys of the entries fit into the ledger's state; more entries take a full download."""
        return len(self.entries) <= ledgers.MOST_REVERTIBLE


class _Placed(NamedTuple):
    """A stored entry, sorted by height and then by sort key."""

    height: int
    sk: str
    entry: Entry


def read(ledger: Ledger, explorer: Explorer, http: Http, deadline: float) -> bool:
    """Bring a ledger up to date with one explorer; False if `deadline` (clock.monotonic()) came before the last page.

    Raises Upstream when the explorer fails, UpstreamNotAsked when it knows less than the ledger has, and LeaseLost.

    while not read(ledger, explorer, http, deadline=clock.monotonic() + 60):
        ...  # the next slice; the ledger shows what is stored so far, as incomplete
    """
    if ledger.counts_p2pk and observation.may_miss_outputs(ledger, explorer):
        # A complete balance is not replaced by one that may lack outputs: the older one stays, and shows its age.
        raise errors.UpstreamNotAsked(explorer.endpoint.key, 'does not count pay-to-public-key outputs')
    if not explorer.info.lists_transactions:
        observation.store_balances(ledger, explorer, _request(ledger, explorer, http))
        return True
    cursor = ledger.cursor
    if cursor is not None and cursor.is_downloaded:
        news = _read_news(ledger, explorer, http, cursor)
        if news.is_small and not _is_worth_a_download(ledger, explorer, cursor, news):
            _store_news(ledger, explorer, cursor, news)
            return True
    return _read_everything(ledger, explorer, http, deadline)


def _is_worth_a_download(ledger: Ledger, explorer: Explorer, cursor: Cursor, news: News) -> bool:
    """Whether a full download may mend what does not reconcile.

    Not what cannot be read, which it would find as it is, nor what several downloads have just left as it is. These wait for another
    release of the explorer's code, or a day.
    """
    gap_codes = {gap.currency for gap in ledger.gaps}
    unexplained = news.differences.keys() - _unread(cursor, news).numbers.keys()
    if (
        _has_lost(cursor, news)
        or news.mends
        or unexplained - gap_codes
        or (unexplained and cursor.failed_reconciliations < policy.MOST_FULL_DOWNLOADS)
    ):
        return True
    if not gap_codes:
        return False
    reads_more = cursor.explorer == explorer.endpoint.key and explorer.info.reader > (cursor.reader or 1)
    return reads_more or clock.now() - (cursor.checked_at or 0) >= policy.RECHECK_SECONDS


def _has_lost(cursor: Cursor, news: News) -> bool:
    """Whether entries that are not final became too old to be listed since they were read: only what is stored tells them."""
    unlisted = set(cursor.revertible) - {entry_sk(entry) for entry in news.entries}
    return any(time_of(sk) < news.report.listed_from for sk in unlisted)


def _request(ledger: Ledger, explorer: Explorer, http: Http, resume: str | None = None) -> AddressReport:
    return explorer.read(http, ledger.upstream_key.subject, resume, ledger.known_codes)


def stored_transactions(leased: Ledger, pk: str) -> Iterator[Transaction]:
    """Yield all transactions that are stored of the ledger `pk`, newest first, and keep the lease of `leased`. Raises LeaseLost."""
    for number, transaction in enumerate(Transaction.every(pk)):
        if number % _LEASE_EVERY == 0:
            leased.renew_if_short(clock.now())
        yield transaction


def is_unfinished(ledger: Ledger) -> bool:
    """Whether a full download is under way, or must be repeated because it did not reconcile."""
    cursor = ledger.cursor
    return cursor is not None and (bool(cursor.resume) or 0 < cursor.failed_reconciliations < policy.MOST_FULL_DOWNLOADS)


def _read_news(ledger: Ledger, explorer: Explorer, http: Http, cursor: Cursor) -> News:
    """Read back to the final entries; once more if something else does not reconcile, as a transaction may arrive between two requests."""
    stored_differences = {gap.currency: gap.difference for gap in ledger.gaps}
    for _ in range(_ATTEMPTS):
        news = _news(cursor, _request(ledger, explorer, http))
        if all(stored_differences.get(code) == difference for code, difference in news.differences.items()):
            break
    return news


def _news(cursor: Cursor, report: AddressReport) -> News:
    height = cursor.final_height
    newer: dict[str, Entry] = {}
    unreadable: list[Unreadable] = []
    mends = False
    for page in report.pages:
        newer |= {entry_sk(entry): entry for entry in page.entries if entry.height > height}
        unreadable += page.unreadable
        mends = mends or any(cursor.unread.lists(entry) for entry in page.entries if entry.height <= height)
        if len(newer) > ledgers.MOST_REVERTIBLE or page.reaches(height):
            break
    entries = list(newer.values())
    differences = observation.differences(report, ledgers.merge(cursor.tallies(), ledgers.tally(entries)))
    return News(report, entries, unreadable, differences, mends)


def _unread(cursor: Cursor, news: News) -> Unread:
    return cursor.unread.updated(news.unreadable, news.entries)


def _store_news(ledger: Ledger, explorer: Explorer, cursor: Cursor, news: News) -> None:
    """Store new entries, remove those that a reorganisation undid, and move the cursor.

    Entries are recorded as revertible before they are written: if this worker dies, the next one knows what to remove.
    """
    listed = {entry_sk(entry) for entry in news.entries}
    undone = set(cursor.revertible) - listed
    if listed - set(cursor.revertible):
        cursor.revertible = sorted(listed | undone)
        ledger.save_cursor(cursor, clock.now())
    _store(ledger, explorer, news.entries, cursor.run)
    _remove(ledger, undone)
    cursor.remember_unread(_unread(cursor, news))
    heights = [*(entry.height for entry in news.entries), *cursor.unread.heights, *news.report.heights]
    height = max(ledgers.final_height(heights, cursor.final_height, ledger.upstream_key.reorganisation), news.report.final_below)
    newly_final = [entry for entry in news.entries if entry.height <= height]
    cursor.make_final(height, ledgers.merge(cursor.tallies(), ledgers.tally(newly_final)))
    cursor.revertible = sorted(entry_sk(entry) for entry in news.entries if entry.height > height)
    observation.conclude(ledger, explorer, cursor, news.report, news.differences)


def _read_everything(ledger: Ledger, explorer: Explorer, http: Http, deadline: float) -> bool:
    """Download in full, from where the last slice ended; False if there is more to do.

    A download that does not reconcile is repeated in full: transactions that come and go between two pages have the same effect.
    """
    cursor = _resume(ledger, explorer)
    report = _request(ledger, explorer, http, cursor.resume)
    for page in report.pages:
        if page.entries:
            _store(ledger, explorer, page.entries, cursor.run)
        cursor.remember_unread(cursor.unread.followed_by(page.unreadable))
        cursor.resume = page.resume
        is_late = clock.monotonic() > deadline
        if page.resume is not None and (page.entries or page.unreadable or is_late):
            observation.store_progress(ledger, explorer, cursor, report)
        if page.resume is not None and is_late:
            return False
    cursor.checked_at = clock.now()
    differences = observation.differences(report, _count_stored(ledger, cursor, report))
    if not differences.keys() - cursor.unread.numbers.keys():
        observation.conclude(ledger, explorer, cursor, report, differences)
        return True
    news = _read_news(ledger, explorer, http, cursor)
    unexplained = news.differences.keys() - _unread(cursor, news).numbers.keys()
    if unexplained:
        cursor.failed_reconciliations += 1
    if news.is_small:
        _store_news(ledger, explorer, cursor, news)
    return not unexplained or cursor.failed_reconciliations >= policy.MOST_FULL_DOWNLOADS


def _resume(ledger: Ledger, explorer: Explorer) -> Cursor:
    """Return the cursor of the download under way, or of a new one if that is of another explorer, or of code that read less of it."""
    cursor = ledger.cursor
    reader = explorer.endpoint.key, explorer.info.reader
    if cursor is not None and cursor.resume is not None and (cursor.explorer, cursor.reader or 1) == reader:
        return cursor
    new = Cursor(
        run=uuid.uuid4().hex,
        explorer=explorer.endpoint.key,
        reader=explorer.info.reader,
        failed_reconciliations=cursor.failed_reconciliations if cursor is not None else 0,
    )
    ledger.begin_download(new, ledgers.PENDING, clock.now())
    return new


def _count_stored(ledger: Ledger, cursor: Cursor, report: AddressReport) -> dict[str, Tally]:
    """Sum the stored entries, remove those that this run did not see, and move the cursor; return the tallies of all of them.

    Those that are too old to be listed any more stay.
    """
    highest: list[_Placed] = []
    unseen: list[str] = []
    below = ledgers.tally(_entries_below(ledger, cursor, report.listed_from, highest, unseen))
    _remove(ledger, unseen)
    heights = [*(placed.height for placed in highest), *cursor.unread.heights, *report.heights]
    height = max(ledgers.final_height(heights, -1, ledger.upstream_key.reorganisation), report.final_below)
    final = ledgers.merge(below, ledgers.tally(placed.entry for placed in highest if placed.height <= height))
    cursor.make_final(height, final)
    cursor.revertible = sorted(placed.sk for placed in highest if placed.height > height)
    return ledgers.merge(final, ledgers.tally(placed.entry for placed in highest if placed.height > height))


def _entries_below(ledger: Ledger, cursor: Cursor, listed_from: int, highest: list[_Placed], unseen: list[str]) -> Iterator[Entry]:
    """Yield the stored entries that this run saw or could not see, except the highest, in memory that does not grow with their number.

    Collects the highest ones, one more than may be revertible, in `highest`, and the sort keys of entries that this run
    did not see in `unseen`, of those from the height `listed_from` on.
    """
    for transaction in stored_transactions(ledger, ledger.pk):
        if transaction.run != cursor.run and transaction.height >= listed_from:
            unseen.append(transaction.sk)
            continue
        placed = _Placed(transaction.height, transaction.sk, transaction.entry())
        if len(highest) <= ledgers.MOST_REVERTIBLE:
            heapq.heappush(highest, placed)
        else:
            yield heapq.heappushpop(highest, placed).entry


def _store(ledger: Ledger, explorer: Explorer, entries: list[Entry], run: str | None) -> None:
    """Write entries, each once however often a page lists it. Raises LeaseLost: these writes are not conditional on the lease."""
    now = clock.now()
    distinct = {entry_sk(entry): entry for entry in entries}.values()
    transactions = [Transaction.of(ledger.pk, entry, source=explorer.endpoint.key, run=run, now=now) for entry in distinct]
    differing = Transaction.differing(transactions)
    times = [one.transaction.txn_at for one in differing if one.moves_balances]
    if times:
        ledger.begin_change(min(times), max(times), clock.now())
    else:
        ledger.renew(clock.now())
    Transaction.store(one.transaction for one in differing)


def _remove(ledger: Ledger, sort_keys: Collection[str]) -> None:
    if sort_keys:
        times = [time_of(sk) for sk in sort_keys]
        ledger.begin_change(min(times), max(times), clock.now())
        Transaction.remove(ledger.pk, sort_keys)
