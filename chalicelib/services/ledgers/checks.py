"""Confirm that ledgers are as they were read, many at once, and have those read of which that cannot be said.

No lease is taken: a confirmation changes nothing that was read, and is one conditional update, which fails if anything was written
since the ledger was loaded. A worker that reads the ledger meanwhile therefore wins, and one that begins later writes over it. Every step
can be repeated: a worker that dies leaves ledgers that were confirmed, whose watchers the repeated message tells, and others that are
still due.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import compress

from chalicelib import clock, messages, telemetry
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.marks import Verdict
from chalicelib.messages import CheckLedgers, RefreshLedger
from chalicelib.models import Ledger
from chalicelib.services.ledgers import marks, policy, settled, unmoved, watchers

# Takes settled ledgers of one chain, and by when to come to an end (clock.monotonic()); returns what is to be said of each, by its key.
# Those of which it says nothing are read. It raises nothing that an upstream can cause.
Check = Callable[[Sequence[Ledger], float], Mapping[str, Verdict]]

CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(settled.BY_MARKS, marks.check),
    **{code: unmoved.check for code, chain in CHAINS.items() if chain.has_outputs},
}

_AT_ONCE = 8
_UNKNOWN = Verdict(None)


def check(message: CheckLedgers, deadline: float) -> None:
    """Confirm the ledgers of a message that are settled and did not move; enqueue a refresh of each of the others."""
    now = clock.now()
    ledgers = list(Ledger.find_many(message.ledgers).values())
    checkable = [ledger for ledger in ledgers if settled.is_checkable(ledger, now, message.looked_at)]
    verdicts, quiet = _ask(checkable, deadline)
    left = [ledger for ledger in ledgers if ledger.pk not in quiet]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        confirmed = _confirm_quiet(checkable, verdicts, quiet, message, pool)
        unwatched = watchers.stamp_unchanged(confirmed, pool)
        list(pool.map(telemetry.in_current_task(lambda ledger: _keep_mark(ledger, verdicts.get(ledger.pk, _UNKNOWN))), left))
    telemetry.note(checked=len(checkable), confirmed=len(confirmed), left=len(left))
    messages.send(*(_refresh(ledger, message) for ledger in [*left, *unwatched]))


def confirm_derived(derived: Iterable[Ledger], looked_at: int | None, deadline: float) -> frozenset[str]:
    """Confirm those of an HD wallet's derived ledgers that are settled and did not move; return their keys.

    `looked_at` is when a user looked at the HD wallet, which is a look at all of them.
    """
    now = clock.now()
    checkable = [ledger for ledger in derived if settled.is_checkable(ledger, now, looked_at)]
    verdicts, quiet = _ask(checkable, deadline)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        confirmed = _confirm_quiet(checkable, verdicts, quiet, CheckLedgers([]), pool)
        watchers.stamp_unchanged(confirmed, pool)
    return frozenset(ledger.pk for ledger in confirmed)


def _ask(checkable: Sequence[Ledger], deadline: float) -> tuple[Mapping[str, Verdict], Mapping[str, int]]:
    """Return what is to be said of settled ledgers of one chain, and until when those that did not move were quiet."""
    verdicts = CHECKS[checkable[0].address_key.currency](checkable, deadline) if checkable else {}
    untils = {ledger.pk: _quiet_until(ledger, verdicts.get(ledger.pk, _UNKNOWN)) for ledger in checkable}
    return verdicts, {pk: until for pk, until in untils.items() if until is not None}


def _confirm_quiet(
    checkable: Sequence[Ledger],
    verdicts: Mapping[str, Verdict],
    quiet: Mapping[str, int],
    message: CheckLedgers,
    pool: ThreadPoolExecutor,
) -> list[Ledger]:
    """Confirm the quiet ones of some ledgers; return those that could be: of the others, somebody else knows more meanwhile."""

    def confirm(ledger: Ledger) -> bool:
        return _confirm(ledger, quiet[ledger.pk], verdicts[ledger.pk], message)

    candidates = [ledger for ledger in checkable if ledger.pk in quiet]
    return list(compress(candidates, pool.map(telemetry.in_current_task(confirm), candidates)))


def _quiet_until(ledger: Ledger, verdict: Verdict) -> int | None:
    """Return until when it may be said that nothing moved; None too if that is long ago, as of a check that stands still."""
    until = verdict.quiet_until
    is_news = until is not None and until >= max(ledger.updated_at, clock.now() - policy.STALE_SECONDS)
    return until if is_news else None


def _confirm(ledger: Ledger, quiet_until: int, verdict: Verdict, message: CheckLedgers) -> bool:
    """Confirm a ledger that is quiet; False if somebody wrote to it meanwhile."""
    earlier: int | None = ledger.looked_at
    # Somebody may have looked since the message was sent, if it comes late.
    looked_at = message.looked_at if message.looked_at is not None and message.looked_at > (earlier or 0) else None
    if looked_at is not None:
        ledger.looked_at = looked_at
    now = clock.now()
    due_at = min(policy.next_refresh(ledger, now), policy.trusted_until(ledger, now))
    return ledger.confirm(quiet_until, due_at, verdict, looked_at=looked_at, group=message.group)


def _keep_mark(ledger: Ledger, verdict: Verdict) -> None:
    if verdict.mark is not None and verdict.mark != ledger.mark:
        ledger.keep_mark(verdict.mark)


def _refresh(ledger: Ledger, message: CheckLedgers) -> RefreshLedger:
    return RefreshLedger(ledger.pk, looked_at=message.looked_at, group=message.group or ledger.work_group or '')
