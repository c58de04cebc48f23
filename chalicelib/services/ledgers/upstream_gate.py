"""The gate before every request to an upstream: the rate limit and the circuit breaker that all workers share."""

import time

from chalicelib import clock, errors, telemetry
from chalicelib.models import UpstreamState
from chalicelib.providers.upstream import Endpoint


class UpstreamGate:
    """Called before each request with the upstream's endpoint; `failed` and `worked` report afterwards how the upstream did."""

    def __init__(self) -> None:
        self._noteworthy: set[str] = set()

    def __call__(self, endpoint: Endpoint) -> None:
        """Wait for our turn. Raises UpstreamNotAsked while the circuit is open or too many requests are waiting."""
        turn = UpstreamState.take(endpoint.key, endpoint.interval_ms, clock.now_ms())
        if turn.noteworthy:
            self._noteworthy.add(endpoint.key)
        time.sleep(turn.wait_ms / 1000)
        telemetry.count('UpstreamRequests')

    def failed(self, error: errors.Upstream) -> None:
        """Record a failure of the upstream itself; a rejected address, or a request that was never sent, does not count as one."""
        if isinstance(error, errors.UpstreamRejected | errors.UpstreamNotAsked):
            return
        telemetry.count('UpstreamFailures', upstream=error.key)
        if UpstreamState.fail(error.key, error.reason, throttled=error.throttled, retry_after=error.retry_after):
            telemetry.count('CircuitOpened', upstream=error.key)

    def worked(self, endpoint: Endpoint) -> None:
        """Record that an upstream works; costs a request only after failures and, for its health to be shown, once a minute."""
        if endpoint.key in self._noteworthy:
            UpstreamState.succeed(endpoint.key)
