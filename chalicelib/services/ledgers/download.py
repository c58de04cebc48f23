"""Read one explorer into a ledger: only what is new, or everything, in slices.

News: pages from the newest on until one reaches the settled entries (below a reorganisation's reach), so the requests are
proportional to what is new. Everything, for a new ledger or one that does not add up: all pages, each stored before the
cursor moves past it, then one pass over what is stored, which sums it and removes what this run did not see. Both end in
the same check: as many entries as the explorer counts, and deltas that sum to its balance.
"""

import heapq
import uuid
from collections.abc import Collection, Iterator
from typing import NamedTuple

from chalicelib import clock, errors, telemetry
from chalicelib.domain import ledgers
from chalicelib.domain.ledgers import Entry, Holding, Tally
from chalicelib.models import Cursor, Ledger, Snapshot, Transaction, sk_of, time_of
from chalicelib.providers.explorers import AddressReport, Explorer
from chalicelib.providers.transport import Http
from chalicelib.services.ledgers import policy

PENDING = 'transactions_pending'
MISMATCH = 'transactions_missing'
NO_P2PK = 'p2pk_outputs_unknown'
UNLISTED = ledgers.UNLISTED

_ATTEMPTS = 2
_LEASE_EVERY = 500  # stored transactions passed over between two looks at the lease


class News(NamedTuple):
    """What an explorer holds and lists above a ledger's settled entries, and whether all of it adds up."""

    holdings: list[Holding]
    entries: list[Entry]
    adds_up: bool

    @property
    def is_small(self) -> bool:
        """Whether the keys of the entries fit beside the ledger's state; more of them are read as a full download."""
        return len(self.entries) <= ledgers.MOST_UNSETTLED


class _Placed(NamedTuple):
    """A stored entry as it sorts by height; `sk` tells entries of one block apart."""

    height: int
    sk: str
    entry: Entry


def read(ledger: Ledger, explorer: Explorer, http: Http, deadline: float) -> bool:
    """Bring `ledger` up to what `explorer` says; False when `deadline` (clock.monotonic()) came first and more is left.

    Raises Upstream when the explorer fails, and LeaseLost.
    """
    _refuse_lesser(ledger, explorer)
    if not explorer.info.lists_transactions:
        return _read_balances(ledger, explorer, http)
    cursor = ledger.cursor
    if _is_downloaded(cursor):
        news = _read_news(ledger, explorer, http, cursor)
        if news.adds_up or (news.is_small and _was_doubted_lately(cursor)):
            _store_news(ledger, explorer, cursor, news)
            return True
    return _read_everything(ledger, explorer, http, deadline)


def _read_balances(ledger: Ledger, explorer: Explorer, http: Http) -> bool:
    """Take what is held from an explorer that lists no transactions; those known stay, and where their reading goes on too."""
    holdings = _ask(ledger, explorer, http).holdings
    ledger.renew(clock.now())
    Snapshot.store(ledger.pk, holdings, clock.now())
    _observe(ledger, explorer, holdings, ledger.cursor or Cursor(), UNLISTED)
    return True


def _ask(ledger: Ledger, explorer: Explorer, http: Http, resume: str | None = None) -> AddressReport:
    return explorer.read(http, ledger.address_key.address, resume, [holding.currency for holding in ledger.holdings])


def is_unfinished(ledger: Ledger) -> bool:
    """Whether a full download is under way, or is to be made once more because it did not add up."""
    cursor = ledger.cursor
    return cursor is not None and (bool(cursor.resume) or 0 < cursor.doubts < policy.MOST_FULL_DOWNLOADS)


def _is_downloaded(cursor: Cursor | None) -> bool:
    return cursor is not None and cursor.settled_height is not None and cursor.resume is None


def _refuse_lesser(ledger: Ledger, explorer: Explorer) -> None:
    """A number known to be whole is not replaced by one that may lack outputs: the older number stays, and shows its age."""
    if ledger.counts_p2pk and _may_miss_outputs(ledger, explorer):
        raise errors.UpstreamNotAsked(explorer.endpoint.key, 'does not count pay-to-public-key outputs')


def _may_miss_outputs(ledger: Ledger, explorer: Explorer) -> bool:
    key = ledger.address_key
    return not explorer.counts_p2pk and key.chain.is_legacy(key.address)


def _was_doubted_lately(cursor: Cursor) -> bool:
    """Whether reading everything again is too early: twice in a row, a short while ago, it did not add up either."""
    return cursor.doubts >= policy.MOST_FULL_DOWNLOADS and clock.now() - (cursor.checked_at or 0) < policy.RECHECK_SECONDS


def _read_news(ledger: Ledger, explorer: Explorer, http: Http, cursor: Cursor) -> News:
    """Read down to the settled entries; once more when it does not add up, as a transaction may come between two requests."""
    for _ in range(_ATTEMPTS):
        reading = _ask(ledger, explorer, http)
        entries = _entries_above(reading, cursor.settled_height)
        adds_up = len(entries) <= ledgers.MOST_UNSETTLED and ledgers.adds_up(
            reading.holdings, ledgers.merge(cursor.tallies(), ledgers.tally(entries))
        )
        if adds_up:
            break
    return News(reading.holdings, entries, adds_up)


def _entries_above(reading: AddressReport, height: int) -> list[Entry]:
    found: dict[str, Entry] = {}
    for page in reading.pages:
        found |= {sk_of(entry): entry for entry in page.entries if entry.height > height}
        if len(found) > ledgers.MOST_UNSETTLED or any(entry.height <= height for entry in page.entries):
            break
    return list(found.values())


def _store_news(ledger: Ledger, explorer: Explorer, cursor: Cursor, news: News) -> None:
    """Store new entries, remove those that a reorganisation undid, move the cursor.

    What is about to be written is noted as unsettled first: should we die, the next run knows what to take back.
    """
    listed = {sk_of(entry) for entry in news.entries}
    undone = set(cursor.unsettled) - listed
    if listed - set(cursor.unsettled):
        cursor.unsettled = sorted(listed | undone)
        ledger.save_cursor(cursor, clock.now())
    _store(ledger, explorer, news.entries, cursor.run)
    _remove(ledger, undone)
    height = ledgers.settled_height(
        (entry.height for entry in news.entries), cursor.settled_height, ledger.address_key.chain.reorganisation
    )
    now_settled = [entry for entry in news.entries if entry.height <= height]
    cursor.settle(height, ledgers.merge(cursor.tallies(), ledgers.tally(now_settled)))
    cursor.unsettled = sorted(sk_of(entry) for entry in news.entries if entry.height > height)
    if news.adds_up:
        cursor.doubts = 0
    _observe(ledger, explorer, news.holdings, cursor, None if news.adds_up else MISMATCH)


def _read_everything(ledger: Ledger, explorer: Explorer, http: Http, deadline: float) -> bool:
    """Download in full, from where the last slice ended; False when there is more to do.

    What does not add up is read in full once more: transactions that come and go while pages are read do that too.
    """
    cursor = _resumed(ledger, explorer)
    reading = _ask(ledger, explorer, http, cursor.resume)
    for page in reading.pages:
        _store(ledger, explorer, page.entries, cursor.run)
        cursor.resume = page.resume
        if page.resume is not None:
            _observe(ledger, explorer, reading.holdings, cursor, PENDING)
            if clock.monotonic() > deadline:
                return False
    if ledgers.adds_up(reading.holdings, _count_stored(ledger, cursor)):
        cursor.doubts = 0
        _observe(ledger, explorer, reading.holdings, cursor, None)
        return True
    news = _read_news(ledger, explorer, http, cursor)
    if not news.adds_up:
        cursor.doubts += 1
        cursor.checked_at = clock.now()
    if news.is_small:
        _store_news(ledger, explorer, cursor, news)
    return news.adds_up or cursor.doubts >= policy.MOST_FULL_DOWNLOADS


def _resumed(ledger: Ledger, explorer: Explorer) -> Cursor:
    """Return the cursor of the download under way, or of a new one: another explorer's position means nothing here."""
    cursor = ledger.cursor
    if cursor is not None and cursor.resume is not None and cursor.explorer == explorer.endpoint.key:
        return cursor
    new = Cursor(run=uuid.uuid4().hex, explorer=explorer.endpoint.key, doubts=cursor.doubts if cursor is not None else 0)
    ledger.begin_download(new, PENDING, clock.now())
    return new


def _count_stored(ledger: Ledger, cursor: Cursor) -> dict[str, Tally]:
    """Sum what is stored, remove what this run did not see, and set the cursor to it; return the tallies of all of it."""
    highest: list[_Placed] = []
    alien: list[str] = []
    below = ledgers.tally(_passed_over(ledger, cursor, highest, alien))
    _remove(ledger, alien)
    height = ledgers.settled_height((placed.height for placed in highest), -1, ledger.address_key.chain.reorganisation)
    settled = ledgers.merge(below, ledgers.tally(placed.entry for placed in highest if placed.height <= height))
    cursor.settle(height, settled)
    cursor.unsettled = sorted(placed.sk for placed in highest if placed.height > height)
    return ledgers.merge(settled, ledgers.tally(placed.entry for placed in highest if placed.height > height))


def _passed_over(ledger: Ledger, cursor: Cursor, highest: list[_Placed], alien: list[str]) -> Iterator[Entry]:
    """Pass over what is stored, in memory that does not grow with it: yield all entries that this run saw but the highest.

    `highest` becomes those, one more than can be unsettled, and `alien` the keys of what this run did not see.
    """
    for number, transaction in enumerate(Transaction.every(ledger.pk)):
        if number % _LEASE_EVERY == 0:
            ledger.renew_if_short(clock.now())
        if transaction.run != cursor.run:
            alien.append(transaction.sk)
            continue
        placed = _Placed(transaction.height, transaction.sk, transaction.entry())
        if len(highest) <= ledgers.MOST_UNSETTLED:
            heapq.heappush(highest, placed)
        else:
            yield heapq.heappushpop(highest, placed).entry


def _store(ledger: Ledger, explorer: Explorer, entries: list[Entry], run: str | None) -> None:
    """Write entries, each once however often a page lists it. Raises LeaseLost, as these writes know no lease."""
    now = clock.now()
    distinct = {sk_of(entry): entry for entry in entries}.values()
    given = [Transaction.of(ledger.pk, entry, source=explorer.endpoint.key, run=run, now=now) for entry in distinct]
    differing = Transaction.differing(given)
    times = [one.transaction.txn_at for one in differing if one.moves_balances]
    if times:
        ledger.touch(min(times), max(times), clock.now())
    else:
        ledger.renew(clock.now())
    Transaction.store(one.transaction for one in differing)


def _remove(ledger: Ledger, sort_keys: Collection[str]) -> None:
    if sort_keys:
        times = [time_of(sk) for sk in sort_keys]
        ledger.touch(min(times), max(times), clock.now())
        Transaction.remove(ledger.pk, sort_keys)


def _observe(ledger: Ledger, explorer: Explorer, holdings: list[Holding], cursor: Cursor, incomplete: str | None) -> None:
    if incomplete is None and _may_miss_outputs(ledger, explorer):
        incomplete = NO_P2PK
    if incomplete not in (None, PENDING):
        telemetry.count('LedgerIncomplete')
    ledger.observe(
        holdings=holdings,
        source=explorer.endpoint.key,
        counts_p2pk=explorer.counts_p2pk,
        incomplete=incomplete,
        cursor=cursor,
        now=clock.now(),
    )
