"""What the tests of exports and imports drive and look at: a world of people, a second table, processes that die."""

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import boto3
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from app import app
from chalicelib import clock
from chalicelib.domain.ledgers import Holding
from chalicelib.models import (
    ApiKey,
    Authenticator,
    Client,
    Grant,
    Item,
    Passkey,
    RecoveryCodes,
    Session,
    ShareLink,
    Snapshot,
    User,
    connect,
    transact,
)
from infra.data import __main__ as command_line
from infra.data.kinds import LEFT_OUT
from infra.data.table import kind_of
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import ALL_SCOPES, PASSWORD, Api
from tests.support.dynamodb import MUTATIONS, Killed
from tests.support.jobs import run_refresh
from tests.support.kraken import create_account
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, pk_of

SECOND = 'cryptfolio-second'
NEVER_READ = 'bc1qp7lwd7dhgkgpqyccs9fjpqcdcjdeqpnnzhsdte'
NEVER_THE_SAME = ('/api/status', '/api/sources')  # they say how upstreams do now

Json = dict[str, Any]
Get = Callable[[str], HTTPResponse]


class World:
    """Two people who share an address, with everything that people can have; `secrets` are what only they know."""

    def __init__(self, http: ChaliceClient, explorer: Explorer, make_user: Callable[[str], User]) -> None:
        self.http = http
        self.apis = [Api(http, make_user(email).user_id, ALL_SCOPES) for email in ('ann@example.com', 'Bob@example.com')]
        explorer.chain |= {SEGWIT: payments(9), LEGACY: payments(4), TAPROOT: payments(7)}
        for api in self.apis:
            self._fill(api)
        self.apis[0].address(1, TAPROOT)
        assert run_refresh(SEGWIT, LEGACY, TAPROOT)
        Snapshot.store(pk_of(TAPROOT), [Holding('btc', Decimal('0.5'), None, None, None)], clock.now())
        self.secrets = [self._register(api, f'app-{number}') for number, api in enumerate(self.apis)]

    @staticmethod
    def _fill(api: Api) -> None:
        first, second, deleted = (api.portfolio(title, ('btc', 'usd', 'eur')) for title in ('Mine', 'Ours ✓', 'Gone'))
        for portfolio, address in ((first, SEGWIT), (first, LEGACY), (second, SEGWIT), (second, NEVER_READ), (deleted, SEGWIT)):
            api.address(portfolio, address)
        body = {'title': 'Cold', 'balances': [{'currency': 'btc', 'balance': '0.12345678'}, {'currency': 'usd', 'balance': '-7.5'}]}
        assert api.post(f'/api/portfolios/{first}/offsets', body).status_code == 201
        create_account(api)
        again = {'Idempotency-Key': 'once'}
        assert api.request('POST', f'/api/portfolios/{second}/offsets', {'title': 'Once'}, again).status_code == 201
        assert api.delete(f'/api/portfolios/{deleted}').status_code == 200  # its purge is still to come

    @staticmethod
    def _register(api: Api, client_id: str) -> tuple[str, str, str]:
        now = 1_795_000_000
        Client.register(
            client_id=client_id, secret='secret', owner_id=api.user_id, name='App', redirect_uris=['https://a.example'], now=now
        )
        user = User.find(api.user_id)
        Grant.allow(user, client_id, ['read'], now)
        Session.start(user, now * 1000)
        link = {'name': 'Accountant', 'shows_amounts': True, 'expires_at': 10**10, 'now': now}
        share_token, writes = ShareLink.creation(api.user_id, 1, **link)
        transact(*writes)
        return client_id, ApiKey.create(api.user_id, name='Sheet', scopes=['read'], now=now)[1], share_token

    def answers(self) -> Json:
        """Return what every GET answers to everybody, time aside."""
        return {f'{n} {path}': _told(get(path)) for n, get in enumerate(self._gets) for path in self._paths[n]}

    @cached_property
    def _gets(self) -> list[Get]:
        return [_as(api) for api in self.apis]

    @cached_property
    def _paths(self) -> list[list[str]]:
        return [_paths(get) for get in self._gets]

    def can_log_in(self, number: int) -> bool:
        """Say whether a password, a client's secret, an API key and a link to a portfolio are good."""
        email, (client_id, key, share_token) = ('ann@example.com', 'bob@example.com')[number], self.secrets[number]
        form = {'grant_type': 'password', 'username': email, 'password': PASSWORD, 'client_id': client_id, 'client_secret': 'secret'}
        headers = {'Content-Type': 'application/x-www-form-urlencoded'}
        token = self.http.http.post('/oauth/token', headers=headers, body=urlencode(form).encode())
        user = self.http.http.request('GET', '/api/user', headers={'Authorization': f'Bearer {key}'})
        shared = self.http.http.request('GET', f'/s/{share_token}')
        return (token.status_code, user.status_code, shared.status_code) == (200, 200, 200)


def _as(api: Api) -> Get:
    """Return a way to get paths as somebody, with one token for all of them."""
    headers = {'Authorization': f'Bearer {api.token()}'}
    return lambda path: api.http.http.request('GET', path, headers=headers)


def _told(response: HTTPResponse) -> Json:
    body = {name: value for name, value in response.json_body.items() if name not in ('time', 'request_id', 'try_again_at')}
    return {'status': response.status_code, 'etag': response.headers.get('ETag'), 'body': json.dumps(body, sort_keys=True)}


def _paths(get: Get) -> list[str]:
    """Return every path that somebody can get, with each of their ids."""
    found = []
    for route, methods in app.routes.items():
        if 'GET' in methods and route.startswith('/api/') and not route.startswith(NEVER_THE_SAME):
            found += list(_filled(get, route))
    return found


def _filled(get: Get, route: str) -> Iterator[str]:
    before, variable, after = re.fullmatch(r'([^{]*)(?:\{(\w+)\}(.*))?', route).groups()
    if variable is None:
        yield route
    elif variable.endswith('_id'):
        for row in get(before.rstrip('/')).json_body.get('result', []):
            yield from _filled(get, f'{before}{row["id"]}{after}')
    elif variable in ('code', 'currency'):
        yield from _filled(get, f'{before}btc{after}')


def kinds(of: type[Item]) -> Iterator[str]:
    """Yield the names of all kinds of items."""
    for kind in of.__subclasses__():
        discriminator = Item.kind.get_discriminator(kind)
        yield from [discriminator] if discriminator else []
        yield from kinds(kind)


def add_second_factors(user_id: str) -> None:
    transact(Authenticator.creation(user_id, b'a secret', 1, 1))
    transact(RecoveryCodes.creation(user_id, ['a code']))
    passkey = Passkey.at(user_id, '0')
    passkey.credential_id = passkey.public_key = b'x'
    passkey.sign_count, passkey.name, passkey.created_at = 0, 'x', 1
    passkey.save()


def run(*arguments: str | Path) -> int:
    """Run `python -m infra.data`; return its exit code."""
    with patch.dict(os.environ):
        return command_line.main([str(argument) for argument in arguments])


@contextmanager
def second_table() -> Iterator[None]:
    """The application's table is another one, empty at first."""
    before = Item.Meta.table_name, Item._connection
    Item.Meta.table_name, Item._connection = SECOND, _second_connection()
    Item.create_table(billing_mode='PAY_PER_REQUEST')
    try:
        yield
    finally:
        Item.delete_table()
        Item.Meta.table_name, Item._connection = before


@cache
def _second_connection() -> Any:
    """Return PynamoDB's connection to the second table, made as the application makes its own."""
    before = Item.Meta.table_name, Item._connection
    Item.Meta.table_name, Item._connection = SECOND, None
    try:
        connect()
        return Item._connection
    finally:
        Item.Meta.table_name, Item._connection = before


def items(table: str) -> list[Json]:
    """Return every item of a table that an export carries."""
    found = [item for page in boto3.client('dynamodb').get_paginator('scan').paginate(TableName=table) for item in page['Items']]
    return sorted((item for item in found if kind_of(item) not in LEFT_OUT), key=lambda item: (item['pk']['S'], item['sk']['S']))


@contextmanager
def hooked(event: str, handler: Callable[..., Any]) -> Iterator[None]:
    """Let the clients that are made from now on tell `handler` of an event."""
    emitter = boto3._get_default_session()._session.get_component('event_emitter')
    emitter.register(event, handler)
    try:
        yield
    finally:
        emitter.unregister(event, handler)


@contextmanager
def dies_after(requests: int, operations: tuple[str, ...] = MUTATIONS) -> Iterator[None]:
    """The process dies after this many requests of some kinds: nothing that comes after them is sent."""
    made = itertools.count(1)

    def watch(model: Any, **_: Any) -> None:
        if model.name in operations and next(made) > requests:
            raise Killed

    events = Item.connection().client.meta.events
    events.register('before-call.dynamodb', watch)
    try:
        with hooked('before-call.dynamodb', watch):
            yield
    finally:
        events.unregister('before-call.dynamodb', watch)


def survives(act: Callable[[], Any], requests: int, operations: tuple[str, ...] = MUTATIONS) -> bool:
    """Run `act`, dying after some requests; say whether it came to its end before."""
    try:
        with dies_after(requests, operations):
            act()
    except Killed:
        return False
    return True
