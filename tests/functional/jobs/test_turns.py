"""Turns at an upstream: many requests of one user's work leave room for those of others, and alone they take all that there are."""

import heapq
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import clock, queue
from chalicelib.domain.work_groups import work_group
from chalicelib.errors import UpstreamBusy, UpstreamNotAsked
from chalicelib.jobs.refresh import refresh_accounts
from chalicelib.models import Ledger, UpstreamState
from chalicelib.providers.explorers import explorers_of
from chalicelib.providers.upstream import Endpoint
from chalicelib.services.ledgers import upstream_gate
from chalicelib.services.ledgers.upstream_gate import UpstreamGate
from infra.fake_upstreams import faults
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.clock import CLOCK, START
from tests.support.jobs import dead_letters, record, refresh_job, run_refresh, run_sweep
from tests.support.kraken import Kraken, create_account
from tests.support.ledgers import SEGWIT, assert_whole, pk_of, state

KEY = 'an upstream'
REQUEST_MS = 200  # how long the upstream takes for one
PAUSE_MS = 500


class Contest:
    """Workers that each ask for turns without end, in time that passes from one event to the next."""

    def __init__(self, interval_ms: int) -> None:
        self.turns: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.longest_wait_ms: Counter[str] = Counter()
        self._interval_ms = interval_ms
        self._order = itertools.count()
        self._events: list[tuple[int, int, str]] = []

    def join(self, group: str, workers: int, at_ms: int) -> None:
        for _ in range(workers):
            heapq.heappush(self._events, (at_ms, next(self._order), group))

    def run_until(self, end_ms: int) -> None:
        while self._events[0][0] < end_ms:
            now_ms, _, group = heapq.heappop(self._events)
            heapq.heappush(self._events, (now_ms + self._ask(group, now_ms), next(self._order), group))

    def _ask(self, group: str, now_ms: int) -> int:
        """Ask for a turn; return how long the worker is busy with that."""
        try:
            turn = UpstreamState.take(KEY, self._interval_ms, now_ms, group)
        except UpstreamBusy:
            self.refusals[group] += 1
            return PAUSE_MS
        self.turns[group] += 1
        self.longest_wait_ms[group] = max(self.longest_wait_ms[group], turn.wait_ms)
        return turn.wait_ms + REQUEST_MS


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long was waited, which takes no time."""
    waits: list[float] = []
    monkeypatch.setattr(upstream_gate, 'time', SimpleNamespace(sleep=waits.append))
    return waits


def test_somebody_else_is_never_refused_however_many_requests_one_group_makes(api: Api) -> None:
    contest, start_ms = Contest(interval_ms=250), START * 1_000
    contest.join('many', 30, start_ms)
    contest.run_until(start_ms + 3_000)
    assert contest.refusals['many'] > 0
    contest.join('few', 1, start_ms + 3_000)
    contest.run_until(start_ms + 15_000)
    assert contest.refusals['few'] == 0
    assert contest.turns['few'] >= 4
    assert contest.longest_wait_ms['few'] <= 2_000 + 2 * 250  # behind the others' short queue, and one more of theirs


def test_ten_of_one_group_get_their_share_beside_thirty_of_another(api: Api) -> None:
    contest, start_ms = Contest(interval_ms=250), START * 1_000
    contest.join('many', 30, start_ms)
    contest.join('fewer', 10, start_ms + 2_000)
    contest.run_until(start_ms + 10_000)
    assert contest.turns['fewer'] >= 8 * 4 // 3


@pytest.mark.parametrize(('workers', 'interval_ms'), [(1, 250), (3, 1_000), (20, 250), (1, 4_000), (2, 4_000)])
def test_a_group_alone_takes_all_turns_that_there_are(api: Api, workers: int, interval_ms: int) -> None:
    contest, start_ms = Contest(interval_ms), START * 1_000
    contest.join('one', workers, start_ms)
    contest.run_until(start_ms + 12_000)
    assert contest.turns['one'] >= 12_000 // interval_ms


def test_a_turn_comes_within_five_seconds_or_not_at_all(api: Api, nobody_waits: list[float]) -> None:
    endpoint = Endpoint(KEY, 'https://upstream.example', min_interval_ms=250)
    for _ in range(9):
        UpstreamState.take(KEY, 250, clock.now_ms(), 'mine')
    gate = UpstreamGate('mine')
    with pytest.raises(UpstreamBusy):  # the clock stands still, so that the queue never gets shorter
        gate(endpoint)
    assert sum(nobody_waits) == 3
    nobody_waits.clear()
    with pytest.raises(UpstreamBusy):
        gate(endpoint)
    assert not nobody_waits  # at the next upstream nobody is as patient again
    UpstreamGate('theirs')(endpoint)
    assert nobody_waits == [2.25]


def test_who_waits_for_the_queue_to_get_shorter_gets_a_turn(
    api: Api, nobody_waits: list[float], stopped_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, 'now_ms', lambda: START * 1_000 + int(sum(nobody_waits) * 1_000))
    for _ in range(9):
        UpstreamState.take(KEY, 250, clock.now_ms(), 'mine')
    UpstreamGate('mine')(Endpoint(KEY, 'https://upstream.example', min_interval_ms=250))
    assert nobody_waits == [0.5, 1.75]


def test_a_rest_after_failures_is_no_queue(api: Api) -> None:
    UpstreamState.at(KEY).update([UpstreamState.kind.set(UpstreamState), UpstreamState.open_until.set(clock.now() + 60)])
    with pytest.raises(UpstreamNotAsked, match='resting') as caught:
        UpstreamState.take(KEY, 250, clock.now_ms(), 'mine')
    assert not isinstance(caught.value, UpstreamBusy)


def fill(keys: Iterable[str]) -> None:
    """Let more requests wait at upstreams than anybody would wait for."""
    free_at = UpstreamState.free_at.set(clock.now_ms() + 60_000)
    for key in keys:
        UpstreamState.at(key).update([UpstreamState.kind.set(UpstreamState), free_at])


def empty(keys: Iterable[str]) -> None:
    for key in keys:
        UpstreamState.at(key).update([UpstreamState.free_at.set(clock.now_ms())])


@pytest.fixture
def bitcoin() -> list[str]:
    """The keys of all explorers of Bitcoin."""
    return [explorer.endpoint.key for explorer in explorers_of('btc', SEGWIT)]


@pytest.fixture
def delayed() -> Iterator[list[tuple[Any, int]]]:
    """The messages that were sent to arrive later, in order, each with its delay."""
    messages: list[tuple[Any, int]] = []
    events = queue._sqs().meta.events

    def note(params: dict[str, Any], **_: object) -> None:
        messages.extend((json.loads(one['MessageBody']), one['DelaySeconds']) for one in params['Entries'] if one['DelaySeconds'])

    events.register('provide-client-params.sqs.SendMessageBatch', note)
    yield messages
    events.unregister('provide-client-params.sqs.SendMessageBatch', note)


def refresh_as(body: Any) -> bool:
    return not refresh_job(record(body))


@pytest.mark.usefixtures('nobody_waits')
def test_an_address_that_finds_no_turn_is_tried_again_ever_later_and_did_not_fail(
    api: Api, explorer: Explorer, bitcoin: list[str], delayed: list[tuple[Any, int]]
) -> None:
    explorer.chain[SEGWIT] = payments(5)
    api.address(api.portfolio(), SEGWIT)
    fill(bitcoin)
    group = work_group(api.user_id)
    assert refresh_as({'ledger': pk_of(SEGWIT), 'seen_at': clock.now(), 'group': group})
    for _ in range(5):
        CLOCK.advance(delayed[-1][1])
        fill(bitcoin)
        assert refresh_as(delayed[-1][0])
    assert delayed == [({'ledger': pk_of(SEGWIT), 'group': group, 'waits': n + 1}, 5 * 2**n) for n in range(5)]
    assert (state(SEGWIT).failures, state(SEGWIT).lease_owner, state(SEGWIT).due_at) == (None, None, clock.now() + 120)
    assert explorer.count() == 0
    CLOCK.advance(120)
    empty(bitcoin)
    assert run_sweep() == 1
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


@pytest.mark.usefixtures('nobody_waits')
def test_an_explorer_whose_queue_is_short_takes_the_place_of_others(api: Api, explorer: Explorer, bitcoin: list[str]) -> None:
    explorer.chain[SEGWIT] = payments(5)
    api.address(api.portfolio(), SEGWIT)
    fill(bitcoin[:1])
    assert run_refresh(SEGWIT)
    assert state(SEGWIT).source == bitcoin[1]


@pytest.mark.usefixtures('nobody_waits')
def test_a_download_that_finds_no_turn_for_its_next_page_keeps_those_that_it_has(
    api: Api, explorer: Explorer, bitcoin: list[str], queues: dict[str, str]
) -> None:
    explorer.page = 10
    explorer.chain[SEGWIT] = payments(60)
    api.address(api.portfolio(), SEGWIT)

    def fill_after_third_page(_: faults.Request, answer: Answer) -> Answer:
        if explorer.count() == 4:  # the first tells the balance
            fill(bitcoin[:1])
        return answer

    explorer.fail(fill_after_third_page)
    assert run_refresh(SEGWIT)
    begun = state(SEGWIT)
    assert (begun.failures, begun.lease_owner, begun.due_at) == (None, None, clock.now())
    assert begun.incomplete == 'transactions_pending'
    assert run_refresh(SEGWIT)  # its explorer is still too busy; another would start over
    assert explorer.count() == 4
    assert state(SEGWIT).failures is None
    explorer.heal()
    empty(bitcoin)
    explorer.requests.clear()
    assert run_refresh(SEGWIT)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert explorer.count() <= 1 + 4  # the balance, and the pages that were left
    assert not dead_letters(queues).receive()


@pytest.mark.usefixtures('nobody_waits')
def test_an_account_that_finds_no_turn_did_not_fail(api: Api, kraken: Kraken, delayed: list[tuple[Any, int]]) -> None:
    api.portfolio()
    create_account(api)
    pk = f'LEDGER#ACCOUNT#{api.user_id}#000001#000001'
    message = record({'ledger': pk})
    fill(['kraken_accounts'])
    assert not refresh_accounts({'Records': [message]}, None)['batchItemFailures']
    ledger = Ledger.find(pk)
    assert ledger is not None
    assert (ledger.failures, ledger.valid, delayed) == (None, None, [({'ledger': pk, 'waits': 1}, 5)])
    empty(['kraken_accounts'])
    assert not refresh_accounts({'Records': [message]}, None)['batchItemFailures']
    assert UpstreamState.find_many(['kraken_accounts'])['kraken_accounts'].last_group == work_group(api.user_id)
