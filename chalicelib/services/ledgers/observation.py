"""What a reading of an address's ledger comes to: the balances, and what is missing from them, currency by currency."""

from collections.abc import Mapping
from decimal import Decimal

from chalicelib import clock, telemetry
from chalicelib.domain import currencies, ledgers
from chalicelib.domain.ledgers import Gap, Tally
from chalicelib.models import Cursor, Ledger, Snapshot
from chalicelib.providers.explorers import AddressReport, Explorer
from chalicelib.services.ledgers import policy

NO_P2PK = 'p2pk_outputs_unknown'


def may_miss_outputs(ledger: Ledger, explorer: Explorer) -> bool:
    """Whether the address may have outputs that the explorer does not count."""
    if explorer.counts_p2pk:
        return False
    key = ledger.address_key
    return key.chain.is_legacy(key.address)


def differences(report: AddressReport, tallies: Mapping[str, Tally]) -> dict[str, Decimal]:
    """Return what does not reconcile, by currency: the reported balance minus the sum of the entries.

    A currency whose balance moves by itself need not.
    """
    unknown = _unreadable_balances(report)
    differing = ledgers.discrepancies(report.holdings, tallies)
    return {code: one for code, one in differing.items() if code not in unknown and not currencies.get(code).moves_by_itself}


def _unreadable_balances(report: AddressReport) -> set[str]:
    return {row.currency for row in report.unreadable}


def store_balances(ledger: Ledger, explorer: Explorer, report: AddressReport) -> None:
    """Store the balances of an explorer that lists no transactions; stored transactions and the cursor stay, and what these lack."""
    ledger.renew(clock.now())
    if not _is_kept(ledger, report, clock.now()):
        Snapshot.store(ledger.pk, report.holdings, clock.now())
    lacking = ledgers.NOT_COMPARED if explorer.info.is_experimental else ledgers.UNLISTED
    _observe(ledger, explorer, report, ledger.cursor or Cursor(), lacking, _gaps_so_far(ledger, report, lacking))


def _is_kept(ledger: Ledger, report: AddressReport, now: int) -> bool:
    """Whether the last observation, whose balances were kept as that of this hour, found the same."""
    kept_at: int | None = ledger.updated_at if ledger.incomplete in ledgers.BALANCES_ALONE else None
    if kept_at is None or kept_at // policy.HOUR != now // policy.HOUR:
        return False
    return {row.currency: row.balance for row in ledger.holdings} == {row.currency: row.balance for row in report.holdings}


def store_progress(ledger: Ledger, explorer: Explorer, cursor: Cursor, report: AddressReport) -> None:
    """Store balances while a download of the transactions is under way."""
    _observe(ledger, explorer, report, cursor, ledgers.PENDING, _gaps_so_far(ledger, report, ledgers.PENDING))


def conclude(
    ledger: Ledger,
    explorer: Explorer,
    cursor: Cursor,
    report: AddressReport,
    unexplained: Mapping[str, Decimal],
    read_at: int | None = None,
) -> None:
    """Store balances that were compared with all transactions, and the gaps that this left.

    `read_at` is when all that is new began to be read, None if the transactions were read over a longer time.
    """
    unread = cursor.unread.numbers
    if not unexplained.keys() - unread.keys():
        cursor.failed_reconciliations = 0
    gaps = ledgers.gaps(unexplained, unread, _unreadable_balances(report), ledger.last_reconciled)
    checked_at: int | None = cursor.checked_at
    if gaps and checked_at is None:
        cursor.checked_at = clock.now()
    incomplete = NO_P2PK if may_miss_outputs(ledger, explorer) else None
    _keep_what_moves(ledger, report)
    _observe(ledger, explorer, report, cursor, incomplete, gaps, reconciled_at=clock.now(), read_at=read_at)


def _keep_what_moves(ledger: Ledger, report: AddressReport) -> None:
    """Keep what is held if some of it moves by itself, so that no transaction tells it; not what could not be read."""
    moving = {holding.currency for holding in report.holdings if currencies.get(holding.currency).moves_by_itself}
    unknown = {code for code in _unreadable_balances(report) if currencies.get(code).moves_by_itself}
    if moving and not unknown:
        ledger.renew(clock.now())
        Snapshot.store(ledger.pk, report.holdings, clock.now())


def _gaps_so_far(ledger: Ledger, report: AddressReport, lacking: str) -> list[Gap]:
    """Return the gaps that are known while the transactions are not compared with the balances, for what is `lacking` to do so."""
    unknown = _unreadable_balances(report)
    gaps = [gap for gap in ledger.gaps if gap.currency not in unknown]
    gaps = [gap._replace(reason=lacking) if gap.reason == ledgers.UNREADABLE_BALANCE else gap for gap in gaps]
    return sorted([*gaps, *ledgers.gaps({}, (), unknown, ledger.last_reconciled)])


def _observe(
    ledger: Ledger,
    explorer: Explorer,
    report: AddressReport,
    cursor: Cursor,
    incomplete: str | None,
    gaps: list[Gap],
    reconciled_at: int | None = None,
    read_at: int | None = None,
) -> None:
    if gaps or incomplete not in (None, ledgers.PENDING):
        telemetry.count('LedgerIncomplete')
    ledger.observe(
        holdings=report.holdings,
        source=explorer.endpoint.key,
        counts_p2pk=explorer.counts_p2pk,
        incomplete=incomplete,
        cursor=cursor,
        now=clock.now(),
        gaps=gaps,
        unreadable_balances=report.unreadable,
        reconciled_at=reconciled_at,
        read_at=read_at,
    )
