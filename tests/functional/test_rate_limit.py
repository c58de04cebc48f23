"""How many requests a user, or a network, may make in a minute: what answers tell, what is refused, and what counting costs."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Response
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import charges, clock, telemetry
from chalicelib.config import settings
from chalicelib.domain import currencies
from chalicelib.errors import NotFound, TooManyRequests
from chalicelib.http_io import rate_limiter
from chalicelib.http_io.rate_limiter import MOST_TRACKED, Limiter
from chalicelib.models import Address, ApiKey, Item, RequestCount, ShareLink, User, transact
from chalicelib.oauth import signing
from tests.support.api import ALL_SCOPES, Api
from tests.support.browser import Browser
from tests.support.clock import StoppedClock
from tests.support.dynamodb import refusing, table

FORM = {'Content-Type': 'application/x-www-form-urlencoded'}
LIMIT, STEP, EARLY = 25, 10, 5
FREE = '/api/portfolios/1/balances/nosuch'  # a private path that reads nothing
NAMES = ('RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset')


@pytest.fixture(autouse=True)
def _early_in_the_minute(stopped_clock: StoppedClock) -> None:
    """Five seconds into a minute."""
    stopped_clock.move_to(stopped_clock.now() // 60 * 60 + EARLY)


def link_of(user_id: str, number: int) -> str:
    """Return the path of a new link to a portfolio."""
    how: Any = {'name': 'x', 'shows_amounts': False, 'expires_at': clock.now() + 3_600, 'now': clock.now()}
    token, writes = ShareLink.creation(user_id, number, **how)
    transact(*writes)
    return f'/s/{token}'


def follow(http: ChaliceClient, link: str, networks: int = 1) -> list[int]:
    """Return the statuses of what so many networks that asked for nothing yet get for a link."""
    statuses = []
    for _ in range(networks):
        rate_limiter.network_limiter.cache_clear()
        statuses.append(http.http.get(link).status_code)
    return statuses


def large_portfolio(api: Api) -> int:
    """Return the number of a portfolio that takes dozens of requests to read, as its history is not computed yet."""
    number = api.portfolio()
    balances = [{'currency': currency.code, 'balance': '1'} for currency in currencies.every()[:30]]
    assert api.post(f'/api/portfolios/{number}/offsets', {'title': 'o', 'balances': balances}).status_code == 201
    return number


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Return a function that sets the limit, which is 25, and starts to count anew."""

    def change(number: int) -> None:
        monkeypatch.setenv('RATE_LIMIT', str(number))
        settings.cache_clear()
        rate_limiter.limiter.cache_clear()
        settings()

    change(LIMIT)
    yield change
    monkeypatch.undo()
    settings.cache_clear()
    rate_limiter.limiter.cache_clear()
    settings()


@pytest.fixture
def another_process() -> Callable[[], None]:
    """Return a function that lets the next requests be answered by a process that has counted nothing yet."""
    return rate_limiter.limiter.cache_clear


@pytest.fixture
def _capacity_of_aws() -> Iterator[None]:
    """What DynamoDB charges for batches of ledgers; emulations of it charge as they like."""

    def charge(parsed: dict[str, Any], **_: Any) -> None:
        parsed['ConsumedCapacity'] = [{'CapacityUnits': 60.0}]

    events = Item.connection().client.meta.events
    events.register_first('after-call.dynamodb.BatchGetItem', charge)
    yield
    events.unregister('after-call.dynamodb.BatchGetItem', charge)


def told(response: HTTPResponse) -> list[str]:
    return [response.headers[name] for name in NAMES]


def ask(api: Api, times: int = 1) -> HTTPResponse:
    """Make requests; return the last answer."""
    for _ in range(times - 1):
        api.get(FREE)
    return api.get(FREE)


class TestAnswers:
    def test_every_answer_to_a_token_tells_the_limit_what_is_left_and_the_seconds_until_it_is_whole_again(self, api: Api):
        answers = [
            api.post('/api/portfolios', {'title': 'x', 'currencies': ['btc']}),
            api.get('/api/portfolios/1'),
            api.get('/api/portfolios/99'),
            api.post('/api/portfolios', {}),
            api.post('/api/portfolios', b'{'),
        ]
        answers.append(api.request('GET', '/api/portfolios/1', headers={'If-None-Match': '*'}))

        assert [answer.status_code for answer in answers] == [201, 200, 404, 422, 400, 304]
        assert [told(answer) for answer in answers] == [['25', str(left), '55'] for left in (24, 23, 22, 21, 20, 19)]

    def test_who_asks_more_often_is_refused_in_the_envelope_until_the_minute_is_over(self, api: Api, stopped_clock: StoppedClock):
        assert [ask(api).status_code for _ in range(LIMIT)] == [404] * LIMIT
        stopped_clock.advance(40)

        refused = ask(api)

        assert refused.status_code == 429
        assert told(refused) == ['25', '0', '15']
        assert refused.headers['Retry-After'] == '15'
        assert refused.headers['Content-Type'] == 'application/json'
        assert {name: refused.json_body[name] for name in ('success', 'code')} == {'success': False, 'code': 'too_many_requests'}
        stopped_clock.advance(15)
        again = ask(api)
        assert (again.status_code, told(again)) == (404, ['25', '24', '60'])

    def test_the_last_second_of_a_minute_still_belongs_to_it(self, api: Api, stopped_clock: StoppedClock):
        ask(api, LIMIT)
        stopped_clock.advance(54)

        assert (ask(api).status_code, told(ask(api))) == (429, ['25', '0', '1'])

    def test_a_refused_request_is_not_carried_out(self, api: Api, stopped_clock: StoppedClock):
        ask(api, LIMIT)

        assert api.post('/api/portfolios', {'title': 'x', 'currencies': ['btc']}).status_code == 429
        stopped_clock.advance(60)
        assert api.get('/api/portfolios').json_body['result'] == []

    def test_a_refusal_is_logged(self, api: Api, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.INFO, 'chalicelib')

        ask(api, LIMIT + 1)

        assert caplog.messages[-1].startswith('GET /api/portfolios/{portfolio_id}/balances/{currency} 429')

    def test_a_minute_that_is_over_counts_for_nothing(self, api: Api, stopped_clock: StoppedClock):
        ask(api, LIMIT - 1)
        stopped_clock.advance(60)

        assert told(ask(api, LIMIT)) == ['25', '0', '55']

    def test_a_limit_of_zero_is_none(self, api: Api, limit: Callable[[int], None]):
        limit(0)

        answer = ask(api, LIMIT + 1)

        assert answer.status_code == 404
        assert not set(NAMES) & set(answer.headers)


class TestWhoIsCounted:
    def test_another_user_is_counted_apart(self, api: Api, other: Api):
        ask(api, LIMIT + 1)

        assert told(ask(other))[1] == '24'

    def test_all_applications_and_api_keys_of_a_user_are_counted_together(self, api: Api):
        ask(api)
        key = ApiKey.create(api.user_id, name='One', scopes=['read'], now=1)[1]
        token = signing.access_token(user_id=api.user_id, client_id='another-app', scopes=['read'], family='other')

        answers = [api.request('GET', FREE, headers={'Authorization': f'Bearer {credential}'}) for credential in (key, token)]

        assert [told(answer)[1] for answer in answers] == ['23', '22']

    @pytest.mark.parametrize('path', ['/api/currencies', '/api/status', '/', '/login', '/.well-known/jwks.json', '/oauth/token', '/nosuch'])
    def test_what_needs_no_token_is_neither_counted_nor_refused(self, api: Api, http: ChaliceClient, path: str):
        ask(api, LIMIT + 1)

        answer = api.get(path)

        assert answer.status_code != 429
        assert not set(NAMES) & set(answer.headers)


class TestSeveralProcesses:
    def test_they_know_of_each_others_requests_by_steps(self, api: Api, another_process: Callable[[], None]):
        ask(api, STEP + 3)
        another_process()

        assert told(ask(api, STEP - 1))[1] == str(LIMIT - (STEP - 1))
        assert told(ask(api))[1] == str(LIMIT - 2 * STEP)

    def test_together_they_refuse_who_is_over_the_limit(self, api: Api, another_process: Callable[[], None]):
        ask(api, LIMIT + 1)
        another_process()

        assert [ask(api).status_code for _ in range(STEP + 1)] == [404] * (STEP - 1) + [429, 429]

    def test_what_is_kept_says_not_whose_it_is_and_expires_with_its_minute(self, api: Api, stopped_clock: StoppedClock):
        ask(api, STEP)

        [item] = RequestCount.scan()
        assert (item.requests, item.expires_at) == (STEP, stopped_clock.now() - EARLY + 60)
        assert api.user_id not in str(item.serialize())
        assert 'test-app' not in str(item.serialize())

    def test_each_caller_has_a_shared_count_for_each_minute(self):
        assert [RequestCount.add(who, 0, 5, expires_at=60) for who in ('user a', 'network a', 'user a')] == [5, 5, 10]
        assert RequestCount.add('user a', 60, 5, expires_at=120) == 5

    @given(limit=st.integers(1, 400), processes=st.integers(1, 6), chance=st.randoms(use_true_random=False))
    def test_a_client_gets_the_limit_and_at_most_the_untold_requests_of_all_processes_but_one(
        self, limit: int, processes: int, chance: Any
    ):
        shared = Shared()
        limiters = [Limiter(limit, shared.add) for _ in range(processes)]

        taken = sum(not chance.choice(limiters).take('user', 0).exceeded for _ in range(limit * 2 + 200))

        assert limit <= taken <= limit + (processes - 1) * (max(10, limit // 20) - 1)


class TestCost:
    def test_sharing_is_one_request_for_each_twentieth_of_the_limit_or_ten_if_that_is_more(self):
        for number, step in ((25, 10), (300, 15), (600, 30)):
            shared = Shared()
            limiter = Limiter(number, shared.add)
            calls = []
            for _ in range(2 * step):
                limiter.take('user', 0)
                calls.append(shared.calls)

            assert calls == [0] * (step - 1) + [1] * step + [2]

    def test_an_ordinary_request_costs_none(self, api: Api, requests_made: list[str]):
        requests_made.clear()

        ask(api, STEP - 1)
        assert requests_made == []
        ask(api)
        assert requests_made == ['UpdateItem']
        ask(api, STEP - 1)
        assert requests_made == ['UpdateItem']
        ask(api)
        assert requests_made == ['UpdateItem'] * 2

    def test_the_first_refusal_of_a_minute_costs_one_and_the_others_none(self, api: Api, requests_made: list[str]):
        ask(api, LIMIT)
        requests_made.clear()

        ask(api)
        assert requests_made == ['UpdateItem']
        assert ask(api, 3 * STEP).status_code == 429
        assert requests_made == ['UpdateItem']

    @pytest.mark.usefixtures('_capacity_of_aws')
    def test_what_reads_many_ledgers_counts_as_several_requests(self, api: Api, limit: Callable[[int], None]):
        limit(600)
        portfolio = api.portfolio()
        for number in range(120):
            child = Address.at(api.user_id, portfolio, number + 1)
            child.user_id, child.portfolio_id, child.address_id, child.title = api.user_id, portfolio, number + 1, 'x'
            child.currency, child.address, child.created_at, child.updated_at = 'btc', f'1{number}', 1, 1
            child.save()
        before = int(told(ask(api))[1])

        assert before - int(told(api.get(f'/api/portfolios/{portfolio}/balances'))[1]) == 1 + 120 // 50
        assert before - int(told(ask(api))[1]) == 4

    def test_work_counts_before_it_is_done_and_not_again_for_what_it_read(self):
        request = SimpleNamespace(context={'authorizer': {'principalId': 'somebody'}})
        done: list[int] = []

        def work(_: Any) -> Any:
            for number in range(LIMIT):
                charges.charge(4)
                done.append(number)
            return Response('')

        with telemetry.task('test', None) as current:
            current.count('DynamoDBCapacity', 60)
            with pytest.raises(TooManyRequests):
                rate_limiter.limit_requests(request, work)
            assert len(done) == (LIMIT - 1) // 4
            assert rate_limiter.limit_requests(request, work).status_code == 429
            assert len(done) == (LIMIT - 1) // 4
            one = SimpleNamespace(context={'authorizer': {'principalId': 'somebody else'}})
            response = rate_limiter.limit_requests(one, lambda _: charges.charge(1) or Response(''))
            assert response.headers['RateLimit-Remaining'] == str(LIMIT - 2)

    def test_a_form_of_thousands_of_fields_counts_as_several_requests(self, api: Api, limit: Callable[[int], None]):
        limit(600)
        before = int(told(ask(api))[1])

        api.request('POST', '/api/portfolios', b'&'.join(b'a[%d][b]=1' % number for number in range(4_001)), FORM)

        assert before - int(told(ask(api))[1]) == 1 + 4 + 1

    def test_the_work_of_a_job_counts_for_nobody(self):
        with telemetry.task('test', None):
            charges.charge(10**6)
        assert not [item for item in table() if item['pk']['S'].startswith('REQUESTS#')]
        request = SimpleNamespace(context={'authorizer': {'principalId': 'somebody'}})
        response = rate_limiter.limit_requests(request, lambda _: Response(''))
        assert response.headers['RateLimit-Remaining'] == str(LIMIT - 1)


class TestNetworks:
    @pytest.fixture(autouse=True)
    def _network_limit(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv('NETWORK_LIMIT', str(LIMIT))
        settings.cache_clear()
        rate_limiter.network_limiter.cache_clear()
        settings()
        yield
        rate_limiter.network_limiter.cache_clear()

    def test_requests_without_a_token_are_counted_together_and_refused_in_the_form_of_their_path(
        self, api: Api, http: ChaliceClient, stopped_clock: StoppedClock
    ):
        paths = ['/api/wallets', '/api/currencies/btc', '/login', '/oauth/authorize', '/.well-known/jwks.json']
        for number in range(LIMIT):
            assert http.http.get(paths[number % len(paths)]).status_code != 429

        refused = {path: http.http.get(path) for path in paths}
        refused['/oauth/token'] = http.http.post('/oauth/token', headers={'Content-Type': 'application/x-www-form-urlencoded'}, body=b'')

        assert {answer.status_code for answer in refused.values()} == {429}
        assert {answer.headers['Retry-After'] for answer in refused.values()} == {'55'}
        assert refused['/api/wallets'].json_body['code'] == 'too_many_requests'
        assert refused['/oauth/token'].json_body['error'] == 'temporarily_unavailable'
        assert refused['/login'].headers['Content-Type'].startswith('text/html')
        assert ask(api).status_code == 404  # whoever has a token is counted by it
        stopped_clock.advance(55)
        assert http.http.get('/api/status').status_code == 200

    def test_what_is_refused_reads_nothing(self, logged_in: Browser, requests_made: list[str]):
        for _ in range(2 * LIMIT):
            logged_in.get('/status')
        requests_made.clear()

        assert logged_in.get('/status').status_code == 429
        assert requests_made == []

    @pytest.mark.usefixtures('_capacity_of_aws')
    def test_what_reads_much_counts_as_several_requests(self, http: ChaliceClient):
        answers = [http.http.get('/api/sources').status_code for _ in range(LIMIT // 2 + 2)]

        assert answers == [200] * (LIMIT // 2 + 1) + [429]

    def test_what_reads_much_and_fails_counts_as_several_requests(self):
        def fail(_: Any) -> Any:
            current.count('DynamoDBCapacity', 60)
            raise NotFound

        request = SimpleNamespace(context={'identity': {'sourceIp': '192.0.2.1'}})
        with telemetry.task('test', None) as current:
            for _ in range(LIMIT // 2 + 1):
                with pytest.raises(NotFound):
                    rate_limiter.limit_networks(request, fail)
            with pytest.raises(TooManyRequests):
                rate_limiter.limit_networks(request, fail)

    def test_work_counts_before_it_is_done(self):
        request = SimpleNamespace(context={'identity': {'sourceIp': '192.0.2.1'}})
        with pytest.raises(TooManyRequests):
            rate_limiter.limit_networks(request, lambda _: charges.charge(LIMIT))

    def test_a_large_form_counts_as_several_requests(self, browser: Browser):
        form = {'csrf': browser.csrf('/statement/verify'), 'jws': 'x' * 1_000_000}
        before = rate_limiter.network_limiter().take('network 127.0.0.1', clock.now(), 0).used

        browser.post('/statement/verify', form)

        assert browser.status == 422
        assert rate_limiter.network_limiter().take('network 127.0.0.1', clock.now(), 0).used - before == 1 + 10

    @pytest.mark.parametrize('what', ['imported', 'pasted'])
    def test_lines_count_before_any_of_them_is_added(self, logged_in: Browser, api: Api, what: str):
        number = api.portfolio()

        def post(lines: int) -> int:
            """Post so many lines; return as how many requests they counted."""
            text = '\n'.join(f'0x{count:040x},Address,eth' for count in range(1, lines + 1))
            path, fields = {
                'imported': ('import', {'lines': f'address,title,currency\n{text}', 'confirmed': 'yes'}),
                'pasted': ('addresses', {'addresses': text}),
            }[what]
            form = {'csrf': logged_in.csrf()} | fields
            before = rate_limiter.network_limiter().take('network 127.0.0.1', clock.now(), 0).used
            logged_in.post(f'/portfolios/{number}/{path}', form)
            return rate_limiter.network_limiter().take('network 127.0.0.1', clock.now(), 0).used - before

        assert 1 + 10 <= post(50) < 1 + 20  # by what the writes take it may be a few more
        assert logged_in.status == 303
        post(100)
        assert logged_in.status == 429
        assert len(api.get(f'/api/portfolios/{number}/addresses?limit=100').json_body['result']) == 50

    def test_no_number_of_usual_views_of_a_link_uses_up_what_others_who_have_links_may_read(
        self, api: Api, http: ChaliceClient, limit: Callable[[int], None]
    ):
        mine, another = (link_of(api.user_id, api.portfolio()) for _ in range(2))
        limit(120)

        assert follow(http, mine, networks=500) == [200] * 500
        assert follow(http, another) == [200]

    def test_large_portfolios_that_links_of_a_user_show_are_counted_together_from_however_many_networks(
        self, api: Api, http: ChaliceClient, make_user: Callable[..., User], limit: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
    ):
        large, another = link_of(api.user_id, large_portfolio(api)), link_of(api.user_id, api.portfolio())
        others = link_of((user := make_user('other@example.com')).user_id, Api(http, user.user_id, ALL_SCOPES).portfolio())
        monkeypatch.setenv('UNITS_PER_REQUEST', '1')
        limit(10)

        statuses = follow(http, large, networks=200)

        assert statuses == sorted(statuses)
        assert (statuses[0], statuses[-1]) == (200, 429)
        assert follow(http, another) == [429]
        assert follow(http, others) == [200]
        assert ask(api).status_code == 404  # who made the links is not refused for them

    def test_what_is_charged_for_a_link_counts_for_its_network_and_beyond_a_sixtieth_of_the_limit_for_links(
        self, limit: Callable[[int], None]
    ):
        limit(120)
        of_network: list[int] = []
        with charges.counted_by(of_network.append), rate_limiter.large_work_counted_for('links of ann'):
            charges.charge(2)
            assert rate_limiter.limiter().take('links of ann', clock.now(), 0).used == 0
            charges.charge(5)

        assert of_network == [2, 5]
        assert rate_limiter.limiter().take('links of ann', clock.now(), 0).used == 2 + 5 - 2
        with pytest.raises(TooManyRequests), rate_limiter.large_work_counted_for('links of ann'):
            charges.charge(2 + 120)
        with pytest.raises(TooManyRequests), rate_limiter.large_work_counted_for('links of ann'):
            raise AssertionError('not reached')

    @pytest.mark.parametrize('page', ['', '/{}', '/{}/explain', '/{}/statement'])
    def test_large_portfolios_on_pages_of_a_user_are_counted_together_from_however_many_networks(
        self, api: Api, logged_in: Browser, limit: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, page: str
    ):
        path = f'/portfolios{page.format(large_portfolio(api))}'
        monkeypatch.setenv('UNITS_PER_REQUEST', '1')
        limit(10)

        statuses = []
        for _ in range(30):
            rate_limiter.network_limiter.cache_clear()
            logged_in.get(path)
            statuses.append(logged_in.status)

        assert statuses == sorted(statuses)
        assert (statuses[0], statuses[-1]) == (200, 429)
        rate_limiter.network_limiter.cache_clear()
        logged_in.get('/profile/sessions')
        assert logged_in.status == 200  # where a user ends what uses it up
        assert ask(api).status_code == 404

    def test_portfolios_below_large_ones_are_not_added_up_on_the_page_of_all(
        self, api: Api, logged_in: Browser, limit: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
    ):
        large_portfolio(api)
        api.portfolio()
        monkeypatch.setenv('NETWORK_LIMIT', '10000')
        limit(600)
        logged_in.get('/portfolios')
        assert 'Not added up here' not in logged_in.page
        assert 'together' in logged_in.page

        monkeypatch.setenv('UNITS_PER_REQUEST', '1')
        limit(12)
        logged_in.get('/portfolios')

        assert logged_in.status == 200
        assert logged_in.page.count('Not added up here') == 1
        assert 'together' not in logged_in.page
        assert 'Refresh' not in logged_in.response.headers

    def test_each_network_is_counted_apart(self):
        def ask_from(address: str) -> Any:
            return rate_limiter.limit_networks(SimpleNamespace(context={'identity': {'sourceIp': address}}), lambda _: 'an answer')

        for number in range(LIMIT):
            assert ask_from(f'2001:db8::{number}') == 'an answer'
        with pytest.raises(TooManyRequests):
            ask_from('2001:db8::ffff')
        assert [ask_from(address) for address in ('2001:db8:0:1::1', '192.0.2.1')] == ['an answer'] * 2


class TestFailures:
    @pytest.mark.parametrize('code', ['AccessDeniedException', 'ThrottlingException'])
    def test_a_table_that_cannot_be_reached_refuses_nobody(self, api: Api, code: str, caplog: pytest.LogCaptureFixture):
        with refusing(code, operations=['UpdateItem']) as refused:
            answers = [ask(api).status_code for _ in range(STEP)]

        assert refused
        assert answers == [404] * STEP
        assert 'requests were counted by this process alone' in caplog.messages

    def test_it_is_asked_again_only_a_step_later(self, api: Api):
        with refusing('AccessDeniedException', operations=['UpdateItem']) as refused:
            ask(api, 2 * STEP - 1)

        assert len(refused) == 1

    def test_what_a_process_counted_itself_holds_without_the_table(self, api: Api):
        with refusing('AccessDeniedException', operations=['UpdateItem']):
            assert ask(api, LIMIT).status_code == 404
            assert ask(api).status_code == 429


class TestMemory:
    def test_no_more_than_ten_thousand_are_remembered(self):
        limiter = Limiter(LIMIT, Shared().add)
        assert [limiter.take('first', 0).used for _ in range(3)] == [1, 2, 3]

        for number in range(MOST_TRACKED - 1):
            limiter.take(str(number), 0)
        assert limiter.take('first', 0).used == 4
        limiter.take('one too many', 0)

        assert limiter.take('first', 0).used == 1


class TestThreads:
    def test_threads_of_a_process_count_each_request_once(self):
        shared = Shared()
        limiter = Limiter(200, shared.add)

        with ThreadPoolExecutor(16) as pool:
            standings = list(pool.map(lambda _: limiter.take('user', 0), range(400)))

        assert sorted(standing.used for standing in standings if not standing.exceeded) == list(range(1, 201))
        assert shared.totals == {('user', 0): 201}


@dataclass
class Shared:
    """What processes share, without a table."""

    totals: Counter[Any] = field(default_factory=Counter)
    calls: int = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, who: str, start: int, requests: int) -> int:
        time.sleep(0)  # lets other threads in
        with self.lock:
            self.calls += 1
            self.totals[who, start] += requests
            return self.totals[who, start]
