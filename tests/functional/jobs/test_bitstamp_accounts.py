"""Accounts at Bitstamp, read from a server that verifies its signatures."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.support.accounts import PATH, create, is_whole, reached, run, shown
from tests.support.api import Api
from tests.support.bitstamp import KEY, SECRET, BitstampAccount

TRADE, DEPOSIT, WITHDRAWAL, REWARD = '2', '0', '1', '27'


def row(number: int, kind: str, fee: str = '0.00', **moved: Any) -> dict[str, Any]:
    """Return a transaction as Bitstamp lists it: with a column for each currency, some of them numbers."""
    at = f'2021-11-{1 + number // 1440 % 28:02} {number // 60 % 24:02}:{number % 60:02}:31.607389'
    return {'id': number, 'datetime': at, 'type': kind, 'fee': fee, 'usd': 0.0, 'btc': 0.0, 'btc_usd': '0.00', 'order_id': None} | moved


@pytest.fixture
def bitstamp(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[BitstampAccount]:
    """An empty account, in a portfolio."""
    account = BitstampAccount()
    with reached(account.respond, monkeypatch):
        api.portfolio()
        create(api, 'bitstamp', {'key': KEY, 'secret': SECRET})
        yield account


def test_trades_movements_rewards_and_their_fees_add_up(api: Api, bitstamp: BitstampAccount):
    bitstamp.rows = [
        row(5, REWARD, algo='0.24178042'),
        row(4, WITHDRAWAL, fee='0.00050000', btc='-0.01000000'),
        row(3, TRADE, fee='0.06', usd='11.37', btc='-0.08650000', btc_usd='131.50', order_id=2),
        row(2, TRADE, fee='0.12', usd='-26.30', btc='0.20000000', btc_usd=Decimal('131.5').__float__(), order_id=1),
        row(1, DEPOSIT, usd='100.00'),
    ]
    # 100 - 26.30 - 0.12 + 11.37 - 0.06; 0.2 - 0.0865 - 0.01 - 0.0005
    bitstamp.balances = {'usd': '84.89', 'btc': '0.10300000', 'algo': '0.24178042', 'eur': '0.00'}

    assert run(api)

    assert {one['currency']['code']: one['balance'] for one in shown(api, '/balances')['result']} == {
        'algo': '0.24178042', 'btc': '0.103', 'usd': '84.89',
    }  # fmt: skip
    listed = shown(api, '/txns')
    assert listed['complete'] is True
    rows = [(one['reference'], one['currency']['code'], one['delta'], one['fee']) for one in listed['result']]
    assert sorted(rows) == [
        ('1', 'usd', '100.0', '0.0'),
        ('2', 'btc', '0.2', '0.0'), ('2', 'usd', '-26.42', '0.12'),
        ('3', 'btc', '-0.0865', '0.0'), ('3', 'usd', '11.31', '0.06'),
        ('4', 'btc', '-0.0105', '0.0005'),
        ('5', 'algo', '0.24178042', '0.0'),
    ]  # fmt: skip


def test_a_thousand_and_one_rows_are_two_pages(api: Api, bitstamp: BitstampAccount):
    bitstamp.rows = [row(number, DEPOSIT, usd='0.25') for number in range(1_001, 0, -1)]
    bitstamp.balances = {'usd': '250.25'}

    assert run(api)

    assert is_whole(api)
    asked = [request.body['offset'] for request in bitstamp.requests if 'user_transactions' in request.url]
    assert asked == ['0', '1000']
    assert len(shown(api, '/txns?limit=1000')['result']) == 1_000


def test_what_is_wrong_with_the_credentials_is_told(api: Api, bitstamp: BitstampAccount):
    assert api.patch(PATH, {'credentials': {'key': KEY, 'secret': 'another secret'}}).status_code == 200

    assert run(api)

    assert shown(api)['result']['problem']['reason'] == 'wrong_secret'


@pytest.mark.parametrize('odd', [row(2, DEPOSIT, btc='2.00000000') | {'id': '9' * 2_000}, []])
def test_a_row_of_an_odd_shape_costs_only_itself(api: Api, bitstamp: BitstampAccount, odd: Any):
    bitstamp.balances = {'btc': '3'}
    bitstamp.rows = [odd, row(1, DEPOSIT, btc='1.00000000')]

    assert run(api)

    assert [(txn['reference'], txn['delta']) for txn in shown(api, '/txns')['result']] == [('1', '1.0')]
    assert [one['balance'] for one in shown(api, '/balances')['result']] == ['3.0']
