"""A portfolio with a past, and what its pages show, beside what the API answers."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.conversion import Rate
from chalicelib.jobs import histories as job
from chalicelib.models import LatestRates
from chalicelib.services.rates import current
from infra.fake_upstreams.scripted_explorer import Explorer, Txn, txid
from tests.support.api import Api
from tests.support.jobs import Queue, run_refresh
from tests.support.ledgers import SEGWIT, TAPROOT

DAY = 86_400
NAME = '<script>alert("1")</script> & محمد'

Json = dict[str, Any]


@pytest.fixture
def history_queue(queues: dict[str, str], delayed_messages: list[tuple[Json, int]]) -> Queue:
    return Queue(queues[settings().history_queue], job.refresh_histories)


@pytest.fixture
def filled(api: Api, explorer: Explorer, history_queue: Queue) -> int:
    """A portfolio of two addresses and an offset with something that has no rate, and its history."""
    know_rates()
    explorer.chain[SEGWIT] = [payment(number, 1_000_000_000 + number) for number in (1, 3, 20, 100)]
    explorer.chain[TAPROOT] = [payment(10, 5)]
    number = api.portfolio(NAME, ('btc', 'usd'))
    api.address(number, SEGWIT, NAME)
    api.address(number, TAPROOT)
    offset = {'title': NAME, 'balances': [{'currency': 'usd', 'balance': '12500.50'}, {'currency': 'doge', 'balance': '90000'}]}
    assert api.post(f'/api/portfolios/{number}/offsets', offset).status_code == 201
    assert run_refresh(SEGWIT, TAPROOT)
    history_queue.drain()
    return number


def know_rates() -> None:
    now = clock.now()
    rates = [Rate('btc', 'usd', Decimal('11775.36'), now, 'bitstamp,kraken'), Rate('eur', 'usd', Decimal('1.25'), now, 'ecb')]
    assert LatestRates.find().store(now, [], rates, dict.fromkeys(('btc', 'doge', 'eur', 'usd'), now + DAY))
    current.forget()


def payment(days: int, satoshi: int) -> Txn:
    return Txn(txid(days), 800_000 - days * 10, (satoshi,), at=clock.now() - days * DAY)


def result(api: Api, path: str) -> Any:
    response = api.get(f'/api/portfolios/{path}')
    assert response.status_code == 200, response.body
    return response.json_body['result']


def cells(page: str, table: str) -> list[list[str]]:
    """Return the words of each cell of each row of the body of a table that begins so, without the commas between digits."""
    body = page.partition(table)[2].partition('<tbody>')[2].partition('</tbody>')[0]
    rows = [re.split(r'<t[hd][^>]*>', row)[1:] for row in body.split('<tr>')[1:]]
    return [[' '.join(unescape(re.sub('<[^>]*>', ' ', cell)).replace(',', '').split()) for cell in row] for row in rows]


def figure(page: str) -> str:
    return re.search(r'class="worth amount">([\d,.]+) ', page)[1].replace(',', '')


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace('+00:00', 'Z')
