"""GET /api/portfolios/ID/transactions: all ledgers as one list in one order, whatever the size of a page, with transfers marked."""

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.models import Ledger, Transaction
from tests.support.api import Api
from tests.support.hd_wallets import at
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT, observe, pk_of

Json = dict[str, Any]
AT = 1_600_000_000


def pay(address: str, reference: str, at: int, delta: str, n: int = 0, currency: str = 'btc') -> None:
    """Put a transaction into a ledger that was observed."""
    entry = Entry(reference, n, currency, Decimal(delta), Decimal(0), at, 700_000)
    Transaction.store([Transaction.of(pk_of(address), entry, source='blockstream', run='x', now=AT)])
    newest = max(Ledger.find(pk_of(address)).newest_at or 0, at)
    Ledger.at(pk_of(address)).update([Ledger.newest_at.set(newest)])


@pytest.fixture
def portfolio(api: Api) -> str:
    """Three addresses: payments of each, a transfer between two of them in the same second, and one to somebody else."""
    number = api.portfolio()
    for address in (SEGWIT, TAPROOT, LEGACY):
        api.address(number, address, address[:6])
        observe(address, 1, 0)
        Ledger.at(pk_of(address)).update([Ledger.holdings.set([Holding('btc', Decimal(1), None, None, 9)])])
    for n in range(7):
        pay((SEGWIT, TAPROOT, LEGACY)[n % 3], f'{n:064x}', AT + 10 * n, '1')
    pay(SEGWIT, 'ab' * 32, AT + 35, '-2')
    pay(TAPROOT, 'ab' * 32, AT + 35, '1.9')
    pay(LEGACY, 'cd' * 32, AT + 35, '-3')
    pay(LEGACY, 'cd' * 32, AT + 35, '5', n=1, currency='eth')
    return f'/api/portfolios/{number}/transactions'


def every(api: Api, path: str, limit: int) -> list[Json]:
    """Return the rows of all pages of a size."""
    rows: list[Json] = []
    query = f'?limit={limit}'
    while True:
        response = api.get(f'{path}{query}')
        assert response.status_code == 200, response.body
        rows += response.json_body['result']
        if 'next' not in response.json_body:
            return rows
        assert len(response.json_body['result']) == limit
        query = f'?limit={limit}&cursor={response.json_body["next"]}'


def test_all_ledgers_are_one_list_in_one_order_with_transfers_marked(api: Api, portfolio: str):
    rows = every(api, portfolio, 1_000)

    assert len(rows) == 11
    assert [row['txn_at'] for row in rows] == sorted((row['txn_at'] for row in rows), reverse=True)
    transfers = {(row['reference'][:2], row['address']['title'], row['delta']) for row in rows if row['internal']}
    assert transfers == {('ab', SEGWIT[:6], '-2.0'), ('ab', TAPROOT[:6], '1.9')}
    assert {row['address']['title'] for row in rows} == {SEGWIT[:6], TAPROOT[:6], LEGACY[:6]}
    for limit in (1, 2, 3, 4, 10):
        assert every(api, portfolio, limit) == rows
    single = api.get(f'{portfolio.replace("transactions", "addresses/1/transactions")}').json_body['result']
    assert [{key: row[key] for key in row if key not in ('address', 'internal')} for row in rows if row['address']['id'] == 1] == single


def test_a_page_goes_on_within_a_transaction_that_moves_many_currencies(api: Api, portfolio: str):
    codes = [f'x-test-{n:02}' for n in range(30)]
    for n, code in enumerate(codes):
        pay(SEGWIT, 'ee' * 32, AT + 5_000, '1', n=n, currency=code)

    rows = every(api, portfolio, 1)

    assert sorted(row['currency']['code'] for row in rows if row['reference'] == 'ee' * 32) == codes
    assert rows == every(api, portfolio, 1_000)


def test_quiet_ledgers_cost_nothing_and_what_was_never_read_is_missing(api: Api, portfolio: str, requests_made: list[str]):
    pay(SEGWIT, 'ff' * 32, AT + 1_000, '1')
    pay(SEGWIT, 'fe' * 32, AT + 1_001, '1')
    quiet = [at(0, number, 'p2pkh') for number in range(8)]
    for number, address in enumerate(quiet):
        api.address(1, address)
        observe(address, 1, 0)
        Ledger.at(pk_of(address)).update([Ledger.holdings.set([Holding('btc', Decimal(1), None, None, 1)])])
        pay(address, f'{number:064x}', AT - 1_000, '1')
    requests_made.clear()

    answer = api.get(f'{portfolio}?limit=1').json_body

    assert requests_made.count('Query') <= 1 + 8  # of eleven ledgers, as they are read eight at a time
    assert (answer['result'][0]['reference'], answer['complete'], 'missing' in answer) == ('fe' * 32, True, False)
    api.address(1, 'bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3', 'New')
    answer = api.get(f'{portfolio}?limit=1').json_body
    assert (answer['complete'], [part['reason'] for part in answer['missing']]) == (False, ['not_ready'])


@pytest.mark.parametrize('cursor', ['x', 'MTAw', 'fGFkZHJlc3Mx'])
def test_a_cursor_of_another_list_is_refused(api: Api, portfolio: str, cursor: str):
    assert api.get(f'{portfolio}?cursor={cursor}').status_code == 422
