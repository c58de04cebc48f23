"""Histories with many values: nobody waits for them in a request, and those that a job could not compute in its time are refused."""

import json
import math
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from decimal import Decimal
from threading import Barrier, BrokenBarrierError, Event

import pytest

from chalicelib import clock, messages
from chalicelib.domain import currencies
from chalicelib.domain.rates import DailyClose, day_of, pair_of
from chalicelib.domain.timeline import DAY
from chalicelib.jobs import histories
from chalicelib.models import History, Item, User, add_daily_closes, read_portfolio_tree
from chalicelib.services.histories import policy, refresh, turns
from chalicelib.services.histories.compute import compute_history, value_allowance
from chalicelib.services.histories.turns import AT_ONCE, TURNS, NoTurn, Turns
from tests.support.api import ALL_SCOPES, Api, ChaliceClient
from tests.support.browser import Browser
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile
from tests.support.jobs import Json, Queue, record
from tests.support.portfolio_pages import know_rates
from tests.support.processes import PATIENCE_SECONDS, wait_until

PATHS = ('balances/history', 'balances/btc/history', 'converted/history')


@pytest.fixture(autouse=True)
def day(stopped_clock: StoppedClock) -> None:
    """The day up to which the histories last, and are as large as they are said to be here."""
    stopped_clock.move_to(int(datetime(2030, 5, 15, 10, 20, 30, tzinfo=UTC).timestamp()))


@pytest.fixture
def trees_read() -> Iterator[list[Json]]:
    """The queries for whole portfolios so far."""
    made: list[Json] = []
    events = Item.connection().client.meta.events

    def note(params: Json, **_: object) -> None:
        query = json.loads(params['body'])
        if 'Limit' not in query and 'USER#' in str(query['ExpressionAttributeValues']):
            made.append(query)

    events.register('before-call.dynamodb.Query', note)
    yield made
    events.unregister('before-call.dynamodb.Query', note)


def create(api: Api, reporting: list[str], held: list[str], since: str) -> str:
    """Create a portfolio with one offset; return its path."""
    path = f'/api/portfolios/{api.post("/api/portfolios", {"title": "x", "currencies": reporting}).json_body["result"]["id"]}'
    balances = [{'currency': code, 'balance': '1'} for code in held]
    assert api.post(f'{path}/offsets', {'title': 'o', 'since': since, 'balances': balances}).status_code == 201
    return path


def codes(number: int) -> list[str]:
    return [currency.code for currency in currencies.every()][:number]


def compute(api: Api, path: str) -> None:
    refresh.refresh(api.user_id, int(path.rpartition('/')[2]))


def test_a_small_history_is_there_at_once(api: Api):
    path = create(api, ['btc'], ['btc', 'eth'], '2020-01-01')

    assert [api.get(f'{path}/{history}').status_code for history in PATHS] == [200] * 3


def test_a_history_that_takes_long_comes_when_the_job_has_computed_it(api: Api):
    path = create(api, ['btc', 'usd', 'eur'], codes(6), '2017-01-01')  # 3 x 6 x 4,883 days

    answers = [api.get(f'{path}/{history}') for history in PATHS]
    assert [(answer.status_code, answer.json_body['code'], 'Retry-After' in answer.headers) for answer in answers] == [
        (503, 'not_ready', True)
    ] * 3
    compute(api, path)
    assert [api.get(f'{path}/{history}').status_code for history in PATHS] == [200] * 3


@pytest.mark.parametrize(('reporting', 'held', 'since'), [(50, 200, '2025-01-01'), (1, 200, '1970-01-02')])
def test_a_history_that_no_job_can_compute_says_so_and_what_to_do(api: Api, reporting: int, held: int, since: str):
    path = create(api, codes(reporting), codes(held), since)

    compute(api, path)

    for history in PATHS:
        answer = api.get(f'{path}/{history}')
        assert (answer.status_code, answer.json_body['code']) == (413, 'answer_too_large')
        assert answer.json_body['message'].endswith('report in fewer currencies, or split the portfolio')
    assert api.get(f'{path}/balances').status_code == 200


def test_a_history_that_was_too_large_is_computed_once_it_is_small(api: Api):
    path = create(api, codes(50), codes(200), '2025-01-01')
    compute(api, path)
    assert api.get(f'{path}/balances/history').status_code == 413

    [offset] = api.get(f'{path}/offsets').json_body['result']
    assert api.delete(f'{path}/offsets/{offset["id"]}').status_code == 200
    assert api.get(f'{path}/balances/history').status_code == 200
    compute(api, path)

    assert api.get(f'{path}/balances/history').status_code == 200


def test_a_page_of_a_portfolio_with_too_large_a_history_says_that_there_is_no_chart(api: Api, logged_in: Browser):
    know_rates()
    path = create(api, codes(50), codes(200), '2025-01-01')
    compute(api, path)

    logged_in.get(path.removeprefix('/api'))

    assert logged_in.status == 200
    assert 'There is no chart: it holds or reports in too many currencies for its history to be computed.' in logged_in.text
    assert 'being computed' not in logged_in.text


def test_a_page_of_several_portfolios_computes_no_more_than_one_history_takes(api: Api, logged_in: Browser):
    know_rates()
    paths = [create(api, ['usd'], codes(5), '2020-01-01') for _ in range(3)]  # each 3,788 days x (5 x 2 + 6), and the closes of 6
    awaited = 'Its history is being computed'

    logged_in.get('/portfolios')
    assert logged_in.text.count(awaited) == 2
    assert all(api.get(f'{path}/balances/history').status_code == 200 for path in paths)  # each within its own request
    for path in paths:
        compute(api, path)
    logged_in.get('/portfolios')
    assert awaited not in logged_in.text


def remaining(api: Api, path: str) -> int:
    return int(api.get(path).headers['RateLimit-Remaining'])


def test_a_history_that_a_request_computes_counts_as_several(api: Api):
    path = create(api, ['usd'], codes(5), '2020-01-01')

    before = remaining(api, path)
    assert before - remaining(api, f'{path}/balances/history') == 1 + (3_788 * 16 + 6_000) // 10_000
    compute(api, path)
    before = remaining(api, path)
    assert before - remaining(api, f'{path}/balances/history') == 1


def test_conversions_of_many_into_many_count_as_several(api: Api):
    path = create(api, codes(50), codes(200), '2025-01-01')
    api.get(f'{path}/converted')  # has all currencies followed, which are writes

    before = remaining(api, path)
    assert before - remaining(api, f'{path}/converted') == 1 + 200 * 50 // 5_000


def test_a_history_that_was_too_large_is_counted_again_as_long_as_somebody_looks(
    api: Api, queues: dict[str, str], stopped_clock: StoppedClock
):
    """A later release may compute more, and what is held may become less without a change of the portfolio."""
    path = create(api, codes(50), codes(200), '2025-01-01')
    queue = Queue(queues['cryptfolio-test-history'], histories.refresh_histories)
    queue.drain()
    assert api.get(f'{path}/balances/history').status_code == 413
    assert queue.bodies() == []  # it was looked at a moment ago

    stopped_clock.advance(40 * DAY)  # so long that it is not counted again each hour
    assert api.get(f'{path}/balances/history').status_code == 413
    [body] = queue.bodies()
    assert (body['portfolio_id'], body['seen_at']) == (1, stopped_clock.now())


def test_a_history_that_was_too_large_has_its_portfolio_read_again_only_once_that_changes_or_a_day_later(
    api: Api, queues: dict[str, str], stopped_clock: StoppedClock, trees_read: list[Json]
):
    path = create(api, codes(50), codes(200), '2025-01-01')
    queue = Queue(queues['cryptfolio-test-history'], histories.refresh_histories)
    queue.drain()
    trees_read.clear()

    for seconds in (0, 3_600, 3_600):
        stopped_clock.advance(seconds)
        compute(api, path)
        messages.portfolio_changed(api.user_id, 1, looked_at=clock.now())
        queue.drain()
    assert trees_read == []

    assert api.post(f'{path}/offsets', {'title': 'o', 'balances': [{'currency': 'btc', 'balance': '1'}]}).status_code == 201
    trees_read.clear()
    queue.drain()
    assert len(trees_read) == 1
    stopped_clock.advance(DAY)
    compute(api, path)
    assert len(trees_read) == 2


@pytest.mark.parametrize(('looked_at', 'computations'), [(None, 2), (1, 1)])
def test_what_a_ledger_brings_while_a_history_is_computed_is_in_the_next(
    api: Api, queues: dict[str, str], looked_at: int | None, computations: int
):
    """A change of the portfolio itself that comes meanwhile is in the result already, as that says which contents it is of."""
    path = create(api, ['btc'], ['btc'], '2020-01-01')
    Queue(queues['cryptfolio-test-history'], histories.refresh_histories).drain()
    before = History.get(f'HISTORY#{api.user_id}#000001', 'STATE').version

    def request() -> None:
        assert History.request_and_lease(api.user_id, 1, owner='other', now=clock.now(), looked_at=looked_at) is None

    with meanwhile('Query', request):
        compute(api, path)

    assert History.get(f'HISTORY#{api.user_id}#000001', 'STATE').version == before + computations


def test_what_a_worker_that_died_had_begun_to_write_is_written_again_though_nothing_changed(
    api: Api, queues: dict[str, str], trees_read: list[Json]
):
    create(api, ['btc'], ['btc'], '2020-01-01')
    Queue(queues['cryptfolio-test-history'], histories.refresh_histories).drain()
    history = History.get(f'HISTORY#{api.user_id}#000001', 'STATE')
    trees_read.clear()

    refresh.refresh(api.user_id, 1, looked_at=clock.now())
    assert trees_read == []
    history.update([History.rewritten_since.set(0)])
    refresh.refresh(api.user_id, 1, looked_at=clock.now())

    assert len(trees_read) == 1
    assert History.get(f'HISTORY#{api.user_id}#000001', 'STATE').rewritten_since is None


def test_of_many_changes_in_a_row_the_first_message_after_the_last_brings_all(api: Api, queues: dict[str, str], trees_read: list[Json]):
    path = create(api, ['btc'], ['btc'], '2020-01-01')
    queue = Queue(queues['cryptfolio-test-history'], histories.refresh_histories)
    for _ in range(60):
        assert api.post(f'{path}/offsets', {'title': 'o', 'balances': [{'currency': 'btc', 'balance': '1'}]}).status_code == 201
    trees_read.clear()

    queue.drain()

    assert len(trees_read) <= 4  # once again for what comes during another, and for rates that are awaited
    [newest] = api.get(f'{path}/balances/btc/history?limit=1').json_body['result']
    assert newest['balance'] == '61.0'


def test_a_portfolio_that_changes_while_its_history_takes_long_is_left_to_another_message(
    api: Api, queues: dict[str, str], delayed_messages: list[tuple[Json, int]], monkeypatch: pytest.MonkeyPatch
):
    path = create(api, ['btc'], ['btc'], '2020-01-01')
    Queue(queues['cryptfolio-test-history'], histories.refresh_histories).drain()
    delayed_messages.clear()  # rates are awaited
    before = History.get(f'HISTORY#{api.user_id}#000001', 'STATE').version
    monkeypatch.setattr(policy, 'LONG_ROUND_SECONDS', -1)

    with meanwhile('Query', lambda: History.request_and_lease(api.user_id, 1, owner='other', now=clock.now(), looked_at=None)):
        compute(api, path)

    history = History.get(f'HISTORY#{api.user_id}#000001', 'STATE')
    assert (history.version, history.lease_owner) == (before + 1, None)
    assert [(body['portfolio_id'], delay) for body, delay in delayed_messages] == [(1, 2)]


def test_histories_whose_turn_comes_late_are_left_to_another_run(
    api: Api, queues: dict[str, str], delayed_messages: list[tuple[Json, int]], monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock
):
    path = create(api, ['btc'], ['btc'], '2020-01-01')
    Queue(queues['cryptfolio-test-history'], histories.refresh_histories).drain()
    delayed_messages.clear()  # rates are awaited
    message = record({'user_id': api.user_id, 'portfolio_id': int(path.rpartition('/')[2])})
    with monkeypatch.context() as patch:
        patch.setattr(histories, 'SLICE_SECONDS', -1)
        assert histories.refresh_histories({'Records': [message]}, None) == {'batchItemFailures': []}
    before = History.get(f'HISTORY#{api.user_id}#000001', 'STATE').version

    deliver_again(delayed_messages, stopped_clock)

    assert History.get(f'HISTORY#{api.user_id}#000001', 'STATE').version == before + 1


def deliver_again(delayed_messages: list[tuple[Json, int]], stopped_clock: StoppedClock) -> None:
    """Hand over the one message that was sent to arrive later, when it arrives."""
    [(body, delay)] = delayed_messages
    stopped_clock.advance(delay)
    assert histories.refresh_histories({'Records': [record(body)]}, None) == {'batchItemFailures': []}


def test_a_process_that_handles_several_batches_computes_two_histories_at_once(http: ChaliceClient, make_user: Callable[[str], User]):
    """As a home server's does."""
    users = [Api(http, make_user(f'{name}@example.com').user_id, ALL_SCOPES) for name in ('ann', 'bob', 'eve')]
    for user in users:
        create(user, ['btc'], ['btc'], '2020-01-01')
    three_at_once = Barrier(3)

    def meet(**_: object) -> None:
        with suppress(BrokenBarrierError):
            three_at_once.wait(0.3)  # which nobody waits for again once it was in vain

    events = Item.connection().client.meta.events
    events.register('before-call.dynamodb.Query', meet)
    with ThreadPoolExecutor(3) as pool:
        for user in users:
            message = record({'user_id': user.user_id, 'portfolio_id': 1})
            pool.submit(histories.refresh_histories, {'Records': [message]}, None)
    events.unregister('before-call.dynamodb.Query', meet)

    assert three_at_once.broken
    assert all(History.get(f'HISTORY#{user.user_id}#000001', 'STATE').is_computed for user in users)


@pytest.fixture
def all_turns() -> Iterator[ExitStack]:
    """Turns that others have until this is closed."""
    with ExitStack() as taken:
        for number in range(AT_ONCE):
            taken.enter_context(TURNS.of(f'somebody else {number}', math.inf))
        yield taken


@pytest.mark.parametrize('looked_at', [None, 1])
def test_while_a_history_waits_for_its_turn_other_messages_about_it_end_at_once_and_are_in_it(
    api: Api, queues: dict[str, str], all_turns: ExitStack, delayed_messages: list[tuple[Json, int]], looked_at: int | None
):
    """A page that is looked at sends one each time; these would each have waited for a turn."""
    create(api, ['btc'], ['btc'], '2020-01-01')
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(refresh.refresh, api.user_id, 1, deadline=clock.monotonic() + PATIENCE_SECONDS)
        wait_until(lambda: TURNS._waiting == [api.user_id])
        for _ in range(5):
            refresh.refresh(api.user_id, 1, looked_at=looked_at, deadline=clock.monotonic() + 0.1)
        assert (first.done(), delayed_messages) == (False, [])
        all_turns.close()
        first.result(PATIENCE_SECONDS)

    history = History.get(f'HISTORY#{api.user_id}#000001', 'STATE')
    assert (history.version, history.lease_owner) == (1, None)


def test_a_history_that_has_what_is_announced_needs_no_turn(api: Api, queues: dict[str, str]):
    compute(api, create(api, ['btc'], ['btc'], '2020-01-01'))
    before = History.get(f'HISTORY#{api.user_id}#000001', 'STATE')

    refresh.refresh(api.user_id, 1, looked_at=clock.now(), deadline=-math.inf)

    history = History.get(f'HISTORY#{api.user_id}#000001', 'STATE')
    assert (history.version, history.requests, history.lease_owner) == (before.version, before.requests + 1, None)


def test_a_history_that_gets_no_turn_in_time_is_left_to_another_message(
    api: Api,
    queues: dict[str, str],
    all_turns: ExitStack,
    trees_read: list[Json],
    delayed_messages: list[tuple[Json, int]],
    stopped_clock: StoppedClock,
):
    path = create(api, ['btc'], ['btc'], '2020-01-01')
    trees_read.clear()

    refresh.refresh(api.user_id, 1, deadline=clock.monotonic() + 0.1)
    for _ in range(5):  # while its message is on its way
        refresh.refresh(api.user_id, 1, looked_at=clock.now())

    assert trees_read == []
    all_turns.close()
    deliver_again(delayed_messages, stopped_clock)
    assert api.get(f'{path}/balances/btc/history?limit=1').json_body['result'][0]['balance'] == '1.0'
    assert History.get(f'HISTORY#{api.user_id}#000001', 'STATE').version == 1


def test_a_history_that_gets_no_turn_and_cannot_be_left_to_another_message_is_left_to_its_own(
    api: Api, queues: dict[str, str], all_turns: ExitStack, no_messages: None
):
    create(api, ['btc'], ['btc'], '2020-01-01')

    with pytest.raises(ConnectionError):
        refresh.refresh(api.user_id, 1, deadline=clock.monotonic() + 0.1)

    assert History.get(f'HISTORY#{api.user_id}#000001', 'STATE').lease_owner is None


def test_what_a_ledger_brought_before_a_worker_died_is_in_the_next_history(api: Api, queues: dict[str, str], trees_read: list[Json]):
    """The message that the worker had comes again, and says only that somebody looked."""
    compute(api, create(api, ['btc'], ['btc'], '2020-01-01'))
    history = History.get(f'HISTORY#{api.user_id}#000001', 'STATE')
    history.update([History.requests.add(1), History.ledger_requests.add(1)])  # while another worker had the lease
    trees_read.clear()

    refresh.refresh(api.user_id, 1, looked_at=clock.now())

    assert len(trees_read) == 1


def test_the_next_history_is_of_whose_last_is_longest_ago():
    """However many of somebody else's wait: each of a thousand changes of theirs may bring a large one."""
    one_turn, order, unblocked = Turns(1), [], Event()

    def compute(user: str, starts: Event) -> None:
        with one_turn.of(user, math.inf):
            order.append(user)
            starts.set()
            unblocked.wait(PATIENCE_SECONDS)

    first = Event()
    with ThreadPoolExecutor(8) as pool:
        pool.submit(compute, 'eve', first)
        assert first.wait(PATIENCE_SECONDS)
        for number, user in enumerate(['eve'] * 4 + ['ann', 'bob'], 1):
            pool.submit(compute, user, Event())
            wait_until(lambda number=number: len(one_turn._waiting) == number)
        unblocked.set()

    assert order == ['eve', 'ann', 'bob', *['eve'] * 4]


@pytest.fixture
def pooled() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def two_turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Turns of which any that takes processor time at all is long."""
    monkeypatch.setattr(turns, 'LONG_SECONDS', 0)
    return Turns(2)


def compute_for_long(two_turns: Turns, *users: str) -> None:
    for user in users:
        with two_turns.of(user, math.inf):
            sum(range(100_000))


def test_users_whose_histories_take_long_leave_a_turn_to_others(two_turns: Turns):
    compute_for_long(two_turns, 'eve', 'mallory')

    with two_turns.of('eve', math.inf):
        with pytest.raises(NoTurn), two_turns.of('mallory', clock.monotonic() + 0.1):
            pass
        with two_turns.of('ann', clock.monotonic() + PATIENCE_SECONDS) as has_waited:
            assert not has_waited


def test_one_of_the_users_whose_histories_take_long_waits(two_turns: Turns, monkeypatch: pytest.MonkeyPatch, pooled: ThreadPoolExecutor):
    """So that the threads that receive messages are there for others, however many messages of however many of them there are."""
    compute_for_long(two_turns, 'eve', 'mallory', 'bob')
    monkeypatch.setattr(turns, 'LONG_SECONDS', math.inf)

    with two_turns.of('eve', math.inf):
        waiting = pooled.submit(compute_for_long, two_turns, 'mallory')
        wait_until(lambda: two_turns._waiting == ['mallory'])
        for user in ('eve', 'mallory', 'bob'):
            assert type(pooled.submit(compute_for_long, two_turns, user).exception(PATIENCE_SECONDS)) is NoTurn
        for _ in range(2):  # the second time after mallory's last
            with two_turns.of('ann', clock.monotonic() + PATIENCE_SECONDS) as has_waited:
                assert not has_waited
    waiting.result(PATIENCE_SECONDS)


def test_of_users_whose_histories_take_long_the_next_is_whose_last_is_longest_ago(two_turns: Turns):
    """However often somebody else asks: a user with many portfolios has many messages."""
    compute_for_long(two_turns, 'mallory', 'eve')
    with two_turns.of('eve', math.inf):
        for user in ('eve', 'mallory', 'eve'):
            with pytest.raises(NoTurn), two_turns.of(user, clock.monotonic() + 0.1):
                pass

    with pytest.raises(NoTurn), two_turns.of('eve', math.inf):
        pass
    compute_for_long(two_turns, 'mallory', 'eve')


def test_who_asked_for_a_turn_and_does_not_come_again_keeps_nobody_from_it(two_turns: Turns, stopped_clock: StoppedClock):
    compute_for_long(two_turns, 'mallory', 'eve')
    with two_turns.of('eve', math.inf), pytest.raises(NoTurn), two_turns.of('mallory', clock.monotonic() + 0.1):
        pass
    with pytest.raises(NoTurn), two_turns.of('eve', math.inf):
        pass

    stopped_clock.advance(3 * policy.TURN_SECONDS)

    compute_for_long(two_turns, 'eve')


def test_messages_of_a_user_that_got_no_turn_ask_again_one_in_a_second(two_turns: Turns, stopped_clock: StoppedClock):
    """However many portfolios of theirs changed: hundreds that asked each five seconds slowed the table down for others."""
    compute_for_long(two_turns, 'eve', 'mallory')

    def refused_for(user: str) -> int:
        with pytest.raises(NoTurn) as refusal, two_turns.of(user, clock.monotonic() + 0.01):
            pass
        return refusal.value.seconds

    with two_turns.of('eve', math.inf):
        assert [refused_for('eve') for _ in range(4)] == [5, 6, 7, 8]
        assert refused_for('mallory') == 5
        stopped_clock.advance(60)
        assert refused_for('eve') == 5
        assert [refused_for('eve') for _ in range(1_000)][-1] == 180


def test_users_whose_histories_are_short_take_turns_with_one_whose_histories_take_long(
    two_turns: Turns, monkeypatch: pytest.MonkeyPatch, pooled: ThreadPoolExecutor
):
    """However many of theirs wait: each change of theirs brings one."""
    compute_for_long(two_turns, 'eve')
    monkeypatch.setattr(turns, 'LONG_SECONDS', math.inf)
    order: list[str] = []

    def compute(user: str) -> None:
        with two_turns.of(user, math.inf):
            order.append(user)

    with ExitStack() as taken:
        for user in ('ann', 'bob'):
            taken.enter_context(two_turns.of(user, math.inf))
        computing = []
        for number, user in enumerate(['ann', 'bob', 'ann', 'bob', 'eve'], 1):
            computing.append(pooled.submit(compute, user))
            wait_until(lambda number=number: len(two_turns._waiting) == number)
        taken.close()
        for one in computing:
            one.result(PATIENCE_SECONDS)

    assert order[0] == 'eve'


def test_a_user_has_one_turn_at_a_time(pooled: ThreadPoolExecutor):
    """The other one is there for who comes next."""
    two_turns = Turns(2)
    with two_turns.of('ann', math.inf):
        second = pooled.submit(compute_for_long, two_turns, 'ann')
        wait_until(lambda: two_turns._waiting == ['ann'])
        with two_turns.of('bob', clock.monotonic() + PATIENCE_SECONDS) as has_waited:
            assert not has_waited
        assert not second.done()
    second.result(PATIENCE_SECONDS)


def test_who_waits_while_their_history_turns_out_to_take_long_waits_no_more(two_turns: Turns):
    """So that the threads that receive messages are there for others."""
    with ExitStack() as taken, ThreadPoolExecutor(4) as pool:
        taken.enter_context(two_turns.of('mallory', math.inf))
        sum(range(100_000))
        with two_turns.of('bob', math.inf):
            waiting = [pool.submit(compute_for_long, two_turns, 'mallory') for _ in range(4)]
            wait_until(lambda: len(two_turns._waiting) == 4)
            taken.close()
            assert [type(one.exception(PATIENCE_SECONDS)) for one in waiting] == [NoTurn] * 4


def test_after_ten_minutes_nobody_s_histories_are_known_to_take_long(two_turns: Turns, stopped_clock: StoppedClock):
    compute_for_long(two_turns, 'eve', 'mallory')

    stopped_clock.advance(601)

    with two_turns.of('eve', math.inf), two_turns.of('mallory', math.inf):
        pass


def test_the_rates_of_one_day_at_a_time_are_in_memory(api: Api):
    """Those of all days were more than all else."""
    held, days = codes(30), 100
    today = clock.now() // DAY * DAY
    for code in held:
        closes = [DailyClose(day_of(today - day * DAY), *pair_of(code), Decimal(day + 1), 'test') for day in range(days)]
        add_daily_closes(pair_of(code), closes, clock.now())
    path = create(api, ['usd', 'eur'], held, day_of(today - days * DAY).isoformat())
    key = api.user_id, int(path.rpartition('/')[2])
    contents = read_portfolio_tree(*key)

    tracemalloc.start()
    computed = compute_history(contents, [], None, clock.now(), value_allowance(100_000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert any(state.values for _, state in computed.states)
    assert most < 35_000 * days
