"""Read the ledger of a blockchain address: from the first explorer that works, in fail-over order."""

import logging

from chalicelib import clock, errors
from chalicelib.models import Ledger
from chalicelib.providers.explorers import Explorer, explorers_of
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint
from chalicelib.services.ledgers import cross_check, download
from chalicelib.services.ledgers.leased import Reader
from chalicelib.services.ledgers.upstream_gate import UpstreamGate

log = logging.getLogger(__name__)


def read(ledger: Ledger, deadline: float) -> bool:
    """Bring an address's ledger up to date; False when `deadline` (clock.monotonic()) came first and more is left.

    An address that every explorer rejects is noted as such. Raises Upstream, naming every explorer and its failure, when
    none of them could be read; and LeaseLost.
    """
    gate = UpstreamGate()
    http = _http(ledger, gate)
    failures: list[errors.Upstream] = []
    for explorer in _in_order(ledger):
        try:
            finished = download.read(ledger, explorer, http, deadline)
        except errors.Upstream as error:
            log.warning('%s: %s', ledger.pk, error)
            failures.append(error)
            gate.failed(error)
        else:
            gate.worked(explorer.endpoint)
            if finished and clock.monotonic() < deadline:
                cross_check.check(ledger, explorer, http, gate)
            return finished
    if all(isinstance(error, errors.UpstreamRejected) for error in failures):
        ledger.reject(clock.now())
        return True
    raise errors.Upstream(ledger.address_key.currency, '; '.join(map(str, failures)))


def _http(ledger: Ledger, gate: UpstreamGate) -> Http:
    """Return a client that keeps the lease of `ledger` and waits for its turn at `gate` before each request.

    Storing a page renews the lease too, which is not enough: some explorers need a request for each transaction of a page.
    """

    def prepare(endpoint: Endpoint) -> None:
        ledger.renew_if_short(clock.now())
        gate(endpoint)

    return Http(prepare)


def _in_order(ledger: Ledger) -> list[Explorer]:
    """Return the explorers in fail-over order, but first the one of an unfinished download: another would start over."""
    key = ledger.address_key
    begun = ledger.cursor.explorer if ledger.cursor is not None and ledger.cursor.resume is not None else None
    return sorted(explorers_of(key.currency, key.address), key=lambda explorer: explorer.endpoint.key != begun)


def _watches_nothing(ledger: Ledger) -> None:
    """An address is read from explorers alone."""


READER = Reader(read, _watches_nothing)
