"""Read the ledger of a blockchain address: from the first explorer that works, in fail-over order."""

import logging
from collections.abc import Iterable

from chalicelib import clock, errors
from chalicelib.errors import Blame
from chalicelib.models import Ledger, Trouble, Watch
from chalicelib.providers.explorers import EXPLORERS, Explorer, StepsDown, explorers_of
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint
from chalicelib.services.ledgers import cross_check, download, policy
from chalicelib.services.ledgers.leased import Reader
from chalicelib.services.ledgers.upstream_gate import UpstreamGate, foreseen
from chalicelib.services.ledgers.witnessed import Witnessed, with_witness

log = logging.getLogger(__name__)


def read(ledger: Ledger, deadline: float) -> bool:
    """Bring an address's ledger up to date; False when `deadline` (clock.monotonic()) came first and more is left.

    An address that every explorer rejects is noted as such. Raises Upstream, naming every explorer and its failure, when
    none of them could be read, UpstreamBusy when one of them would have to be asked later, and LeaseLost.
    """
    gate = UpstreamGate(ledger.acting_group)
    http = _http(ledger, gate)
    failures: list[errors.Upstream] = []
    for explorer in _in_order(ledger):
        try:
            finished = _read_from(ledger, explorer, http, gate, deadline)
        except errors.Upstream as error:
            log.warning('%s: %s', ledger.pk, error)
            failures.append(error)
            gate.failed(error, ledger.pk)
            _rest(ledger, error)
            if isinstance(error, errors.UpstreamBusy) and _has_begun(ledger, explorer):
                raise  # another one would start over
        else:
            gate.worked(explorer.endpoint)
            ledger.note_key(_takes_key(ledger, failures, listing=True), clock.now())
            if finished and clock.monotonic() < deadline:
                cross_check.check(ledger, explorer, http, gate)
            return finished
    if failures and all(isinstance(error, errors.UpstreamRejected) for error in failures):
        ledger.reject(clock.now())
        return True
    if busy := next((error for error in failures if isinstance(error, errors.UpstreamBusy)), None):
        raise busy
    ledger.note_key(_takes_key(ledger, failures, listing=False), clock.now())
    raise errors.Upstream(ledger.address_key.currency, '; '.join(map(str, failures)) or 'no explorer is set up')


def _read_from(ledger: Ledger, explorer: Explorer, http: Http, gate: UpstreamGate, deadline: float) -> bool:
    """Read the ledger from one explorer: in smaller steps where ordinary ones are too much for it. Raises Upstream, and LeaseLost."""
    trouble = ledger.trouble_with(explorer.endpoint.key, clock.now())
    smaller = explorer.in_smaller_steps() if isinstance(explorer, StepsDown) else None
    if smaller is not None and trouble is not None and trouble.small_steps:
        return _guarded(ledger, smaller, http, gate, deadline)
    try:
        finished = _guarded(ledger, explorer, http, gate, deadline)
    except errors.Upstream as error:
        if smaller is None or error.blame is not Blame.LOAD:
            raise
        log.info('%s: in smaller steps, as %s', ledger.pk, error)
        finished = _guarded(ledger, smaller, http, gate, deadline)
        now = clock.now()
        ledger.note_trouble(Trouble(explorer=explorer.endpoint.key, until=now + policy.SMALL_STEPS_SECONDS, small_steps=True), now)
        return finished
    ledger.forget_trouble(explorer.endpoint.key, clock.now())
    return finished


def _guarded(ledger: Ledger, explorer: Explorer, http: Http, gate: UpstreamGate, deadline: float) -> bool:
    with foreseen(explorer.endpoint, ledger.pk):
        witnessed = with_witness(explorer, ledger, gate)
        finished = download.read(ledger, witnessed, http, deadline)
        if isinstance(witnessed, Witnessed):
            witnessed.conclude()
        return finished


def _rest(ledger: Ledger, error: errors.Upstream) -> None:
    """Let the address rest from an explorer that may have failed because of it alone. Raises LeaseLost."""
    if isinstance(error, errors.UpstreamRejected | errors.UpstreamNotAsked) or error.blame not in (Blame.REQUEST, Blame.LOAD):
        return
    now = clock.now()
    earlier = next((one.failures for one in ledger.troubles if one.explorer == error.key), 0)
    ledger.note_trouble(Trouble(explorer=error.key, until=policy.rest_until(earlier, now), failures=earlier + 1), now)


def _takes_key(ledger: Ledger, failures: list[errors.Upstream], *, listing: bool) -> bool:
    """Whether all explorers of the chain, or all that list transactions, lack an API key or had theirs refused."""
    refused = {error.key for error in failures if error.blame is Blame.KEY}
    explorers = [one for one in EXPLORERS[ledger.address_key.currency] if one.endpoint.base_url]
    wanted = [one.endpoint for one in explorers if one.info.lists_transactions or not listing]
    return bool(wanted) and all(endpoint.key in refused or not endpoint.is_available for endpoint in wanted)


def _http(ledger: Ledger, gate: UpstreamGate) -> Http:
    """Return a client that keeps the lease of `ledger` and waits for its turn at `gate` before each request.

    Storing a page renews the lease too, which is not enough: some explorers need a request for each transaction of a page.
    """

    def prepare(endpoint: Endpoint) -> None:
        ledger.renew_if_short(clock.now())
        gate(endpoint)

    return Http(prepare)


def _in_order(ledger: Ledger) -> list[Explorer]:
    """Return the explorers in fail-over order, but first the one of an unfinished download: another would start over.

    Last come those that the address rests from: they are asked only if all others fail.
    """
    key, now = ledger.address_key, clock.now()
    return sorted(
        explorers_of(key.currency, key.address),
        key=lambda explorer: (ledger.rests_from(explorer.endpoint.key, now), not _has_begun(ledger, explorer)),
    )


def _has_begun(ledger: Ledger, explorer: Explorer) -> bool:
    """Whether pages of this explorer are stored of a full download that is under way."""
    cursor = ledger.cursor
    return cursor is not None and cursor.is_under_way and cursor.explorer == explorer.endpoint.key


def _watches_nothing(ledger: Ledger) -> None:
    """An address is read from explorers alone."""


def _asks_for_no_more(ledger: Ledger, watches: Iterable[Watch]) -> bool:
    """All who watch an address want to know the same of it."""
    return False


READER = Reader(read, _watches_nothing, _asks_for_no_more)
