"""Each hour, and whenever something changed: bring the histories of portfolios up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Condition
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Cron, SQSEvent

from chalicelib import clock, messages, queue, telemetry
from chalicelib.config import settings
from chalicelib.messages import DispatchDueHistories, RefreshHistory
from chalicelib.services import due, job_runs
from chalicelib.services.histories import refresh

bp = Blueprint(__name__)

SLICE_SECONDS = 60  # from the receive of a message until its history is begun; after that it is sent again, and waits in the queue
_HISTORIES_AT_ONCE = 2  # threads do not compute faster, and the largest took 100 MB each where that was measured
_MOST_REMEMBERED = 1_000


class Turns:
    """So many histories at once of a process, which at home handles more messages than that: the next is of whose last is longest ago."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._changing = Condition()
        self._waiting: list[str] = []
        self._given = 0
        self._last_of: dict[str, int] = {}

    @contextmanager
    def of(self, user_id: str) -> Iterator[None]:
        """Wait for a turn of a user, and have it."""
        with self._changing:
            self._waiting.append(user_id)
            self._changing.wait_for(lambda: self._free and self._next() == user_id)
            self._waiting.remove(user_id)
            self._free -= 1
            self._remember(user_id)
            self._changing.notify_all()  # there may be another one
        try:
            yield
        finally:
            with self._changing:
                self._free += 1
                self._changing.notify_all()

    def _next(self) -> str:
        return min(self._waiting, key=lambda user_id: self._last_of.get(user_id, 0))

    def _remember(self, user_id: str) -> None:
        self._given += 1
        self._last_of.pop(user_id, None)
        self._last_of[user_id] = self._given
        if len(self._last_of) > _MOST_REMEMBERED:
            del self._last_of[next(iter(self._last_of))]


_TURNS = Turns(_HISTORIES_AT_ONCE)


@bp.on_sqs_message(queue=settings().history_queue, batch_size=10)
def refresh_histories(event: SQSEvent) -> dict[str, Any]:
    """Messages: RefreshHistory, DispatchDueHistories."""
    deadline = clock.monotonic() + SLICE_SECONDS
    with job_runs.noted('refresh_histories'):
        handle = partial(_handle, deadline=deadline)
        return queue.process_batch('refresh_histories', settings().history_queue, event, handle, at_once=_HISTORIES_AT_ONCE)


def _handle(body: queue.Body, deadline: float) -> None:
    match messages.from_body(body, RefreshHistory, DispatchDueHistories):
        case RefreshHistory() as message:
            with _TURNS.of(message.user_id):
                _refresh(message, deadline)
        case DispatchDueHistories(shard):
            due.dispatch_due_histories(shard, deadline)


def _refresh(message: RefreshHistory, deadline: float) -> None:
    if clock.monotonic() > deadline:
        messages.send(message)  # for another run: large histories of others took the time of this one
    else:
        refresh.refresh(message.user_id, message.portfolio_id, looked_at=message.looked_at, waits=message.waits)


@bp.schedule(Cron(0, '*', '*', '*', '?', '*'))
def snapshot_portfolios(event: CloudWatchEvent) -> dict[str, int]:
    """At each full hour. Returns the number of messages sent."""
    with telemetry.scheduled('snapshot_portfolios', event) as current, job_runs.noted('snapshot_portfolios'):
        current.note(sent=None)
        sent = due.send_history_shards()
        current.note(sent=sent)
        current.count('MessagesSent', sent)
    return {'sent': sent}
