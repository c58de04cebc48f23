"""The wallet `generic`: balances at a URL, kept as snapshots."""

import json
from collections.abc import Iterator

import pytest

from chalicelib.config import settings
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.http_server import Request, serving
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.jobs import accounts_queue, record

PATH = '/api/portfolios/1/accounts/1'
HEADER = {'Authorization': 'Bearer header-of-a-test'}


class Server:
    """What the URL answers, and what was asked."""

    def __init__(self) -> None:
        self.answer = Answer(200, '{"btc": "1.5", "usd": 10}')
        self.requests: list[Request] = []

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.answer


@pytest.fixture
def server(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A portfolio with an account whose URL is `/mine.json?of=me` of a server that takes the place of all."""
    scripted = Server()
    with serving(scripted.respond) as url:
        monkeypatch.setenv('UPSTREAM_URL', url)
        settings.cache_clear()
        settings()
        api.portfolio()
        credentials = {'url': 'https://balances.example/mine.json?of=me', 'headers': HEADER}
        response = api.post('/api/portfolios/1/accounts', {'wallet': 'generic', 'credentials': credentials})
        assert response.status_code == 201, response.body
        yield scripted
        monkeypatch.undo()
    settings.cache_clear()
    settings()


def run(api: Api) -> bool:
    from chalicelib.jobs import refresh

    CLOCK.advance(60)
    message = record({'ledger': f'LEDGER#ACCOUNT#{api.user_id}#000001#000001'})
    return not refresh.refresh_accounts({'Records': [message]}, None)['batchItemFailures']


def test_the_balances_of_a_url_count_and_its_past_is_what_was_observed(api: Api, server: Server, queues: dict[str, str]):
    CLOCK.move_to(CLOCK.now() // 3_600 * 3_600 + 3_600 + 1_230)  # not at a full hour, nor shortly before one
    accounts_queue(queues).drain()
    CLOCK.advance(3_600)
    server.answer = Answer(200, 'currency,balance\nbtc,2\n')
    assert run(api)

    [request] = server.requests[:1]
    assert (request.upstream, request.url, request.query) == ('generic', '/mine.json', {'of': 'me'})
    assert request.headers['Authorization'] == HEADER['Authorization']
    body = api.get(f'{PATH}/balances').json_body
    assert ([(row['currency']['code'], row['balance']) for row in body['result']], body['complete']) == ([('btc', '2.0')], True)
    summed = api.get('/api/portfolios/1/balances').json_body['result']
    assert [(row['currency'], row['balance'], row['complete']) for row in summed] == [('btc', '2.0', True), ('usd', '0.0', True)]
    listed = api.get(f'{PATH}/txns').json_body
    assert (listed['result'], listed['complete'], listed['reason']) == ([], False, 'transactions_unknown')
    past = api.get(f'{PATH}/history?interval=hour&order=asc').json_body['result']
    assert [(row['currency'], row['balance'], row['complete']) for row in past] == [
        ('btc', '1.5', False), ('usd', '10.0', False), ('btc', '2.0', False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('answer', 'said'),
    [
        (Answer(404, 'no'), 'returned 404'),
        (Answer(403, 'no'), 'returned 403'),
        (Answer(200, 'invalid'), 'neither JSON nor CSV'),
        (Answer(200, '1.5'), 'a number needs its currency'),
    ],
)
def test_an_answer_that_tells_no_balances_is_told_after_three_tries(api: Api, server: Server, answer: Answer, said: str):
    server.answer = answer

    assert [run(api), run(api), run(api)] == [False, False, True]

    shown = api.get(PATH).json_body['result']
    assert (shown['valid'], shown['problem']['reason']) == (False, 'answer_refused')
    assert said in shown['problem']['message']


@pytest.mark.parametrize(
    'answer',
    [
        Answer(503, 'later'),
        Answer(302, '', headers={'Location': 'https://169.254.169.254/'}),
        Answer(200, '"' + 'x' * 70_000 + '"'),
        Answer(200, '', hang_up=True),
    ],
)
def test_a_server_that_fails_redirects_or_never_ends_is_tried_again_and_troubles_no_other(api: Api, server: Server, answer: Answer):
    server.answer = answer
    assert not run(api)
    assert len(server.requests) == 1

    server.answer = Answer(200, '1.5 btc')

    assert run(api)
    assert api.get(PATH).json_body['result']['valid'] is True


def test_what_is_told_again_within_the_hour_is_not_stored_again(api: Api, server: Server, requests_made: list[str]):
    CLOCK.move_to(CLOCK.now() // 3_600 * 3_600)
    server.answer = Answer(200, '1.5 btc')

    def stored(seconds: int = 0) -> int:
        """Read the account a minute later, or after so many seconds more; return how often balances were stored as those of the hour."""
        CLOCK.advance(seconds)
        requests_made.clear()
        assert run(api)
        return requests_made.count('BatchWriteItem')

    assert [stored(), stored(), stored()] == [1, 0, 0]
    server.answer = Answer(200, '2 btc')
    assert [stored(), stored(), stored(3_600), stored()] == [1, 0, 1, 0]
    past = api.get(f'{PATH}/history?interval=hour&order=asc').json_body['result']
    assert [row['balance'] for row in past] == ['2.0', '2.0']


def test_a_server_may_tell_a_hundred_currencies(api: Api, server: Server):
    server.answer = Answer(200, json.dumps({f'c{number}': 1 for number in range(101)}))
    assert [run(api) for _ in range(3)] == [False, False, True]
    assert 'more than 100 currencies' in api.get(PATH).json_body['result']['problem']['message']
