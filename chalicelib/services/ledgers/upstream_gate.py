"""The gate before every request to an upstream: the rate limit and the circuit breaker that all workers share."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib import clock, errors, telemetry
from chalicelib.models import DATABASE_ERRORS, LeaseLost, UpstreamState
from chalicelib.models.upstream import LONGEST_WAIT_MS, Turn
from chalicelib.providers.upstream import Endpoint

log = logging.getLogger(__name__)

_PATIENCE_MS = 3_000  # for the queue to get shorter, before a place in it is given up
_PAUSE_MS = 500


class UpstreamGate:
    """Called before each request with the upstream's endpoint; `failed` and `worked` report afterwards how the upstream did.

    `group` is whose work the requests are, see domain.work_groups.
    """

    def __init__(self, group: str = '') -> None:
        self._group = group
        self._noteworthy: set[str] = set()
        self._patience_ms = _PATIENCE_MS  # until the next turn, at whichever upstream

    def __call__(self, endpoint: Endpoint) -> None:
        """Wait for our turn. Raises UpstreamNotAsked while the circuit is open, and UpstreamBusy if too many requests keep waiting."""
        turn = self._turn(endpoint)
        if turn.noteworthy:
            self._noteworthy.add(endpoint.key)
        time.sleep(turn.wait_ms / 1000)
        telemetry.count('UpstreamRequests')

    def _turn(self, endpoint: Endpoint) -> Turn:
        """Reserve a turn, in the end or at once: LONGEST_WAIT_MS from now at the latest. Raises UpstreamNotAsked."""
        waited_ms = 0
        while True:
            try:
                turn = UpstreamState.take(endpoint.key, endpoint.interval_ms, clock.now_ms(), self._group, LONGEST_WAIT_MS - waited_ms)
            except errors.UpstreamBusy:
                if self._patience_ms <= 0:
                    raise
            else:
                self._patience_ms = _PATIENCE_MS
                return turn
            time.sleep(_PAUSE_MS / 1000)
            waited_ms += _PAUSE_MS
            self._patience_ms -= _PAUSE_MS

    def failed(self, error: errors.Upstream, subject: str | None = None) -> None:
        """Record a failure of an upstream. A rejected address, or a request that was never sent, does not count as one.

        `subject` is what was asked about, such as a ledger; what is to blame on that alone leaves the circuit closed to others. Without
        one, every failure is the upstream's.
        """
        if isinstance(error, errors.UpstreamRejected | errors.UpstreamNotAsked):
            return
        telemetry.count('UpstreamFailures', upstream=error.key)
        if subject is not None and error.blame is errors.Blame.REQUEST:
            UpstreamState.note_odd(error, subject)
        elif UpstreamState.fail(error, subject):
            telemetry.count('CircuitOpened', upstream=error.key)

    def worked(self, endpoint: Endpoint) -> None:
        """Record that an upstream works; costs a request only after failures and, for its health to be shown, once a minute."""
        if endpoint.key in self._noteworthy:
            UpstreamState.succeed(endpoint.key)


@contextmanager
def foreseen(endpoint: Endpoint, subject: str) -> Iterator[None]:
    """Turn whatever the answers of an upstream about a `subject` lead to into Upstream, so that the next one is asked.

    LeaseLost and errors of the database pass: they are no upstream's.
    """
    try:
        yield
    except (errors.Upstream, LeaseLost, *DATABASE_ERRORS):
        raise
    except Exception as error:
        log.exception('%s: %s failed in an unforeseen way', subject, endpoint.key)
        raise errors.Upstream(endpoint.key, f'failed in an unforeseen way ({type(error).__name__})') from error
