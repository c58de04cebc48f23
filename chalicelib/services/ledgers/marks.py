"""Tell by their marks which addresses of a chain did not move: from the first bulk source that works, in fail-over order.

A mark says that nothing moved since it was first seen. What moved before is known if the ledger was read long enough after that for the
slowest explorer to have listed it. A source that is wrong therefore does so for as long as a reading is trusted, and one that fails costs
nothing but its requests.
"""

import logging
from collections.abc import Mapping, Sequence

from chalicelib import clock, errors
from chalicelib.domain.marks import Mark, Sight, Verdict
from chalicelib.models import Ledger
from chalicelib.providers.movements import Subject, bulk_sources_of
from chalicelib.providers.transport import Http
from chalicelib.services.ledgers import policy
from chalicelib.services.ledgers.upstream_gate import UpstreamGate, foreseen

log = logging.getLogger(__name__)


def check(ledgers: Sequence[Ledger], deadline: float) -> Mapping[str, Verdict]:
    """Return what is to be said of settled ledgers of one chain, by key; see checks.Check."""
    asked_at = clock.now()
    sights = _look(ledgers, deadline)
    return {
        ledger.pk: _compare(ledger, sights[ledger.address_key.address], asked_at)
        for ledger in ledgers
        if ledger.address_key.address in sights
    }


def _look(ledgers: Sequence[Ledger], deadline: float) -> Mapping[str, Sight]:
    """Return what the first source that works shows of ledgers, nothing if none does before `deadline`."""
    gate = UpstreamGate()
    http = Http(gate)
    subjects = [_subject(ledger) for ledger in ledgers]
    for source in bulk_sources_of(ledgers[0].address_key.currency):
        try:
            with foreseen(source.endpoint, ledgers[0].pk):
                sights = source.look(http, subjects)
        except errors.Upstream as error:
            log.warning('%s ledgers of a chain: %s', len(ledgers), error)
            gate.failed(error, ledgers[0].pk)
        else:
            gate.worked(source.endpoint)
            return sights
        if clock.monotonic() > deadline:
            break
    return {}


def _subject(ledger: Ledger) -> Subject:
    mark: Mark | None = ledger.mark
    return Subject(ledger.address_key.address, ledger.known_codes, None if mark is None else mark.position)


def _compare(ledger: Ledger, sight: Sight, asked_at: int) -> Verdict:
    """Return what a sight of a ledger says of it: it is quiet if it is the same as at the last look, and that was read since."""
    mark: Mark | None = ledger.mark
    read_at: int | None = ledger.read_at
    held = {row.currency: row.balance for row in ledger.holdings if row.balance}
    if mark is None or sight.has_moved or sight.text != mark.text or sight.balances not in (None, held):
        return Verdict(None, sight.mark(asked_at))
    if read_at is None or read_at < mark.since + policy.LAG_SECONDS:
        return Verdict(None)
    return Verdict(asked_at, sight.mark(mark.since))
