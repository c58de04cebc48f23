"""A list reads what it shows, however much else is in the portfolio."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.domain.hd_wallets import FollowedLedger, identify
from chalicelib.models import Address, Item
from tests.support.api import Api
from tests.support.ledgers import SEGWIT, observe

ADDRESSES = 260
OFFSETS = 3


@pytest.fixture
def large(api: Api) -> str:
    """The path of a portfolio of many addresses and a few offsets."""
    number = api.portfolio()
    store_addresses(api, number, [identify('btc', f'bc1q{address_id:038}') for address_id in range(1, ADDRESSES + 1)])
    path = f'/api/portfolios/{number}'
    for title in range(OFFSETS):
        offset = {'title': f'Offset {title}', 'balances': [{'currency': 'btc', 'balance': '1'}]}
        assert api.post(f'{path}/offsets', offset).status_code == 201
    return path


def store_addresses(api: Api, number: int, addresses: Sequence[FollowedLedger]) -> None:
    """Store addresses of a portfolio as its first ones."""
    children = []
    for address_id, identified in enumerate(addresses, 1):
        child = Address.at(api.user_id, number, address_id)
        child.user_id, child.portfolio_id, child.address_id = api.user_id, number, address_id
        child.title, child.currency, child.created_at, child.updated_at = f'Part {address_id}', identified.key.currency, 1, 1
        child.point_to(identified)
        children.append(child)
    Item.write_many(put=children)


@contextmanager
def items_read() -> Iterator[list[int]]:
    """Yield how many items each query reads."""
    events, read = Item.connection().client.meta.events, list[int]()

    def count(parsed: dict[str, Any], **_: Any) -> None:
        read.append(parsed['ScannedCount'])

    events.register('after-call.dynamodb.Query', count)
    yield read
    events.unregister('after-call.dynamodb.Query', count)


def test_each_page_of_a_list_reads_little_more_than_it_shows(api: Api, large: str):
    ids, cursor = [], ''
    with items_read() as read:
        while cursor is not None:
            answer = api.get(f'{large}/addresses?limit=50{cursor and f"&cursor={cursor}"}').json_body
            ids += [one['id'] for one in answer['result']]
            cursor = answer.get('next')

    assert ids == [*range(1, ADDRESSES + 1)]
    assert len(read) == -(-ADDRESSES // 50)
    assert read[0] <= 50 + 1 + 1 + 100
    assert max(read[1:]) <= 50 + 1


def test_a_list_passes_over_the_many_children_that_come_before_its_own(api: Api, large: str):
    with items_read() as read:
        shown = api.get(f'{large}/offsets?limit=2').json_body
        rest = api.get(f'{large}/offsets?limit=2&cursor={shown["next"]}').json_body

    assert [one['title'] for one in [*shown['result'], *rest['result']]] == ['Offset 0', 'Offset 1', 'Offset 2']
    assert len(read) == 3
    assert sum(read) <= (2 + 1 + 1 + 100) + 3 + 1


def count_calls(api: Api, path: str) -> int:
    """Return how many calls of functions one GET takes in its own thread."""
    calls = [0]

    def count(*_: Any) -> None:
        calls[0] += 1

    sys.setprofile(count)
    try:
        api.get(path)
    finally:
        sys.setprofile(None)
    return calls[0]


@pytest.mark.parametrize('of', ['balances', 'converted', 'balances?at=2020-01-01'])
def test_addresses_that_are_not_read_yet_cost_each_the_same_however_many_there_are(api: Api, of: str):
    """Each may hold hundreds of tokens, and each is missing from the sum."""
    api.address(api.portfolio(), SEGWIT)
    observe(SEGWIT, 1, 1)
    calls = []
    for count in (19, 59, 99):  # with the one that is read, of which a hundred take one request
        number = api.portfolio(currencies=('btc',))
        unread = [identify('eth', f'0x{address_id:040x}') for address_id in range(1, count + 1)]
        store_addresses(api, number, [identify('btc', SEGWIT), *unread])
        path = f'/api/portfolios/{number}/{of}'
        [row, *_] = api.get(path).json_body['result']
        assert len(row.get('missing', ())) == (count if of == 'converted' else 0)
        calls.append(count_calls(api, path))

    assert calls[2] - calls[1] < 1.5 * (calls[1] - calls[0])  # it would be twice as many if each were compared with each
