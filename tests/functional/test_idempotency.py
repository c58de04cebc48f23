"""Creates that are repeated with the same Idempotency-Key."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from chalice.test import HTTPResponse

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import IdempotencyRecord, Item, User
from chalicelib.oauth import signing
from tests.support.api import Api
from tests.support.ledgers import ADDRESS, SEGWIT

PORTFOLIOS, ADDRESSES, OFFSETS = '/api/portfolios', '/api/portfolios/1/addresses', '/api/portfolios/1/offsets'
BODIES: dict[str, dict[str, Any]] = {
    PORTFOLIOS: {'title': 'New', 'currencies': ['btc']},
    ADDRESSES: {'address': ADDRESS, 'currency': 'btc', 'title': 'New'},
    OFFSETS: {'title': 'New', 'balances': [{'currency': 'btc', 'balance': '1.50'}]},
}


@dataclass
class Application(Api):
    """The API as an application other than the test's usual one sees it."""

    client_id: str

    def token(self) -> str:
        return signing.access_token(user_id=self.user_id, client_id=self.client_id, scopes=self.scopes, family='x')


@pytest.fixture(autouse=True)
def portfolio(api: Api) -> None:
    api.portfolio()


def post(api: Api, path: str, key: str, body: Any = None) -> HTTPResponse:
    return api.request('POST', path, BODIES[path] if body is None else body, {'Idempotency-Key': key})


def number(api: Api, path: str) -> int:
    return sum(entry['title'] == 'New' for entry in api.get(path).json_body['result'])


@pytest.mark.parametrize('path', BODIES)
def test_the_same_key_creates_once_and_answers_the_same(api: Api, path: str):
    first, second = post(api, path, 'key-1'), post(api, path, 'key-1')

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json_body['result'] == first.json_body['result']
    assert [second.headers[name] for name in ('Location', 'ETag')] == [first.headers[name] for name in ('Location', 'ETag')]
    assert number(api, path) == 1


@pytest.mark.parametrize('path', BODIES)
def test_the_first_answer_is_given_even_after_the_object_changed(api: Api, path: str):
    first = post(api, path, 'key-1')
    api.patch(first.headers['Location'], {'title': 'Changed'})

    assert post(api, path, 'key-1').json_body['result'] == first.json_body['result']


@pytest.mark.parametrize(('path', 'body'), [(PORTFOLIOS, {'title': 'Other', 'currencies': ['btc']}), (OFFSETS, {'title': 'Other'})])
def test_the_same_key_with_another_body_is_a_conflict(api: Api, path: str, body: dict[str, Any]):
    post(api, path, 'key-1')

    refused = post(api, path, 'key-1', body)

    assert (refused.status_code, refused.json_body['code']) == (409, 'conflict')
    assert number(api, path) == 1


def test_the_same_key_on_another_path_is_a_conflict(api: Api):
    post(api, OFFSETS, 'key-1')
    api.portfolio()

    assert api.request('POST', '/api/portfolios/2/offsets', BODIES[OFFSETS], {'Idempotency-Key': 'key-1'}).status_code == 409


@pytest.mark.parametrize('path', BODIES)
def test_the_same_key_of_another_application_is_another_key(api: Api, path: str):
    bodies = BODIES | {ADDRESSES: {'address': SEGWIT, 'currency': 'btc', 'title': 'New'}}
    theirs = Application(api.http, api.user_id, api.scopes, 'their-app')
    first = post(api, path, 'key-1')

    second = post(theirs, path, 'key-1', bodies[path])

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json_body['result']['id'] != second.json_body['result']['id']
    assert number(api, path) == 2
    assert post(theirs, path, 'key-1', bodies[path]).json_body['result'] == second.json_body['result']
    assert post(api, path, 'key-1').json_body['result'] == first.json_body['result']


def test_client_ids_and_keys_do_not_run_into_each_other(api: Api):
    one, two = (Application(api.http, api.user_id, api.scopes, client) for client in ('app#1', 'app'))

    post(one, OFFSETS, 'key')
    post(two, OFFSETS, '1#key')

    assert number(api, OFFSETS) == 2


def test_the_same_key_on_another_route_is_another_key(api: Api):
    assert [post(api, path, 'key-1').status_code for path in BODIES] == [201, 201, 201]
    assert [number(api, path) for path in BODIES] == [1, 1, 1]


def test_a_record_of_an_earlier_release_which_did_not_know_applications_is_not_found(api: Api):
    IdempotencyRecord(
        User.pk_of(api.user_id),
        'IDEMPOTENCY#key-1',
        fingerprint='x',
        result='{}',
        location='/api/portfolios/9',
        expires_at=clock.now() + 60,
    ).save()

    assert post(api, OFFSETS, 'key-1').headers['Location'] == f'{OFFSETS}/1'


def test_another_key_creates_another_one(api: Api):
    post(api, OFFSETS, 'key-1')
    post(api, OFFSETS, 'key-2')

    assert number(api, OFFSETS) == 2


def test_somebody_elses_key_is_another_key(api: Api, other: Api):
    post(api, PORTFOLIOS, 'key-1')

    assert post(other, PORTFOLIOS, 'key-1').json_body['result']['id'] == 1
    assert number(other, PORTFOLIOS) == 1


@pytest.mark.parametrize('key', ['', 'x' * 256, 'é', 'a\tb'])
def test_a_malformed_key_is_a_bad_request_and_creates_nothing(api: Api, key: str):
    assert post(api, OFFSETS, key).status_code == 400
    assert number(api, OFFSETS) == 0


def test_a_key_may_have_255_characters(api: Api):
    key = 'x' * 255

    assert post(api, OFFSETS, key).status_code == post(api, OFFSETS, key).status_code == 201
    assert number(api, OFFSETS) == 1


def test_a_refused_create_leaves_its_key_unused(api: Api):
    assert post(api, OFFSETS, 'key-1', {'title': ''}).status_code == 422

    assert post(api, OFFSETS, 'key-1').status_code == 201


def test_a_key_is_forgotten_after_a_day_whether_its_item_is_deleted_or_not(api: Api):
    post(api, OFFSETS, 'key-1')
    (kept,) = IdempotencyRecord.query(User.pk_of(api.user_id), Item.sk.startswith('IDEMPOTENCY#'))
    kept.update([IdempotencyRecord.expires_at.set(1)])

    post(api, OFFSETS, 'key-1')

    assert number(api, OFFSETS) == 2


def test_a_repeated_address_is_no_duplicate_of_itself(api: Api):
    post(api, ADDRESSES, 'key-1')

    assert post(api, ADDRESSES, 'key-1').status_code == 201
    assert post(api, ADDRESSES, 'key-2').status_code == 422
    assert post(api, ADDRESSES, 'key-3', {'address': SEGWIT, 'currency': 'btc'}).status_code == 201


@pytest.fixture
def at_each() -> Iterator[Callable[[Callable[[str, int], None]], None]]:
    """Return a function that has something called with the operation and number of each DynamoDB request that was carried out."""
    events = Item.connection().client.meta.events
    registered = []

    def register(call: Callable[[str, int], None]) -> None:
        made = []

        def after(model: Any, **_: Any) -> None:
            made.append(model.name)
            call(model.name, len(made))

        events.register('after-call.dynamodb', after)
        registered.append(after)

    yield register
    for after in registered:
        events.unregister('after-call.dynamodb', after)


@pytest.mark.parametrize('path', BODIES)
@pytest.mark.parametrize('last', [1, 2, 3])
def test_a_create_that_dies_after_any_request_is_finished_by_its_repetition(api: Api, path: str, last: int, at_each: Any):
    def die(_: str, made: int) -> None:
        if made == last:
            raise RuntimeError('killed')

    at_each(die)

    assert post(api, path, 'key-1').status_code == 500
    assert post(api, path, 'key-1').status_code == 201
    assert number(api, path) == 1


@pytest.mark.parametrize('path', BODIES)
def test_two_at_the_same_time_create_one(api: Api, path: str, at_each: Any):
    answers: list[HTTPResponse] = []

    def overtake(operation: str, made: int) -> None:
        if operation == 'GetItem' and made == 1:  # nothing answered yet, says the first; the second goes all the way
            answers.append(post(api, path, 'key-1'))

    at_each(overtake)
    answers.append(post(api, path, 'key-1'))

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json_body['result'] == answers[1].json_body['result']
    assert number(api, path) == 1


def test_two_at_the_same_time_for_the_last_place_create_one(api: Api, at_each: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('MAX_PORTFOLIOS', '2')
    settings.cache_clear()
    answers: list[HTTPResponse] = []

    def overtake(operation: str, made: int) -> None:
        if operation == 'GetItem' and made == 1:
            answers.append(post(api, PORTFOLIOS, 'key-1'))

    at_each(overtake)
    answers.append(post(api, PORTFOLIOS, 'key-1'))
    refused = post(api, PORTFOLIOS, 'key-2')
    monkeypatch.undo()
    settings.cache_clear()

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json_body['result'] == answers[1].json_body['result']
    assert refused.status_code == 422
