"""Which ledgers need not be read to know that nothing moved, and the messages that bring ledgers up to date in the cheapest way.

Imports nothing that talks to upstreams: API requests and the sweep use it. See docs/decisions/0034-quiet-addresses.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from chalicelib.config import settings
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.currencies import get as currency_of
from chalicelib.domain.ledger_keys import AddressKey
from chalicelib.messages import CheckLedgers, RefreshLedger
from chalicelib.models import CrossCheck, Cursor, Ledger
from chalicelib.services.ledgers import policy

MOST_CHECKED = 100  # ledgers of one message
BY_MARKS = frozenset({'ada', *(code for code, chain in CHAINS.items() if chain.evm_id is not None)})  # that have bulk sources


def is_checked(currency: str) -> bool:
    """Return whether there is a way to tell which addresses of a chain moved, see checks.CHECKS."""
    return settings().checks_quiet and (currency in BY_MARKS or is_followed(currency))


def is_followed(currency: str) -> bool:
    """Return whether blocks tell which addresses of a chain moved, but nothing of transactions that are in none."""
    return currency in settings().follow_blocks and CHAINS[currency].has_outputs


def is_checkable(ledger: Ledger, now: int, looked_at: int | None = None) -> bool:
    """Return whether it is worth asking if a ledger is as it was read: it is settled, and its chain has a way to tell.

    `looked_at` is when a user did, if that is not stored yet. Where only blocks tell, not while somebody looks at it, who wants to see
    payments before they are in one.
    """
    key = ledger.key
    if not isinstance(key, AddressKey) or not is_checked(key.currency) or not is_settled(ledger, now, looked_at):
        return False
    return not (is_followed(key.currency) and policy.is_looked_at(ledger, now, looked_at))


def is_settled(ledger: Ledger, now: int, looked_at: int | None = None) -> bool:
    """Return whether all is known of an address that there was to know when it was read, not long ago.

    Then it is as it was read until something moves. Nothing of it may be missing, doubtful, unreadable, under way, or young enough to be
    undone by a reorganisation, and all that it holds must only change by transactions.
    """
    return (
        isinstance(ledger.key, AddressKey)
        and _was_read_lately(ledger, now, looked_at)
        and _lacks_nothing(ledger)
        and _awaits_nothing(ledger, now)
        and not any(currency_of(code).moves_by_itself for code in ledger.known_codes)
    )


def refreshes(ledgers: Sequence[Ledger], now: int, group: str) -> Iterator[RefreshLedger | CheckLedgers]:
    """Yield the messages that bring ledgers up to date which a user, of this group, looks at now."""
    checkable = {ledger.pk for ledger in ledgers if is_checkable(ledger, now, looked_at=now)}
    for ledger in ledgers:
        if ledger.pk not in checkable:
            yield RefreshLedger(ledger.pk, looked_at=now, group=group)
    for pks in by_chain(checkable):
        yield CheckLedgers(pks, looked_at=now, group=group)


def by_chain(pks: Iterable[str]) -> Iterator[list[str]]:
    """Yield the keys of ledgers of addresses in lists, each of one chain and as long as a message may be."""
    for _, of_chain in groupby(sorted(pks), key=lambda pk: pk.rpartition('#')[0]):
        keys = list(of_chain)
        for start in range(0, len(keys), MOST_CHECKED):
            yield keys[start : start + MOST_CHECKED]


def _was_read_lately(ledger: Ledger, now: int, looked_at: int | None) -> bool:
    """Whether it was read since what is newest in it is final, and not longer ago than that is trusted."""
    read_at = policy.past(ledger.read_at, now)
    newest_at: int | None = ledger.newest_at
    is_final = read_at > 0 and (newest_at is None or newest_at + policy.FINAL_SECONDS <= read_at)
    return ledger.ready and is_final and now < policy.trusted_until(ledger, now, looked_at)


def _lacks_nothing(ledger: Ledger) -> bool:
    agreement: CrossCheck | None = ledger.agreement
    is_disputed = agreement is not None and agreement.is_disputed
    return ledger.is_whole and not ledger.unreadable and not ledger.unreadable_count and not ledger.needs_key and not is_disputed


def _awaits_nothing(ledger: Ledger, now: int) -> bool:
    cursor: Cursor | None = ledger.cursor
    is_downloaded = cursor is not None and cursor.is_downloaded and not cursor.failed_reconciliations
    worker: str | None = ledger.lease_owner
    is_idle = worker is None and not ledger.is_changing and not ledger.failures
    is_confirmed = not any(holding.unconfirmed for holding in ledger.holdings)
    has_trouble = any(trouble.until > now for trouble in ledger.troubles)
    is_possible: bool | None = ledger.valid
    return is_downloaded and is_idle and is_confirmed and not has_trouble and is_possible is not False
