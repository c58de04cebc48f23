"""The refresh policy: when a ledger is due, stale or left alone, in one place. Pure.

docs/scaling.md states what these numbers cost. How long a worker may hold a ledger is in models/ledger.py.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # models need settings, and whoever works out what the policy costs has none
    from chalicelib.models import Ledger

MINUTE, HOUR, DAY = 60, 3_600, 86_400

# How often a ledger is refreshed depends on when a user last looked at it: (looked at within, refreshed every) seconds.
INTERVALS = (
    (HOUR, 5 * MINUTE),
    (DAY, HOUR),
)
LONGEST_INTERVAL = DAY

STALE_SECONDS = 5 * MINUTE  # a reader who finds older balances has the ledger refreshed
FRESH_SECONDS = 10  # a ledger observed within this is not read again, nor a derived one in the cycle of its HD wallet
CLOCKS_DIFFER_SECONDS = MINUTE  # at most, between those of two workers
FIRST_BACKOFF_SECONDS = 10  # doubled by each failure in a row, up to the interval
CRASH_RETRY_SECONDS = 5 * MINUTE  # after an error of our own, which a retry seldom mends
FIRST_REST_SECONDS, LONGEST_REST_SECONDS = 5 * MINUTE, DAY  # of an address from an explorer that fails for it, doubled by each failure
FIRST_TURN_SECONDS, MOST_TURNS_MISSED = 5, 5  # until an upstream that was too busy is asked again, doubled each time; by a message
BUSY_UPSTREAM_SECONDS = 2 * MINUTE  # longer than the last of these waits: when the sweep does so, should there be no message
SMALL_STEPS_SECONDS = DAY  # until an address that had to be read in small steps is read in ordinary ones again
RECHECK_SECONDS = DAY  # until a ledger whose full downloads did not reconcile is downloaded in full again
MOST_CATCH_UPS = 3  # of one full download, each shorter than the one before, as less came meanwhile
MOST_FULL_DOWNLOADS = 2  # in a row that do not reconcile, before waiting that long

# Where the blocks of a chain are read (services/ledgers/blocks.py).
FOLLOWED_EVERY_SECONDS = 2 * MINUTE  # how often the newest block is asked for: below STALE_SECONDS, so that balances stay fresh by it
BLOCKS_LATE_SECONDS = HOUR  # after which operators are told that they are not read
STANDSTILL_SECONDS = HOUR  # without a new block, after which we do not believe that there is none: Bitcoin has one such pause in three days
LONGEST_CATCH_UP_SECONDS = 6 * HOUR  # blocks that were missed for longer are not read any more
BUSY_SECONDS = HOUR  # a ledger that moved within this is not made due by moving again

# Confirming that an address is as it was read, see docs/decisions/0034-quiet-addresses.md.
LONGEST_TRUST_SECONDS = DAY  # until it is read again, whatever tells that nothing moved
LONGEST_TRUST_UNSEEN_SECONDS = 7 * DAY  # the same while nobody looks; whoever does has it read if that was more than a day ago
FINAL_SECONDS = 3 * HOUR  # after which we expect no chain to undo a transaction; at domain.chains this is in blocks
LAG_SECONDS = 30 * MINUTE  # by which an explorer may be behind its chain

# What `Retry-After` says while nothing is known of a ledger yet, in seconds.
SHORTEST_WAIT, LONGEST_WAIT = 2, 300
MOST_STAMPED_AT_ONCE = 100  # watches of a ledger that are told under its lease, or by one message, what was observed
# Each takes some 42 µs here and 73 µs on Lambda, where a request has 28 s: so many take 15 s there.
MOST_TRANSACTIONS_AT_ONCE = 200_000  # read by one request, of all ledgers of a portfolio
TRANSACTIONS_PER_REQUEST = 2_000  # that count as one more request, a tenth of a second
LEDGERS_PER_REQUEST = 30  # whose transactions are read that count so, as each is a query or two
MOST_STALE_REFRESHES = 50  # enqueued by one request


def next_refresh(ledger: 'Ledger', now: int) -> int:
    """Return when a ledger that was just refreshed is due again.

    With now = 1_000_000: looked at 999_000, due at 1_000_300; looked at 990_000, due at 1_003_600; never looked at, due at 1_086_400.
    One that moved while it was read is due again as soon as it may be read: what was read may be of before that.
    """
    return now + (FRESH_SECONDS if _moved_meanwhile(ledger, now) else _interval(ledger, now))


def trusted_until(ledger: 'Ledger', now: int, looked_at: int | None = None) -> int:
    """Return until when a ledger that was read may be confirmed without being read again; a user may look at it just now."""
    is_seen = now - max(looked_at or 0, ledger.looked_at or 0) < DAY
    return (ledger.read_at or 0) + (LONGEST_TRUST_SECONDS if is_seen else LONGEST_TRUST_UNSEEN_SECONDS)


def next_attempt(ledger: 'Ledger', now: int) -> int:
    """Return when to try again to refresh a ledger that could not be read: `failures` counts the earlier failures in a row."""
    backoff: int = FIRST_BACKOFF_SECONDS * 2 ** min(ledger.failures or 0, 10)
    return now + min(_interval(ledger, now), backoff)


def wait_for_turn(waits: int) -> int | None:
    """Return in how many seconds to try again where too many requests waited for an upstream, now and `waits` times in a row before.

    None for leaving it to the sweep, so that messages do not go round for ever.
    """
    return FIRST_TURN_SECONDS * 2**waits if waits < MOST_TURNS_MISSED else None


def wait_for_first_value(ledger: 'Ledger', now: int) -> int:
    """Return in how many seconds it is worth asking again for a ledger of which no balance is known.

    One that could not be read is waited for until its next attempt, one whose refresh is queued or under way as `wait_since` says.
    """
    is_resting = ledger.failures and ledger.lease_until is None
    return wait_since((ledger.due_at if is_resting else ledger.attempted_at or ledger.created_at) or now, now)


def wait_since(begun: int, now: int) -> int:
    """Return how long to wait for what began at an instant: as long as it has lasted and two seconds, so that a client waits 2, 4, 8.

    For what begins in the future: until then.
    """
    return min(max(begun - now, now - begun + SHORTEST_WAIT, SHORTEST_WAIT), LONGEST_WAIT)


def rest_until(failures: int, now: int) -> int:
    """Return until when an address rests from an explorer that has now failed for it, after `failures` earlier ones in a row."""
    rest: int = FIRST_REST_SECONDS * 2 ** min(failures, 10)
    return now + min(LONGEST_REST_SECONDS, rest)


def is_stale(ledger: 'Ledger', now: int) -> bool:
    """Return whether a reader should have a ledger refreshed: it is old, and nothing was tried lately."""
    return now - max(past(at, now) for at in (ledger.updated_at, ledger.attempted_at, ledger.created_at)) > STALE_SECONDS


def is_fresh(ledger: 'Ledger', now: int) -> bool:
    """Return whether a ledger was observed so lately that it is not read again."""
    return now - past(ledger.updated_at, now) < FRESH_SECONDS


def past(instant: int | None, now: int) -> int:
    """Return a stored instant, or 0 if there is none or it is in the future, as a clock that was fast may have stored it.

    Otherwise nothing would be read, once such a clock has been corrected, until that instant is reached.
    """
    return instant if instant is not None and instant <= now + CLOCKS_DIFFER_SECONDS else 0


def is_looked_at(ledger: 'Ledger', now: int, looked_at: int | None = None) -> bool:
    """Return whether a user looks at a ledger, maybe just now, so that it is kept as fresh as can be."""
    return now - max(looked_at or 0, ledger.looked_at or 0) < INTERVALS[0][0]


def _moved_meanwhile(ledger: 'Ledger', now: int) -> bool:
    """Whether a block was read, or found undone, in which it moved, after its last reading began.

    An HD wallet is read address by address: of a transaction in a block that was made after that began, some may be known and others not.
    """
    is_hd_wallet = ledger.derived is not None
    begun_at: int | None = ledger.read_at if is_hd_wallet else ledger.attempted_at
    moves: list[int | None] = [ledger.moved_at, *([ledger.newest_at] if is_hd_wallet else [])]
    return begun_at is not None and any(at is not None and begun_at < at <= now for at in moves)


def _interval(ledger: 'Ledger', now: int) -> int:
    since_look = now - (ledger.looked_at or 0)
    return next((every for within, every in INTERVALS if since_look < within), LONGEST_INTERVAL)
