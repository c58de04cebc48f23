"""Explorers that fail: what is served meanwhile, who is told, how often they are asked, and how it ends."""

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from chalicelib import clock, queue
from chalicelib.formats import format_instant
from chalicelib.models import Ledger, UpstreamState
from infra.fake_upstreams import faults
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import MUTATIONS
from tests.support.jobs import dead_letters, purge_queue, record, refresh_job, refresh_queue, run_refresh, run_sweep
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, assert_whole, pk_of, state, watchers

MANY = [
    SEGWIT,
    TAPROOT,
    'bc1qp7lwd7dhgkgpqyccs9fjpqcdcjdeqpnnzhsdte',
    'bc1qaxxukj5fgexluc40cvxw4kpsu2vajqlhdfwc0z',
    'bc1qjfyvsnzt7kv86q0sjhz9fpa2d3pd86gpjugu7v',
    '3QHkmg5hHQjjLhZb7qVpHKRncu8MkY7vB9',
]


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


@pytest.fixture
def segwit(api: Api, portfolio: int) -> str:
    return f'/api/portfolios/{portfolio}/addresses/{api.address(portfolio, SEGWIT)}'


@pytest.fixture
def delays() -> Iterator[list[int]]:
    """The visibility time-outs given to failed messages, in order."""
    given: list[int] = []
    events = queue._sqs().meta.events

    def note(params: dict[str, int], **_: object) -> None:
        given.append(params['VisibilityTimeout'])

    events.register('provide-client-params.sqs.ChangeMessageVisibility', note)
    yield given
    events.unregister('provide-client-params.sqs.ChangeMessageVisibility', note)


def test_while_no_explorer_answers_the_last_value_is_served(api: Api, explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(5)
    assert run_refresh(SEGWIT)
    before = api.get(f'{segwit}/balances').json_body['result']
    explorer.fail(faults.down)
    CLOCK.advance(3_000)
    assert not run_refresh(SEGWIT)
    after = api.get(f'{segwit}/balances').json_body
    assert (after['result'][0]['balance'], after['complete']) == (before[0]['balance'], True)
    assert after['result'][0]['updated_at'] == before[0]['updated_at']


def test_while_nothing_was_ever_known_the_answer_is_not_ready_with_a_time(api: Api, explorer: Explorer, segwit: str) -> None:
    explorer.fail(faults.down)
    assert not run_refresh(SEGWIT)
    assert wait(api, f'{segwit}/balances') == 10  # until the next attempt
    CLOCK.advance(4)
    assert wait(api, f'{segwit}/balances') == 6
    CLOCK.advance(6)
    assert wait(api, f'{segwit}/balances') == 2  # any moment now
    assert not run_refresh(SEGWIT)
    assert wait(api, f'{segwit}/balances') == 20


def wait(api: Api, path: str) -> int:
    """Return how many seconds ahead the time is at which to try again."""
    response = api.get(path)
    assert (response.status_code, response.json_body['code']) == (503, 'not_ready')
    ahead = int(datetime.fromisoformat(response.json_body['try_again_at']).timestamp()) - CLOCK.now()
    assert response.headers['Retry-After'] == str(ahead)
    return ahead


@pytest.mark.parametrize('path', ['addresses/1/balances', 'addresses/1/transactions', 'balances', 'balances/history', 'converted'])
def test_the_time_to_try_again_is_near_at_first_and_then_ever_twice_as_far(
    api: Api, segwit: str, path: str, requests_made: list[str]
) -> None:
    waits = []
    requests_made.clear()
    for _ in range(9):
        waits.append(wait(api, f'/api/portfolios/1/{path}'))
        CLOCK.advance(waits[-1])
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert not {*requests_made} & {*MUTATIONS}


def test_while_a_worker_reads_the_time_to_try_again_counts_from_when_it_began(api: Api, segwit: str) -> None:
    CLOCK.advance(100)
    Ledger.lease(pk_of(SEGWIT), owner='somebody', now=CLOCK.now(), looked_at=None)
    assert wait(api, f'{segwit}/balances') == 2
    CLOCK.advance(2)
    assert wait(api, f'{segwit}/balances') == 4


def test_of_several_ledgers_the_next_one_is_waited_for(api: Api, explorer: Explorer, portfolio: int, segwit: str) -> None:
    explorer.fail(faults.down)
    for _ in range(3):
        assert not run_refresh(SEGWIT)
    assert wait(api, f'/api/portfolios/{portfolio}/balances') == 40
    api.address(portfolio, TAPROOT)
    assert wait(api, f'/api/portfolios/{portfolio}/balances') == 2


def test_a_history_is_near_from_when_something_was_observed(api: Api, explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(1)
    CLOCK.advance(60)
    assert run_refresh(SEGWIT)
    assert wait(api, '/api/portfolios/1/balances/history') == 2
    CLOCK.advance(2)
    assert wait(api, '/api/portfolios/1/converted/history') == 4
    CLOCK.advance(3_600)
    assert wait(api, '/api/portfolios/1/balances/history') == 2  # nobody asked for it in between


def test_the_error_names_every_explorer(explorer: Explorer, segwit: str) -> None:
    explorer.fail(faults.down, 'blockstream')
    explorer.fail(faults.status(502), 'mempool')
    explorer.fail(faults.html, 'blockchain_info')
    assert not run_refresh(SEGWIT)
    error = state(SEGWIT).last_error or ''
    for named in ('blockstream: cannot be reached', 'mempool: returned 502', 'blockchain_info: returned something that is not JSON'):
        assert named in error


def test_a_message_that_keeps_failing_waits_longer_each_time_and_ends_in_the_dead_letter_queue(
    explorer: Explorer, segwit: str, queues: dict[str, str], delays: list[int]
) -> None:
    explorer.fail(faults.down)
    for _ in range(5):
        assert refresh_queue(queues).deliver() == 1
        CLOCK.advance(901)
    given = [delay for delay in delays if delay]
    assert given == sorted(given)
    assert len(set(given)) == len(given) == 5
    assert refresh_queue(queues).deliver() == 0
    assert [body['ledger'] for body in dead_letters(queues).bodies()] == [pk_of(SEGWIT)]


def test_a_ledger_that_fails_is_tried_again_ever_later_and_soon_again_once_it_worked(explorer: Explorer, segwit: str) -> None:
    explorer.chain[SEGWIT] = payments(3)
    explorer.fail(faults.down)
    waits = []
    for _ in range(5):
        assert not run_refresh(SEGWIT)
        waits.append(round(state(SEGWIT).due_at - clock.now(), -1))
        CLOCK.advance(901)
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    assert state(SEGWIT).failures == 5
    explorer.heal()
    assert run_refresh(SEGWIT)
    assert (state(SEGWIT).failures, state(SEGWIT).last_error) == (None, None)
    assert_whole(SEGWIT, explorer.chain[SEGWIT])


def test_a_failing_explorer_is_asked_three_times_not_once_per_address(explorer: Explorer, api: Api, portfolio: int) -> None:
    explorer.fail(faults.status(502), 'blockstream')
    for address in MANY:
        api.address(portfolio, address)
        assert run_refresh(address)
    assert explorer.count('blockstream') == 3


def test_failures_at_the_same_time_count_as_one_outage(explorer: Explorer, api: Api, portfolio: int) -> None:
    """Ten requests that were under way together say no more than one about how long to stay away."""
    for address in MANY:
        api.address(portfolio, address)
    explorer.fail(lambda request, answer: faults.down(request, faults.slow(0.3)(request, answer)), 'blockstream')
    assert run_refresh(*MANY)
    open_until = UpstreamState.get('BUCKET#blockstream', 'BUCKET').open_until or 0
    assert open_until - clock.now() <= 60


def test_an_explorer_that_fails_again_after_its_rest_rests_longer(explorer: Explorer, api: Api, portfolio: int) -> None:
    explorer.fail(faults.down, 'blockstream')
    rests = []
    for address in MANY:
        api.address(portfolio, address)
        assert run_refresh(address)
        rests.append((UpstreamState.get('BUCKET#blockstream', 'BUCKET').open_until or 0) - clock.now())
        CLOCK.advance(901)
    assert rests[2:] == sorted(rests[2:])
    assert 0 < rests[2] < rests[-1] <= 900


def test_an_explorer_that_works_again_after_its_rest_is_asked_as_before(explorer: Explorer, api: Api, portfolio: int) -> None:
    explorer.fail(faults.down, 'blockstream')
    for address in MANY[:4]:
        api.address(portfolio, address)
        assert run_refresh(address)
    explorer.heal()
    CLOCK.advance(901)
    for address in MANY[4:]:
        api.address(portfolio, address)
        assert run_refresh(address)
        assert state(address).source == 'blockstream'
    assert UpstreamState.get('BUCKET#blockstream', 'BUCKET').failures == 0


@pytest.mark.parametrize(('header', 'seconds'), [('77', 77), ('100000', 3600), (None, 30)])
def test_an_explorer_that_says_we_ask_too_often_is_left_alone_for_as_long_as_it_says(
    explorer: Explorer, api: Api, portfolio: int, header: str | None, seconds: int
) -> None:
    explorer.fail(faults.status(429, **({'Retry_After': header} if header else {})), 'blockstream')
    for address in MANY[:3]:
        api.address(portfolio, address)
        assert run_refresh(address)
    assert explorer.count('blockstream') == 1
    assert (UpstreamState.get('BUCKET#blockstream', 'BUCKET').open_until or 0) - clock.now() == pytest.approx(seconds, abs=3)


def test_an_address_that_an_explorer_refuses_does_not_count_against_it(explorer: Explorer, api: Api, portfolio: int) -> None:
    explorer.fail(faults.status(400, 'Invalid Bitcoin address'), 'blockstream')
    for address in MANY:
        api.address(portfolio, address)
        assert run_refresh(address)
    assert explorer.count('blockstream') == len(MANY)


def test_two_people_with_one_address_cost_one_download_and_both_see_when(
    explorer: Explorer, api: Api, other: Api, queues: dict[str, str]
) -> None:
    explorer.chain[SEGWIT] = payments(3)
    paths = []
    for person in (api, other):
        portfolio = person.portfolio()
        paths.append((person, portfolio, f'/api/portfolios/{portfolio}/addresses/{person.address(portfolio, SEGWIT)}'))
        refresh_queue(queues).drain()
    assert explorer.count() == 2
    for person, portfolio, path in paths:
        assert person.get(f'{path}/balances').status_code == 200
        assert person.get(path).json_body['result']['txns_last_updated'] is not None
        assert person.get(f'/api/portfolios/{portfolio}').json_body['result']['balances_last_updated'] is not None


def test_when_one_of_two_people_leaves_an_address_the_other_keeps_it(
    explorer: Explorer, api: Api, other: Api, queues: dict[str, str]
) -> None:
    explorer.chain[SEGWIT] = payments(3)
    gone = f'/api/portfolios/{api.portfolio()}/addresses/{api.address(1, SEGWIT)}'
    kept = f'/api/portfolios/{other.portfolio()}/addresses/{other.address(1, SEGWIT)}'
    refresh_queue(queues).drain()
    api.delete(gone)
    explorer.chain[SEGWIT] = payments(4)
    CLOCK.advance(3_000)
    refresh_queue(queues).drain()
    assert watchers(SEGWIT) == 1
    assert_whole(SEGWIT, explorer.chain[SEGWIT])
    assert len(other.get(f'{kept}/transactions').json_body['result']) == 4


def test_somebody_who_joins_while_an_address_is_read_sees_when_it_was(
    explorer: Explorer, api: Api, other: Api, segwit: str, queues: dict[str, str]
) -> None:
    """Theirs may come with the next refresh, which comes at once."""
    explorer.chain[SEGWIT] = payments(3)
    refresh_queue(queues).bodies()
    portfolio = other.portfolio()
    joined: list[int] = []
    explorer.before = lambda _: joined.append(other.address(portfolio, SEGWIT)) if explorer.count() == 1 else None
    assert run_refresh(SEGWIT)
    refresh_queue(queues).drain()
    child = other.get(f'/api/portfolios/{portfolio}/addresses/{joined[0]}').json_body['result']
    assert child['txns_last_updated'] == format_instant(clock.now())


def test_an_address_that_moves_while_it_is_read_is_not_told_when_the_old_one_was(
    explorer: Explorer, api: Api, portfolio: int, segwit: str
) -> None:
    explorer.chain[SEGWIT] = payments(3)
    moved: list[int] = []

    def move(_: object) -> None:
        if not moved:
            moved.append(api.patch(segwit, {'address': LEGACY}).status_code)

    explorer.before = move
    assert run_refresh(SEGWIT)
    assert moved == [200]
    child = api.get(segwit).json_body['result']
    assert (child['address'], child['txns_last_updated']) == (LEGACY, None)


def test_the_sweep_sends_what_is_due_and_only_once(explorer: Explorer, api: Api, portfolio: int, queues: dict[str, str]) -> None:
    for address in MANY:
        api.address(portfolio, address)
    refresh_queue(queues).bodies()
    assert run_sweep() == len(MANY)
    assert run_sweep() == 0
    assert {body['ledger'] for body in refresh_queue(queues).bodies()} == set(map(pk_of, MANY))


def test_what_was_sent_and_lost_is_sent_again_after_a_while(explorer: Explorer, segwit: str, queues: dict[str, str]) -> None:
    assert run_sweep() == 1
    refresh_queue(queues).bodies()
    CLOCK.advance(301)
    assert run_sweep() == 1
    refresh_queue(queues).drain()
    assert_whole(SEGWIT, [])
    assert run_sweep() == 0


def test_the_sweep_sends_a_ledger_whose_worker_died(explorer: Explorer, segwit: str, queues: dict[str, str]) -> None:
    refresh_queue(queues).bodies()
    Ledger.lease(pk_of(SEGWIT), owner='dead', now=clock.now(), looked_at=None)
    assert run_sweep() == 0
    CLOCK.advance(Ledger.LEASE_SECONDS + 1)
    assert run_sweep() == 1
    refresh_queue(queues).drain()
    assert_whole(SEGWIT, [])


def test_the_sweep_sends_a_purge_whose_message_was_lost_to_its_queue(api: Api, portfolio: int, queues: dict[str, str]) -> None:
    api.delete(f'/api/portfolios/{portfolio}')
    assert purge_queue(queues).bodies() == [{'user_id': api.user_id, 'portfolio_id': portfolio}]
    assert run_sweep() == 1
    assert refresh_queue(queues).bodies() == []
    purge_queue(queues).drain()
    assert run_sweep() == 0


def test_a_ledger_of_a_day_ago_that_somebody_looks_at_is_sent_for(
    api: Api, explorer: Explorer, segwit: str, queues: dict[str, str]
) -> None:
    assert run_refresh(SEGWIT)
    refresh_queue(queues).bodies()
    CLOCK.advance(3_000)
    assert api.get(f'{segwit}/balances').status_code == 200
    [body] = refresh_queue(queues).bodies()
    assert (body['ledger'], body['seen_at']) == (pk_of(SEGWIT), clock.now())
    assert refresh_job(record(body)) == []
    assert api.get(f'{segwit}/balances').status_code == 200
    assert refresh_queue(queues).bodies() == []


def test_no_message_holds_more_than_keys(api: Api, explorer: Explorer, queues: dict[str, str], portfolio: int) -> None:
    api.address(portfolio, LEGACY, title='a secret title')
    assert 'secret' not in json.dumps(refresh_queue(queues).bodies())


def test_the_past_of_an_address_stays_when_explorers_take_to_refusing_it(api: Api, portfolio: int, segwit: str, explorer: Explorer) -> None:
    balances = f'/api/portfolios/{portfolio}/balances/btc'
    at = format_instant(CLOCK.now()).replace('+', '%2B')
    explorer.chain[SEGWIT] = payments(1)
    assert run_refresh(SEGWIT)
    before = api.get(balances).json_body['result']
    assert (before['balance'] != '0.0', before['complete']) == (True, True)
    CLOCK.advance(3 * 86_400)
    explorer.fail(faults.status(400, 'Invalid Bitcoin address'))
    assert run_refresh(SEGWIT)
    assert state(SEGWIT).valid is False

    now, then = (api.get(path).json_body['result'] for path in (balances, f'{balances}?at={at}'))
    assert (now['balance'], now['complete'], now['missing'][0]['reason']) == (before['balance'], False, 'invalid_address')
    assert (then['balance'], then['complete']) == (before['balance'], True)
