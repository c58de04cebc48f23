"""When histories are recomputed: every duration of this wing, and what follows from them. Pure."""

from chalicelib.domain.timeline import DAY, HOUR

ACTIVE_SECONDS = 30 * DAY  # after a user last viewed or changed a portfolio, its history is recomputed each hour
STALE_SECONDS = HOUR + 600  # a history this old is recomputed when it is viewed
VIEW_RECORDED_SECONDS = DAY  # between two recordings that a portfolio is viewed
REFUSED_SECONDS = DAY  # for which a portfolio whose history was too large is not read for it again, unless it changes
BURST_SECONDS = 60  # how long after a result a change may be announced that is in it already
MOST_READINGS = 3  # of a page, while its history is being written
MOST_VALUES_AT_ONCE = 100_000  # that a request computes of histories that are not stored: about a second, as each takes some 10 µs here
VALUES_PER_REQUEST = 10_000  # that count as one more request, a tenth of a second
MOST_VALUES = 1_500_000  # that a history has: a job computes two such at once, begun up to a minute late, within its time and memory
MOST_TRANSACTIONS = 500_000  # that a history is computed from: two at once are read and replayed in half a job's time, in 350 MB
LONG_ROUND_SECONDS = 5  # after which the next recomputation is left to another message
TURN_SECONDS = 5  # after which who got no turn at computing asks again, by another message
MOST_TURN_SECONDS = 180  # where many of the same user do: a history keeps its lease until then, and that is how long one lasts
MAX_ROUNDS = 5  # recomputations in a row by one worker, while requests keep coming

_FIRST_RETRY_SECONDS, _MAX_RETRY_SECONDS, _MAX_RETRIES = 2, 900, 10


def next_due(looked_at: int | None, now: int) -> int | None:
    """Return when a history is due next, the next full hour, None if the portfolio was not viewed for a month.

    >>> next_due(7_000, 7_500)
    10800
    """
    return (now // HOUR + 1) * HOUR if now - (looked_at or 0) < ACTIVE_SECONDS else None


def retry_delay_seconds(retries: int) -> int | None:
    """Return how long to wait for pending rates before the next retry, None after the last one."""
    return min(_FIRST_RETRY_SECONDS * 2**retries, _MAX_RETRY_SECONDS) if retries < _MAX_RETRIES else None
