"""Download an address's ledger from one explorer: only the news, or everything, in slices.

News are read from the newest page back until one reaches entries that are final (below a reorganisation's reach), so the
number of requests is proportional to what is new. A new ledger, or one that does not reconcile, is downloaded in full: each
page is stored before the cursor moves past it; then everything stored is summed, in slices too, and entries that this
run did not see are removed. Where more news came meanwhile than fit into the ledger's state, the pages are read again down to what is
final, and all is summed again. Either way the result must reconcile, currency by currency: as many entries as the explorer counts, with
deltas that sum to its balance. What does not is a gap of that currency alone, and so is what an explorer lists and nobody can read.
"""

import uuid
from decimal import Decimal
from typing import NamedTuple

from chalicelib import clock, errors
from chalicelib.domain import ledgers
from chalicelib.domain.ledgers import Entry, Unread, Unreadable
from chalicelib.models import Cursor, Ledger, Transaction, entry_sk, time_of
from chalicelib.providers.explorers import AddressReport, Explorer
from chalicelib.providers.transport import Http
from chalicelib.services.ledgers import counting, observation, policy

_ATTEMPTS = 2  # at reading news that reconcile
_MOST_EMPTY = 10  # pages without a row that are read before it is stored that they were


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
        if not news.is_small and _was_read_by(cursor, explorer):
            cursor.catch_ups = 0
            cursor.catch_up()
            ledger.begin_download(cursor, ledgers.PENDING, clock.now())
            _forget_revertible(ledger, cursor, news.report)
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


def is_unfinished(ledger: Ledger) -> bool:
    """Whether a full download is under way, or must be repeated because it did not reconcile."""
    cursor = ledger.cursor
    return cursor is not None and (cursor.is_under_way or 0 < cursor.failed_reconciliations < policy.MOST_FULL_DOWNLOADS)


def _read_news(ledger: Ledger, explorer: Explorer, http: Http, cursor: Cursor) -> News:
    """Read back to the final entries; once more if something else does not reconcile, as a transaction may arrive between two requests."""
    stored_differences = {gap.currency: gap.difference for gap in ledger.gaps}
    for _ in range(_ATTEMPTS):
        news = _news(cursor, _request(ledger, explorer, http))
        if not news.is_small or all(stored_differences.get(code) == difference for code, difference in news.differences.items()):
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
    counting.remove(ledger, undone)
    cursor.remember_unread(_unread(cursor, news))
    heights = [*(entry.height for entry in news.entries), *cursor.unread.heights, *news.report.heights]
    height = max(ledgers.final_height(heights, cursor.final_height, ledger.upstream_key.reorganisation), news.report.final_below)
    newly_final = [entry for entry in news.entries if entry.height <= height]
    cursor.make_final(height, ledgers.merge(cursor.tallies(), ledgers.tally(newly_final)))
    cursor.revertible = sorted(entry_sk(entry) for entry in news.entries if entry.height > height)
    observation.conclude(ledger, explorer, cursor, news.report, news.differences, read_at=ledger.attempted_at)


def _read_everything(ledger: Ledger, explorer: Explorer, http: Http, deadline: float) -> bool:
    """Download in full, from where the last slice ended; False if there is more to do.

    What came since the first page was read is on none of its pages: it is read as news, or where that is too much, the pages down to what
    is final are read again. A download that does not reconcile even so is repeated in full: transactions that come and go between two
    pages have the same effect.
    """
    cursor = _resume(ledger, explorer)
    report = _request(ledger, explorer, http, cursor.resume)
    counted_to: str | None = cursor.counted_to
    if counted_to is None and not _read_pages(ledger, explorer, cursor, report, deadline):
        return False
    tallies = counting.count_stored(ledger, cursor, report, deadline)
    if tallies is None:
        observation.store_progress(ledger, explorer, cursor, report)
        return False
    cursor.end_download(clock.now())
    differences = observation.differences(report, tallies)
    if not differences.keys() - cursor.unread.numbers.keys():
        observation.conclude(ledger, explorer, cursor, report, differences)
        return True
    news = _read_news(ledger, explorer, http, cursor)
    if not news.is_small and cursor.catch_ups < policy.MOST_CATCH_UPS:
        cursor.catch_up()
        observation.store_progress(ledger, explorer, cursor, news.report)
        _forget_revertible(ledger, cursor, news.report)
        return False
    unexplained = news.differences.keys() - _unread(cursor, news).numbers.keys()
    if unexplained:
        cursor.failed_reconciliations += 1
    if news.is_small:
        _store_news(ledger, explorer, cursor, news)
    return not unexplained or cursor.failed_reconciliations >= policy.MOST_FULL_DOWNLOADS


def _forget_revertible(ledger: Ledger, cursor: Cursor, report: AddressReport) -> None:
    """Remove the entries that may be undone and that are about to be read again, should they still be there."""
    counting.remove(ledger, [sk for sk in cursor.revertible if time_of(sk) >= report.listed_from])


def _read_pages(ledger: Ledger, explorer: Explorer, cursor: Cursor, report: AddressReport, deadline: float) -> bool:
    """Store the pages of a report; False if the deadline came before the last one, at which the cursor stays until all is summed.

    A slice ends as well where the next page would have to be asked for later, unless that is its first one: raises UpstreamBusy.
    """
    begun_at = cursor.resume
    try:
        return _read_some(ledger, explorer, cursor, report, deadline)
    except errors.UpstreamBusy:
        if cursor.resume == begun_at:
            raise
        observation.store_progress(ledger, explorer, cursor, report)
        return False


def _read_some(ledger: Ledger, explorer: Explorer, cursor: Cursor, report: AddressReport, deadline: float) -> bool:
    empty = 0
    for page in report.pages:
        if page.entries:
            _store(ledger, explorer, page.entries, cursor.run)
        unread = cursor.unread
        cursor.remember_unread(unread.updated(page.unreadable, page.entries) if cursor.catches_up else unread.followed_by(page.unreadable))
        if page.resume is None or (cursor.catches_up and page.reaches(cursor.final_height)):
            return True
        cursor.resume = page.resume
        is_late = clock.monotonic() > deadline
        empty = 0 if page.entries or page.unreadable else empty + 1
        if empty % _MOST_EMPTY == 0 or is_late:
            observation.store_progress(ledger, explorer, cursor, report)
        if is_late:
            return False
    return True


def _resume(ledger: Ledger, explorer: Explorer) -> Cursor:
    """Return the cursor of the download under way, or of a new one if that is of another explorer, or of code that read less of it."""
    cursor = ledger.cursor
    if cursor is not None and cursor.is_under_way and _was_read_by(cursor, explorer):
        return cursor
    new = Cursor(
        run=uuid.uuid4().hex,
        explorer=explorer.endpoint.key,
        reader=explorer.info.reader,
        failed_reconciliations=cursor.failed_reconciliations if cursor is not None else 0,
    )
    ledger.begin_download(new, ledgers.PENDING, clock.now())
    return new


def _was_read_by(cursor: Cursor, explorer: Explorer) -> bool:
    """Whether the last full download is that of an explorer, and of its code as it is now."""
    return bool((cursor.explorer, cursor.reader or 1) == (explorer.endpoint.key, explorer.info.reader))


def _store(ledger: Ledger, explorer: Explorer, entries: list[Entry], run: str | None) -> None:
    """Write those entries that differ from what is stored, each once however often a page lists it.

    Raises LeaseLost if there are any: these writes are not conditional on the lease, which is renewed before them.
    """
    now = clock.now()
    distinct = {entry_sk(entry): entry for entry in entries}.values()
    transactions = [Transaction.of(ledger.pk, entry, source=explorer.endpoint.key, run=run, now=now) for entry in distinct]
    differing = Transaction.differing(transactions)
    if not differing:
        return
    times = [one.transaction.txn_at for one in differing if one.moves_balances]
    if times:
        ledger.begin_change(min(times), max(times), clock.now())
    else:
        ledger.renew(clock.now())
    Transaction.store(one.transaction for one in differing)
