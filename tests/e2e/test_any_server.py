"""What holds of any server, whatever explorers and rates it has: the local stack, the package in an emulation, a stage on AWS."""

import re
from decimal import Decimal

import pytest
import requests

from tests.e2e.conftest import Client, Stack
from tests.support.processes import PATIENCE_SECONDS, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.remote]

# Its first transaction is the reward of the fifth block, which nothing can change. It only ever receives.
EARLY = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


def test_an_address_is_read_from_the_chain_and_its_portfolio_is_worth_something(client: Client) -> None:
    portfolio = client.portfolio()
    address = client.address(portfolio, EARLY)

    balances = client.when_ready(f'{address}/balances', complete=True)['result']
    transactions = client.get(f'{address}/transactions')['result']

    [balance] = balances
    first = transactions[-1]
    assert (first['delta'], first['reference'][:8], first['txn_at']) == ('50.0', '63522845', '2009-01-09T03:23:48+00:00')
    assert sum(Decimal(txn['delta']) for txn in transactions) == Decimal(balance['balance']) >= 50
    assert balance['transactions'] == len(transactions)

    def worth() -> dict[str, str]:
        """Return the value by currency, once there are rates."""
        rows = client.when_ready(f'{portfolio}/converted')['result']
        return {row['currency']: row['balance'] for row in rows} if all(row['complete'] for row in rows) else {}

    value = wait_until(worth, pause=client.pause)
    assert value['btc'] == balance['balance']
    assert Decimal(value['usd']) > 1_000


def test_an_offset_counts_in_the_portfolios_balance(client: Client) -> None:
    portfolio = client.portfolio()
    client.post(f'{portfolio}/offsets', {'title': 'Cash', 'balances': [{'currency': 'btc', 'balance': '0.00001'}]})

    balances = client.when_ready(f'{portfolio}/balances')['result']

    assert [(row['currency'], row['balance'], row['complete']) for row in balances] == [('btc', '0.00001', True), ('usd', '0.0', True)]


def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    answer = client.request('POST', '/api/portfolios', {'title': 'x' * 300_000, 'currencies': ['btc']})

    assert (answer.status_code, answer.json()['code']) == (413, 'too_large')


def test_what_is_wrong_with_a_body_is_said_all_at_once(client: Client) -> None:
    answer = client.request('POST', '/api/portfolios', {'title': '', 'currencies': []})

    assert (answer.status_code, answer.json()['message']) == (422, 'Invalid')
    assert {fault['field'] for fault in answer.json()['fields']} == {'title', 'currencies'}


def test_a_form_is_as_good_as_json(client: Client) -> None:
    answer = client.session.post(
        f'{client.url}/api/portfolios', 'title=A+form&currencies[]=btc&currencies[]=usd', headers=FORM, timeout=PATIENCE_SECONDS
    )

    assert (answer.status_code, answer.json()['result']['title']) == (201, 'A form')
    client.portfolio_paths.append(f'/api/portfolios/{answer.json()["result"]["id"]}')


def test_a_request_that_is_repeated_with_its_key_is_carried_out_once_and_a_read_that_did_not_change_is_not_sent_again(
    client: Client,
) -> None:
    path = client.portfolio()
    body = {'title': 'Once', 'balances': [{'currency': 'btc', 'balance': '1.0'}]}

    def post() -> requests.Response:
        key = {'Idempotency-Key': f'remote-{path}'}
        return client.session.post(f'{client.url}{path}/offsets', json=body, headers=key, timeout=PATIENCE_SECONDS)

    assert post().json()['result']['id'] == post().json()['result']['id']
    tag = client.request('GET', path).headers['ETag']
    again = client.session.get(f'{client.url}{path}', headers={'If-None-Match': tag}, timeout=PATIENCE_SECONDS)
    assert (again.status_code, again.content) == (304, b'')


def test_every_page_before_a_log_in_is_a_page_that_runs_no_foreign_script(stack: Stack) -> None:
    for path in ('/login', '/forgot'):
        page = requests.get(f'{stack.url}{path}', timeout=PATIENCE_SECONDS)
        assert (page.status_code, page.headers['Content-Type']) == (200, 'text/html; charset=utf-8')
        assert "default-src 'none'" in page.headers['Content-Security-Policy']
        style = re.search(r'<link rel="stylesheet" href="([^"]+)"', page.text)
        assert style


def test_other_sites_may_call_the_api(stack: Stack) -> None:
    preflight = {
        'Origin': 'https://elsewhere.example',
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'authorization',
    }

    answer = requests.options(f'{stack.url}/api/portfolios', headers=preflight, timeout=PATIENCE_SECONDS)

    assert answer.status_code == 200
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    assert 'Authorization' in answer.headers['Access-Control-Allow-Headers']
