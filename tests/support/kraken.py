"""A Kraken with one account, which a test scripts; every upstream is behind the same server."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.models import Cursor, Ledger, Transaction
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.http_server import Request, serving
from infra.fake_upstreams.kraken_account import KrakenAccount, LedgerRow
from tests.support.api import Api
from tests.support.secrets import secret

KEY = 'kraken-key-of-a-test'
SECRET = secret(base64.b64encode(b'kraken-secret-of-a-test').decode())
CREDENTIALS = {'key': KEY, 'secret': SECRET}
FIRST_AT = 1_600_000_000

Fault = Callable[[Request, Answer], Answer]


@dataclass
class Kraken:
    """The account, the requests that arrived, and how they are answered wrongly."""

    account: KrakenAccount = field(default_factory=lambda: KrakenAccount(KEY, SECRET))
    fault: Fault | None = None
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        if request.upstream != 'kraken':
            return Answer(404, 'no such upstream')
        self.requests.append(request)
        answer = self.account.respond(request)
        return answer if self.fault is None else self.fault(request, answer)


@pytest.fixture
def kraken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kraken]:
    """A Kraken that works and has an empty account with a read-only key."""
    scripted = Kraken()
    with serving(scripted.respond) as url:
        monkeypatch.setenv('UPSTREAM_URL', url)
        settings.cache_clear()
        settings()  # read now: during a request the test client shows another stage's environment
        yield scripted
        monkeypatch.undo()
    settings.cache_clear()
    settings()


def trades(number: int, *, first: int = 1, at: int = FIRST_AT) -> list[LedgerRow]:
    """Return the entries of a deposit of dollars and `number` purchases of bitcoin, an hour apart, newest first."""
    rows = [LedgerRow(f'L{first:06}', f'R{first:06}', at, 'deposit', 'ZUSD', Decimal(number * 1_000))] if first == 1 else []
    for n in range(first, first + number):
        paid, bought = Decimal(n) + Decimal('100.25'), Decimal(n) / 10_000
        rows.append(LedgerRow(f'LU{n:06}', f'T{n:06}', at + n * 3_600, 'trade', 'ZUSD', -paid, Decimal('0.16')))
        rows.append(LedgerRow(f'LX{n:06}', f'T{n:06}', at + n * 3_600, 'trade', 'XXBT', bought))
    return rows[::-1]


def create_account(api: Api, **body: Any) -> int:
    """Put an account at Kraken into portfolio 1; return its id."""
    credentials = CREDENTIALS if 'title' not in body else {**CREDENTIALS, 'key': f'key-of-a-test of {body["title"]}'}
    response = api.post('/api/portfolios/1/accounts', {'title': 'My account', 'wallet': 'kraken', 'credentials': credentials} | body)
    assert response.status_code == 201, response.body
    created: int = response.json_body['result']['id']
    return created


def observe_account(user_id: str) -> None:
    """Put a bitcoin and the transaction that brought it yesterday into the ledger of account 1 of portfolio 1, as a refresh would."""
    pk = f'LEDGER#ACCOUNT#{user_id}#000001#000001'
    at = clock.now() - 86_400
    ledger = Ledger.lease(pk, owner='test', now=clock.now(), looked_at=None)
    assert ledger
    entry = Entry('R1', 0, 'btc', Decimal(1), Decimal(0), at, at)
    Transaction.store([Transaction.of(pk, entry, source='kraken_accounts', run='x', now=at)])
    ledger.begin_change(at, at, clock.now())
    holding = Holding('btc', Decimal(1), sent=None, received=None, transactions=None)
    ledger.observe(holdings=[holding], source='kraken_accounts', counts_p2pk=True, incomplete=None, cursor=Cursor(run='x'), now=clock.now())
    ledger.release_until(clock.now() + 300)
