"""Many clients of the local stack at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from tests.e2e.conftest import Client, Stack

pytestmark = pytest.mark.e2e

CLIENTS = 64
SHARING = 8  # clients that send the same idempotency key


def test_requests_of_many_clients_at_once_succeed_and_a_key_creates_one_portfolio(stack: Stack) -> None:
    authorization = f'Bearer {Client(stack, "admin").token["access_token"]}'
    start = Barrier(CLIENTS)

    def create(number: int) -> list[tuple[int, int]]:
        """Return status and id of two creates and a read."""
        key = f'concurrent-{number // SHARING}'
        headers = {'Authorization': authorization, 'Idempotency-Key': key}
        body = {'title': key, 'currencies': ['btc', 'usd']}
        made = []
        with requests.Session() as session:
            start.wait()
            for _ in range(2):
                answer = session.post(f'{stack.url}/api/portfolios', json=body, headers=headers, timeout=120)
                made.append((answer.status_code, answer.json().get('result', {}).get('id', 0)))
                read = session.get(f'{stack.url}/api/portfolios/{made[-1][1]}/balances', headers=headers, timeout=120)
                made.append((read.status_code, made[-1][1]))
        return made

    with ThreadPoolExecutor(CLIENTS) as pool:
        made = list(pool.map(create, range(CLIENTS)))

    assert Counter(status for one in made for status, _ in one) == {201: 2 * CLIENTS, 200: 2 * CLIENTS}
    ids = [{number for _, number in one} for one in made]
    for first in range(0, CLIENTS, SHARING):
        assert len(set().union(*ids[first : first + SHARING])) == 1
    assert len(set().union(*ids)) == CLIENTS // SHARING
