"""Whatever is sent as an identifier, DynamoDB is not asked for a key that it refuses: 2,048 bytes, 1,024 of a sort key."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from chalice.test import Client as ChaliceClient
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.scopes import API_KEY_PREFIX
from chalicelib.errors import NotFound
from chalicelib.models import ApiKey, Client, Email, EmailToken, Grant, Item, Session, User
from chalicelib.models.oauth_token import Code, RefreshToken, RevokedFamily
from tests.support.api import PASSWORD, Api
from tests.support.browser import Browser
from tests.support.oauth import BASIC, GOOD, ask

LONG = ['a' * 2_042, 'a' * 3_000, '中' * 340, '中' * 681, '\U0001f4a9' * 256]
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


@pytest.fixture(autouse=True)
def refused() -> Iterator[list[str]]:
    """The keys that DynamoDB would have refused, where moto only answers that there is no such item."""
    events = Item.connection().client.meta.events
    keys: list[str] = []

    def check(params: dict[str, Any], **_: Any) -> None:
        keys.extend(_too_long(json.loads(params['body'])))

    events.register('before-call.dynamodb', check)
    yield keys
    events.unregister('before-call.dynamodb', check)
    assert keys == []


def _too_long(sent: Any) -> Iterator[str]:
    """Yield the keys in a request that are too long, and the values of a query's conditions that could be none."""
    if isinstance(sent, list):
        for one in sent:
            yield from _too_long(one)
    if isinstance(sent, dict):
        for name, value in sent.items():
            text = value.get('S') if isinstance(value, dict) else None
            if isinstance(text, str) and len(text.encode()) > {'pk': 2_048, 'sk': 1_024, 'lsk': 1_024}.get(name, 100_000):
                yield text
            yield from _too_long(value)
        values = sent.get('ExpressionAttributeValues', {}).values() if 'KeyConditionExpression' in sent else ()
        yield from (value['S'] for value in values if len(value.get('S', '').encode()) > 1_024)


def test_the_check_sees_a_long_key(refused: list[str]) -> None:
    with suppress(PynamoDBException):  # one emulation refuses such keys as DynamoDB does, another knows of no item
        list(Item.batch_get([('a' * 2_049, 'USER'), ('USER', 'a' * 1_025), ('a' * 2_048, 'a' * 1_024)]))

    assert sorted(map(len, refused)) == [1_025, 2_049]
    refused.clear()


@pytest.mark.parametrize('text', LONG)
def test_no_model_finds_anything_by_a_long_text(text: str) -> None:
    assert Client.find(text) is None
    assert Grant.find('somebody', text) is None
    assert Session.find(text, 0) is None
    assert User.with_email(f'{text}@example.com') is None
    assert (Code.find(text), RefreshToken.find(text), RevokedFamily.is_revoked(text)) == (None, None, False)
    Grant.revoke('somebody', text)
    for find in (User.find, lambda text: ApiKey.revoke('somebody', text), lambda text: EmailToken.find(text, 'reset', 0)):
        with pytest.raises(NotFound):
            find(text)


@pytest.mark.parametrize('text', LONG)
def test_an_application_with_a_long_id_is_unknown(http: ChaliceClient, client: Client, user: User, text: str) -> None:
    basic = 'Basic ' + base64.b64encode(f'{quote(text)}:secret'.encode()).decode()

    assert ask(http, GOOD | {'client_id': text}, authorization=None).status_code == 401
    assert ask(http, GOOD, authorization=basic).status_code == 401
    for path in ('revoke', 'introspect'):
        body = urlencode({'token': 'x', 'client_id': text}).encode()
        assert http.http.post(f'/oauth/{path}', headers=FORM, body=body).status_code == 401
        assert http.http.post(f'/oauth/{path}', headers=FORM | {'Authorization': basic}, body=b'token=x').status_code == 401


@pytest.mark.parametrize('text', LONG)
def test_long_tokens_are_unknown(http: ChaliceClient, client: Client, text: str) -> None:
    for grant in ({'grant_type': 'refresh_token', 'refresh_token': text}, {'grant_type': 'authorization_code', 'code': text}):
        assert ask(http, grant).json_body['error'] == 'invalid_grant'
    for path, answer in (('revoke', None), ('introspect', {'active': False})):
        response = http.http.post(f'/oauth/{path}', headers=FORM | {'Authorization': BASIC}, body=urlencode({'token': text}).encode())
        assert response.status_code == 200
        assert answer is None or response.json_body == answer
    for name in ('X-API-KEY', 'Authorization'):
        value = f'Bearer {API_KEY_PREFIX}{text}' if name == 'Authorization' else API_KEY_PREFIX + text
        assert http.http.get('/api/user', headers={name: value}).status_code == 401


@pytest.mark.parametrize('text', LONG)
def test_pages_know_nothing_by_a_long_text(logged_in: Browser, text: str) -> None:
    quoted = quote(text)
    query = f'client_id={quoted}&response_type=code'

    assert logged_in.get(f'/oauth/authorize?{query}').status_code == 400
    assert logged_in.post('/oauth/authorize', {'query': query, 'decision': 'allow'}).status_code == 400
    assert logged_in.get(f'/oauth/applications/{quoted}').status_code == 404
    assert logged_in.get(f'/oauth/applications/{quoted}/delete').status_code == 404
    assert logged_in.post(f'/oauth/applications/{quoted}/delete').status_code == 404
    assert logged_in.post('/profile/revoke', {'client_id': text}).status_code == 303
    assert logged_in.post('/profile/api-keys/revoke', {'key_id': text}).status_code == 303
    assert logged_in.post('/profile/sessions/end', {'session_id': text}).status_code == 303
    remove = {'current_password': PASSWORD, 'what': text}
    assert logged_in.post('/profile/second-factor/remove', remove).status_code == 303
    assert logged_in.get(f'/profile/api-keys?form={quoted}').status_code == 200
    assert logged_in.get(f'/signup?invitation={quoted}').status_code == 200
    assert logged_in.get(f'/s/{quoted}').status_code == 404
    assert logged_in.post('/portfolios/1/share/revoke', {'link_id': text}).status_code == 303
    credential = json.dumps({'rawId': text, 'response': {'userHandle': text}})
    logged_in.post('/login/passkey/begin')
    assert logged_in.post('/login/passkey', {'credential': credential}).status_code == 422
    assert logged_in.get(f'/reset?token={quoted}').status_code == 404
    assert logged_in.post('/reset', {'token': text, 'password': 'the new password'}).status_code == 404
    logged_in.cookie = quoted
    assert logged_in.get('/profile').status_code == 303
    assert logged_in.post('/forgot', {'email': f'{text}@example.com'}).status_code == 422
    assert logged_in.log_in(f'{text}@example.com').status_code == 422
    assert Email.key(text).startswith('EMAIL#')


@pytest.mark.parametrize('text', LONG)
def test_the_api_knows_nothing_by_a_long_text(api: Api, text: str) -> None:
    api.portfolio()
    quoted = quote(text)
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')

    for path in (
        'portfolios/{}', 'portfolios/1/addresses/{}', 'portfolios/1/accounts/{}', 'portfolios/1/offsets/{}', 'currencies/{}',
        'sources/{}', 'portfolios?cursor={}', 'portfolios/1/addresses?cursor={}', 'portfolios/1/balances/{}',
        'portfolios/1/balances/{}/history', 'portfolios/1/balances/history?cursor={}',
    ):  # fmt: skip
        assert 400 <= api.get('/api/' + path.format(cursor if 'cursor' in path else quoted)).status_code < 500, path
    for path in ('sources', 'wallets'):
        assert api.get(f'/api/{path}?cursor={cursor}').status_code == 200
    assert api.request('POST', '/api/portfolios', {'title': 'x', 'currencies': [text]}).status_code == 422
    assert api.post('/api/portfolios/1/addresses', {'currency': 'btc', 'address': text}).status_code == 422
