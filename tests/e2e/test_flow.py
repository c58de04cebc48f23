"""The documented flow, against the local stack as `make run` starts it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
import requests
from oauthlib.oauth2 import InvalidGrantError

from infra.fake_upstreams import esplora, hd_wallet, sample, utxo
from tests.e2e.conftest import Client, OwnStack, Stack, is_alive
from tests.support.processes import PATIENCE_SECONDS, ROOT, listens, wait_until

pytestmark = pytest.mark.e2e

EARLY, BUSY = sample.ADDRESSES


def test_an_addresss_balance_and_transactions_come_from_the_explorers_exactly(client: Client) -> None:
    address = client.address(client.portfolio(), EARLY)

    balances = client.when_ready(f'{address}/balances')
    transactions = client.get(f'{address}/transactions')['result']

    assert balances['complete'] is True
    [balance] = balances['result']
    assert {name: balance[name] for name in ('balance', 'sent', 'received', 'transactions')} == {
        'balance': '50.00501',
        'sent': '0.0',
        'received': '50.00501',
        'transactions': 3,
    }
    assert balance['currency'] == {'title': 'Bitcoin', 'code': 'btc'}
    assert [(txn['delta'], txn['fee'], txn['reference'][:8], txn['txn_at']) for txn in transactions] == [
        ('0.005', '0.0', '06d7d63d', '2016-05-02T22:24:11+00:00'),
        ('0.00001', '0.0', 'b5653369', '2015-07-22T10:12:51+00:00'),
        ('50.0', '0.0', '63522845', '2009-01-09T03:23:48+00:00'),
    ]


def test_a_portfolios_balances_are_the_sums_of_its_addresses_in_each_of_its_currencies(client: Client) -> None:
    portfolio = client.portfolio()
    client.address(portfolio, EARLY)

    balances = client.when_ready(f'{portfolio}/balances')['result']

    assert [(row['currency'], row['balance'], row['complete']) for row in balances] == [('btc', '50.00501', True), ('usd', '0.0', True)]


def test_an_address_with_more_transactions_than_an_explorers_page_comes_whole(client: Client) -> None:
    known = {payment.txid: Decimal(payment.delta).scaleb(-8) for payment in utxo.SAMPLE.of('btc', BUSY)}
    address = client.address(client.portfolio(), BUSY)

    balances = client.when_ready(f'{address}/balances', complete=True)
    transactions = client.get(f'{address}/transactions')['result']

    assert len(known) > 2 * esplora.PAGE
    assert {txn['reference']: Decimal(txn['delta']) for txn in transactions} == known
    assert [txn['txn_at'] for txn in transactions] == sorted((txn['txn_at'] for txn in transactions), reverse=True)
    assert Decimal(balances['result'][0]['balance']) == sum(known.values())
    assert balances['result'][0]['transactions'] == len(known)


@pytest.mark.remote
@pytest.mark.parametrize(
    ('scope', 'method', 'path', 'status', 'code', 'authenticate'),
    [
        (None, 'GET', '/api/user', 401, 'invalid_token', 'Bearer error="invalid_token"'),
        ('info', 'GET', '/api/portfolios', 403, 'insufficient_scope', 'Bearer error="insufficient_scope"'),
        ('read', 'DELETE', '/api/portfolios/1', 403, 'insufficient_scope', 'Bearer error="insufficient_scope"'),
        ('admin', 'GET', '/api/portfolios/999', 404, 'not_found', None),
        ('admin', 'GET', '/api/nothing', 404, 'not_found', None),
        (None, 'GET', '/nowhere', 404, 'not_found', None),
        ('admin', 'PUT', '/api/portfolios', 405, 'method_not_allowed', None),
    ],
)
def test_a_refusal_has_the_envelope_and_its_headers(
    stack: Stack, scope: str | None, method: str, path: str, status: int, code: str, authenticate: str | None
) -> None:
    answer = Client(stack, scope).request(method, path) if scope else requests.request(method, stack.url + path, timeout=PATIENCE_SECONDS)

    assert answer.status_code == status
    assert answer.headers['Content-Type'] == 'application/json'
    assert answer.headers['Access-Control-Allow-Origin'] == '*'
    assert answer.headers.get('WWW-Authenticate') == authenticate
    assert answer.json()['success'] is False
    assert answer.json()['code'] == code
    assert answer.json()['message']


@pytest.mark.remote
def test_a_refresh_token_brings_the_next_one_and_is_refused_once_its_answer_cannot_have_been_lost(stack: Stack, client: Client) -> None:
    def refresh() -> dict[str, str]:
        return client.session.refresh_token(f'{client.url}/oauth/token', refresh_token=first, auth=client.auth)

    def is_refused() -> bool:
        try:
            refresh()
        except InvalidGrantError:
            return True
        return False

    first = client.token['refresh_token']

    assert refresh()['refresh_token'] != first
    assert client.get('/api/user')['result']['email'] == stack.demo['DEMO_EMAIL']
    wait_until(is_refused, pause=client.pause)


@pytest.mark.skipif(shutil.which('curl') is None, reason='needs curl')
def test_what_it_prints_can_be_typed(stack: Stack) -> None:
    commands = stack.output.partition('Try:')[2]

    typed = subprocess.run(['sh', '-c', commands], capture_output=True, text=True, check=True)

    assert '"title":"My first portfolio"' in typed.stdout


def test_the_log_tells_no_token(stack: Stack, client: Client) -> None:
    client.get('/api/user')

    assert 'GET /api/user 200' in stack.log
    assert client.token['access_token'] not in stack.log
    assert client.token['refresh_token'] not in stack.log


def test_a_second_stack_shares_nothing_starts_a_killed_api_again_and_ends_whole_when_killed(
    stack: Stack, client: Client, start_stack: Callable[..., OwnStack]
) -> None:
    """Its user and application are the caller's own, which it does not print."""
    own = {
        'DEMO_EMAIL': 'me@example.com',
        'DEMO_PASSWORD': "an 'odd' & long password",
        'DEMO_CLIENT_ID': 'mine',
        'DEMO_CLIENT_SECRET': 'a secret of mine',
    }
    second = start_stack(**own)
    headers = {'Authorization': f'Bearer {client.token["access_token"]}'}
    assert second.port != stack.port
    assert requests.get(f'{second.url}/api/user', headers=headers, timeout=PATIENCE_SECONDS).status_code == 401

    killed = second.pid('api')
    os.kill(killed, signal.SIGKILL)  # clients wait meanwhile
    assert Client(second, 'read').get('/api/user')['result']['email'] == 'me@example.com'
    assert second.pid('api') != killed

    pids, port = second.pids, second.port
    second.end(signal.SIGKILL)
    wait_until(lambda: not [pid for pid in pids if is_alive(pid)])
    assert not listens(port)

    printed = second.output + second.log
    mails = re.compile('^--- mail to .*?^--- end of mail$', re.DOTALL | re.MULTILINE)  # a local server prints them, with their addressee
    without_mails = mails.sub('', printed)
    assert not [name for name, value in own.items() if value in (without_mails if name == 'DEMO_EMAIL' else printed)]


def test_a_busy_port_is_said_in_one_sentence(stack: Stack) -> None:
    ended = subprocess.run(
        [sys.executable, '-m', 'infra.local'],
        cwd=ROOT,
        env={'PATH': os.environ['PATH'], 'PORT': str(stack.port), 'HOST': '203.0.113.1'},  # which only a home server reads
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert ended.returncode == 1
    assert ended.stdout == ''
    assert ended.stderr == f'port {stack.port} is in use: choose another, e.g. make run PORT=8001\n'


def test_a_signal_to_all_ends_everything_with_success(start_stack: Callable[..., OwnStack]) -> None:
    assert_all_end(start_stack(UPSTREAM='sample'), signal.SIGTERM)


def assert_all_end(stack: OwnStack, number: int) -> None:
    """Send a signal to all processes of a stack: none stays, and it has succeeded."""
    pids, port = stack.pids, stack.port

    os.killpg(stack.process.pid, number)

    assert stack.process.wait(PATIENCE_SECONDS) == 0
    assert not [pid for pid in pids if is_alive(pid)]
    assert not listens(port)
    assert 'Traceback' not in stack.log


def test_a_refresh_whose_worker_is_killed_is_finished_by_the_next_worker(slow_upstream: str, start_stack: Callable[..., OwnStack]) -> None:
    stack = start_stack(UPSTREAM_URL=slow_upstream)
    client = Client(stack, 'admin')
    address = client.address(client.portfolio(), BUSY)
    assert client.request('GET', f'{address}/balances').status_code == 503
    client.when_ready(f'{address}/balances', complete=False)
    killed = stack.pid('worker')

    os.kill(killed, signal.SIGKILL)

    balances = client.when_ready(f'{address}/balances', complete=True)
    assert stack.pid('worker') != killed
    assert balances['result'][0]['transactions'] == len(utxo.SAMPLE.of('btc', BUSY))


@pytest.fixture
def slow_upstream() -> Iterator[str]:
    """The URL of a sample upstream that takes half a second for each answer."""
    with subprocess.Popen(
        [sys.executable, '-m', 'infra.fake_upstreams', '--delay', '0.5'],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.terminate()


def test_a_portfolio_is_converted_and_has_a_history(client: Client) -> None:
    portfolio = client.portfolio()
    client.address(portfolio, EARLY)

    converted = client.when_ready(f'{portfolio}/converted')
    assert {row['currency']: (row['balance'], row['complete']) for row in converted['result']} == {
        'btc': ('50.00501', True),
        'usd': ('588826.99', True),
    }
    days = f'{portfolio}/balances/btc/history?from=2009-01-09&to=2009-01-10'
    wait_until(lambda: client.when_ready(days)['result'][0]['complete'])
    assert [(row['balance_at'][:10], row['balance']) for row in client.get(days)['result']] == [
        ('2009-01-10', '50.0'),
        ('2009-01-09', '0.0'),
    ]
    worth = f'{portfolio}/converted/history?from=2020-02-01&to=2020-02-01'
    usd = wait_until(lambda: next((row for row in client.get(worth)['result'] if row['complete'] and row['currency'] == 'usd'), None))
    assert Decimal(usd['balance']) > 50


def test_an_hd_wallet_is_told_as_one_address_and_its_key_to_nobody(client: Client) -> None:
    address = client.address(client.portfolio(), hd_wallet.KEY)

    balances = client.when_ready(f'{address}/balances', complete=True)['result']
    transactions = client.get(f'{address}/transactions')['result']

    assert len(transactions) > 1
    assert sum(Decimal(one['delta']) for one in transactions) == Decimal(balances[0]['balance'])
    assert client.get(address)['result']['address'] == f'{hd_wallet.KEY[:12]}…{hd_wallet.KEY[-8:]}'


def test_the_readmes_first_steps_work_as_they_are_written(start_stack: Callable[..., OwnStack]) -> None:
    """Runs the shell commands of the README's first screen against a stack, looks for the balances it promises, and ends with Ctrl-C."""
    readme = (ROOT / 'README.md').read_text()
    steps = re.search(r'```sh\n(URL=.*?)```', readme, re.DOTALL)[1]
    stack = start_stack(UPSTREAM='sample')
    steps = steps.replace('http://127.0.0.1:8000', stack.url)
    poll = 'until api $URL/api/portfolios/2/converted | grep 588826.99; do sleep 0.5; done'

    done = subprocess.run(['bash', '-euc', f'{steps}\n{poll}'], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)

    assert done.returncode == 0, done.stderr
    answers = done.stdout.replace('":"', '": "')
    assert '"balance": "50.00501"' in answers
    assert '"balance": "588826.99"' in answers
    assert_all_end(stack, signal.SIGINT)
