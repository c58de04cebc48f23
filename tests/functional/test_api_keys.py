"""API keys: read one's own account without OAuth2."""

import pytest
from chalice.test import Client as ChaliceClient

from chalicelib.auth import bearer
from chalicelib.errors import NotFound
from chalicelib.models import ApiKey, Item, User
from tests.support.dynamodb import refusing


@pytest.fixture
def key(user: User) -> str:
    _, secret = ApiKey.create(user.user_id, name='Spreadsheet', scopes=['read'], now=1)
    return secret


def status(http: ChaliceClient, key: str, method: str = 'GET', path: str = '/api/portfolios') -> int:
    return http.http.request(method, path, headers={'Authorization': f'Bearer {key}'}).status_code


def authorize(**event: object) -> dict:
    """Call the authorizer as API Gateway calls one of REQUEST kind."""
    arn = 'arn:aws:execute-api:us-east-1:123456789012:abc/api/GET/api/user'
    return bearer({'type': 'REQUEST', 'methodArn': arn, 'headers': None, 'queryStringParameters': None} | event, None)


def test_a_key_reads_and_does_nothing_else(http: ChaliceClient, key: str):
    assert status(http, key) == 200
    assert status(http, key, 'POST') == 403
    assert status(http, key, 'DELETE', '/api/portfolios/1') == 403


@pytest.mark.usefixtures('impatient_botocore')
def test_a_key_reads_though_its_use_cannot_be_recorded(http: ChaliceClient, key: str):
    with refusing('InternalServerError', operations=['UpdateItem'], status=500) as refused:
        assert status(http, key) == 200
    assert refused


@pytest.mark.usefixtures('impatient_botocore')
def test_a_key_that_cannot_be_looked_up_is_told_as_busy(http: ChaliceClient, key: str):
    with refusing('InternalServerError', operations=['GetItem'], status=500) as refused:
        answer = http.http.get('/api/portfolios', headers={'Authorization': f'Bearer {key}'})
    assert refused
    assert (answer.status_code, answer.headers['Retry-After']) == (503, '1')
    assert (answer.json_body['success'], answer.json_body['code']) == (False, 'busy')
    assert answer.json_body['request_id'] == answer.headers['X-Request-Id']


def test_a_key_with_info_alone_reads_only_the_user(http: ChaliceClient, user: User):
    _, key = ApiKey.create(user.user_id, name='x', scopes=['info'], now=1)

    assert status(http, key, path='/api/user') == 200
    assert status(http, key) == 403


@pytest.mark.parametrize(
    'event',
    [
        {'headers': {'X-API-KEY': 'KEY'}},
        {'headers': {'x-api-key': 'KEY'}},
        {'queryStringParameters': {'api_key': 'KEY'}},
        {'headers': {'authorization': 'Bearer KEY'}},
        {'headers': {'Authorization': 'Bearer KEY', 'X-API-KEY': 'nonsense'}},
    ],
)
def test_a_key_may_stand_in_three_places(user: User, key: str, event: dict):
    placed = {part: {name: value.replace('KEY', key) for name, value in values.items()} for part, values in event.items()}

    assert authorize(**placed)['principalId'] == user.user_id


@pytest.mark.parametrize(
    'event',
    [
        {},
        {'headers': {'X-API-KEY': ''}},
        {'headers': {'X-API-KEY': 'cfk_wrong'}},
        {'headers': {'X-API-KEY': 'Bearer KEY'}},
        {'queryStringParameters': {'API_KEY': 'KEY'}},
        {'headers': {'Authorization': 'KEY'}},
        {'headers': {'Authorization': 'Basic x', 'X-API-KEY': 'KEY'}},
    ],
)
def test_anything_else_is_unauthorized(key: str, event: dict):
    placed = {part: {name: value.replace('KEY', key) for name, value in values.items()} for part, values in event.items()}

    with pytest.raises(Exception, match=r'^Unauthorized$'):
        authorize(**placed)


def test_a_key_works_from_each_place_through_the_whole_application(http: ChaliceClient, key: str):
    assert http.http.get('/api/portfolios', headers={'X-API-KEY': key}).status_code == 200
    assert http.http.get(f'/api/portfolios?api_key={key}').status_code == 200
    assert http.http.get('/api/portfolios?api_key=cfk_wrong').status_code == 401


def test_an_access_token_is_not_taken_as_an_api_key(user: User):
    from chalicelib.oauth.signing import access_token

    token = access_token(user_id=user.user_id, client_id='x', scopes=['read'], family='x')

    with pytest.raises(Exception, match=r'^Unauthorized$'):
        authorize(queryStringParameters={'api_key': token})


def test_a_revoked_key_is_unauthorized_at_once(http: ChaliceClient, user: User, key: str):
    (listed,) = ApiKey.of_user(user.user_id)

    ApiKey.revoke(user.user_id, listed.key_id)

    assert status(http, key) == 401
    assert ApiKey.of_user(user.user_id) == []


def test_somebody_elses_key_cannot_be_revoked(http: ChaliceClient, user: User, key: str):
    (listed,) = ApiKey.of_user(user.user_id)

    with pytest.raises(NotFound):
        ApiKey.revoke('somebody', listed.key_id)
    assert status(http, key) == 200


def test_the_key_is_not_stored(key: str):
    assert key not in ' '.join(str(item.serialize()) for item in Item.scan())
