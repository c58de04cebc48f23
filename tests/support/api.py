"""Two users, and the API as its clients see it."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pytest
from argon2 import PasswordHasher
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from app import app
from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import Client, Item, User
from chalicelib.oauth import signing
from tests.support.aws import Beginnings, forget

PASSWORD = 'correct horse battery staple'
ALL_SCOPES = ['public', 'info', 'read', 'write', 'delete', 'admin']


@dataclass
class Api:
    """The API as one user sees it with an access token of some scopes."""

    http: ChaliceClient
    user_id: str
    scopes: list[str]

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> HTTPResponse:
        """Send a request; a body that is not bytes is sent as JSON."""
        raw = body if isinstance(body, bytes) else b'' if body is None else json.dumps(body).encode()
        sent = {'Authorization': f'Bearer {self.token()}', 'Content-Type': 'application/json'} | (headers or {})
        return self.http.http.request(method, path, headers=sent, body=raw)

    def get(self, path: str) -> HTTPResponse:
        return self.request('GET', path)

    def post(self, path: str, body: Any = None) -> HTTPResponse:
        return self.request('POST', path, body)

    def patch(self, path: str, body: Any = None) -> HTTPResponse:
        return self.request('PATCH', path, body)

    def delete(self, path: str) -> HTTPResponse:
        return self.request('DELETE', path)

    def token(self) -> str:
        """Return a token of this second; it is the same for all requests of that second, as each signature is a request to KMS."""
        return _token(self.user_id, tuple(self.scopes), clock.now(), settings().issuer)

    def portfolio(self, title: str = 'My portfolio', currencies: tuple[str, ...] = ('btc', 'usd')) -> int:
        """Create a portfolio; return its id."""
        response = self.post('/api/portfolios', {'title': title, 'currencies': list(currencies)})
        assert response.status_code == 201, response.body
        return response.json_body['result']['id']

    def address(self, portfolio_id: int, address: str, title: str = 'My address') -> int:
        """Add a Bitcoin address; return its id."""
        path = f'/api/portfolios/{portfolio_id}/addresses'
        response = self.post(path, {'title': title, 'address': address, 'currency': 'btc'})
        assert response.status_code == 201, response.body
        return response.json_body['result']['id']


@lru_cache(10)
def _token(user_id: str, scopes: tuple[str, ...], now: int, issuer: str) -> str:
    return signing.access_token(user_id=user_id, client_id='test-app', scopes=list(scopes), family='x')


@pytest.fixture
def nothing_remembered() -> None:
    """Nothing of other tests that this process would remember."""
    forget()


@pytest.fixture(scope='session')
def http() -> ChaliceClient:
    # No stage of .chalice/config.json: the client puts a stage's settings into the environment of each call, not those of the tests.
    return ChaliceClient(app, stage_name='test')


@pytest.fixture(scope='session')
def password_hash() -> str:
    """A hash that is soon verified; those of the application are in tests/unit/test_passwords.py."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def make_user(password_hash: str) -> Callable[..., User]:
    """Return a function that stores a user who may log in remotely."""

    def make(email: str = 'test@example.com', *, allow_remote_login: bool = True) -> User:
        return User.create(
            name='Test user',
            email=email,
            password_hash=password_hash,
            allow_remote_login=allow_remote_login,
            now=clock.now(),
        )

    return make


@pytest.fixture
def user(make_user: Callable[..., User], beginnings: Beginnings) -> User:
    """The same user in all tests of this process."""
    return copy.deepcopy(beginnings.begin('user', make_user))


@pytest.fixture
def api(http: ChaliceClient, user: User) -> Api:
    """The API as `user` sees it, with all scopes."""
    return Api(http, user.user_id, ALL_SCOPES)


@pytest.fixture
def other(http: ChaliceClient, make_user: Callable[..., User]) -> Api:
    """The API as somebody else sees it."""
    return Api(http, make_user('other@example.com').user_id, ALL_SCOPES)


@pytest.fixture
def client(user: User) -> Client:
    """A confidential client, secret `secret`."""
    client, _ = Client.register(
        client_id='test-app',
        secret='secret',
        owner_id=user.user_id,
        name='Test app',
        redirect_uris=['http://127.0.0.1/callback'],
        now=clock.now(),
    )
    return client


@pytest.fixture
def requests_made() -> Iterator[list[str]]:
    """The DynamoDB requests made so far, by operation name, in order."""
    made: list[str] = []
    events = Item.connection().client.meta.events

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    events.register('before-call.dynamodb', note)
    yield made
    events.unregister('before-call.dynamodb', note)
