"""Accounts at exchanges that one test has to itself: a server in the place of the exchange, and what the API shows of the account."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.jobs import refresh
from chalicelib.models import Ledger
from infra.fake_upstreams.http_server import Respond, serving
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.jobs import record

PATH = '/api/portfolios/1/accounts/1'


@contextmanager
def reached(respond: Respond, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let all requests to upstreams arrive at a server of the test."""
    with serving(respond) as url:
        monkeypatch.setenv('UPSTREAM_URL', url)
        settings.cache_clear()
        settings()
        yield
        monkeypatch.undo()
    settings.cache_clear()
    settings()


def create(api: Api, wallet: str, credentials: dict[str, str]) -> None:
    response = api.post('/api/portfolios/1/accounts', {'wallet': wallet, 'credentials': credentials})
    assert response.status_code == 201, response.body


def run(api: Api, account: int = 1) -> bool:
    """Let time pass, and read an account; say whether that went well."""
    CLOCK.advance(60)
    message = record({'ledger': f'LEDGER#ACCOUNT#{api.user_id}#000001#{account:06}'})
    return not refresh.refresh_accounts({'Records': [message]}, None)['batchItemFailures']


def shown(api: Api, path: str = '') -> Any:
    response = api.get(PATH + path)
    assert response.status_code == 200, response.body
    return response.json_body


def balances(api: Api) -> dict[str, str]:
    return {row['currency']['code']: row['balance'] for row in shown(api, '/balances')['result']}


def problem(api: Api) -> str | None:
    """The reason why the account cannot be read."""
    found = shown(api)['result']['problem']
    return None if found is None else found['reason']


def is_whole(api: Api) -> bool:
    """Whether the account's entries are known to be all, as they add up to its balances."""
    ledger = Ledger.find(f'LEDGER#ACCOUNT#{api.user_id}#000001#000001')
    return ledger is not None and ledger.is_whole
