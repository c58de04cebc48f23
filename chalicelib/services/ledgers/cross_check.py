"""Compare an address with a second explorer now and then, so that an explorer's error is noticed. Never changes a balance."""

import logging

from chalicelib import clock, errors, telemetry
from chalicelib.config import settings
from chalicelib.domain import cross_check, currencies
from chalicelib.domain.ledgers import Holding
from chalicelib.models import CrossCheck, Ledger
from chalicelib.providers.explorers import AddressReport, Explorer, explorers_of
from chalicelib.providers.transport import Http
from chalicelib.services.ledgers.upstream_gate import UpstreamGate, foreseen

log = logging.getLogger(__name__)


def check(ledger: Ledger, first: Explorer, http: Http, gate: UpstreamGate) -> None:
    """Compare what `first` has just reported of a ledger with another explorer, and record the outcome in the ledger.

    Done for a share CROSS_CHECK_RATE of all refreshes, and for each refresh of a disputed ledger until the two agree. An
    explorer that fails here changes nothing. Raises LeaseLost.
    """
    second = _second_explorer(ledger, first) if _is_due(ledger) else None
    if second is None:
        return
    try:
        agreed = _agree(ledger, first, second, http)
    except errors.Upstream as error:
        log.warning('%s: not compared: %s', ledger.pk, error)
        gate.failed(error, ledger.pk)
        return
    gate.worked(second.endpoint)
    telemetry.count('CrossChecks')
    if not agreed:
        telemetry.count('CrossCheckDisagreements')
        telemetry.count('CrossCheckDisagreements', upstream=second.endpoint.key)
    status = 'agreed' if agreed else 'disputed'
    now = clock.now()
    ledger.record_cross_check(CrossCheck(status=status, sources=[first.endpoint.key, second.endpoint.key], checked_at=now), now)


def _is_due(ledger: Ledger) -> bool:
    rate = settings().cross_check_rate
    disputed = ledger.agreement is not None and ledger.agreement.is_disputed
    return rate > 0 and (disputed or cross_check.is_sampled(ledger.pk, clock.now(), rate))


def _second_explorer(ledger: Ledger, first: Explorer) -> Explorer | None:
    """Return the explorer to compare `first` with; for a legacy address one that counts the same outputs. None if there is none."""
    key = ledger.address_key
    legacy = key.chain.is_legacy(key.address)
    for explorer in explorers_of(key.currency, key.address):
        is_other = explorer.endpoint.key != first.endpoint.key and not ledger.rests_from(explorer.endpoint.key, clock.now())
        if is_other and (not legacy or explorer.counts_p2pk == first.counts_p2pk):
            return explorer
    return None


def _agree(ledger: Ledger, first: Explorer, second: Explorer, http: Http) -> bool:
    """Return whether two explorers agree. As a block may arrive in between, `first` is read again before they count as different.

    Raises Upstream.
    """
    key = ledger.address_key
    only = None if first.info.lists_tokens and second.info.lists_tokens else key.currency
    ours = [Holding(held.currency, held.balance, None, None, held.transactions) for held in ledger.holdings]
    held = [holding.currency for holding in ours]
    theirs = _read(second, ledger, http, held)
    unknown = {row.currency for row in ledger.unreadable_balances} | {row.currency for row in theirs.unreadable}
    unknown |= {one.currency for one in (*ours, *theirs.holdings) if currencies.get(one.currency).moves_by_itself}  # meanwhile
    if cross_check.agree(ours, theirs.holdings, only, unknown):
        return True
    again = _read(first, ledger, http, held)
    return cross_check.agree(again.holdings, theirs.holdings, only, {*unknown, *(row.currency for row in again.unreadable)})


def _read(explorer: Explorer, ledger: Ledger, http: Http, held: list[str]) -> AddressReport:
    with foreseen(explorer.endpoint, ledger.pk):
        return explorer.read(http, ledger.address_key.address, held_codes=held)
