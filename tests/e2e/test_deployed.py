"""The packaged application in an emulated AWS: API Gateway, functions as processes from the package, queues, schedules, policies.

What `make run` serves is held to the same flow by test_flow.py; here is what only a deployment shows.
"""

import json
import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import boto3
import pytest
import requests

from infra import functions
from infra.emulator import deployment
from infra.fake_upstreams import sample
from tests.e2e.conftest import DEMO, Client
from tests.e2e.test_any_server import (  # noqa: F401  collected here again, against the deployment
    test_a_body_that_is_too_large_is_refused,
    test_a_form_is_as_good_as_json,
    test_an_address_is_read_from_the_chain_and_its_portfolio_is_worth_something,
    test_an_offset_counts_in_the_portfolios_balance,
    test_what_is_wrong_with_a_body_is_said_all_at_once,
)
from tests.e2e.test_flow import (  # noqa: F401  collected here again, against the deployment
    test_a_portfolio_is_converted_and_has_a_history,
    test_a_portfolios_balances_are_the_sums_of_its_addresses_in_each_of_its_currencies,
    test_a_refresh_token_brings_the_next_one_and_is_refused_once_its_answer_cannot_have_been_lost,
    test_a_refusal_has_the_envelope_and_its_headers,
    test_an_address_with_more_transactions_than_an_explorers_page_comes_whole,
    test_an_addresss_balance_and_transactions_come_from_the_explorers_exactly,
    test_an_hd_wallet_is_told_as_one_address_and_its_key_to_nobody,
)
from tests.support.processes import PATIENCE_SECONDS, ROOT, wait_until

pytestmark = [
    pytest.mark.deployed,
    pytest.mark.skipif((sys.platform, platform.machine()) != ('linux', 'x86_64'), reason='packages are for Linux on x86-64'),
]

EARLY, BUSY = sample.ADDRESSES
SENDER = 'folio@example.com'
PASSWORD = 'a password to test with'
CLIENTS = 4


class Deployed(NamedTuple):
    """The deployment, with what Client asks of a stack."""

    url: str
    settings: dict[str, str]
    demo: dict[str, str] = DEMO


@pytest.fixture(scope='session')
def emulator() -> Iterator[str]:
    """The URL of an emulated AWS, and this process led to the account there that needs no signature to be found."""
    url = os.environ['EMULATOR_URL']
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('AWS_ACCESS_KEY_ID', '000000000000')
        boto3.setup_default_session()  # the one so far remembers another account
        yield url


@pytest.fixture(scope='session')
def stack(emulator: str) -> Iterator[Deployed]:
    """What `make package` made, deployed, beside the sample upstream and with a demo user."""
    boto3.client('sesv2').create_email_identity(EmailIdentity=SENDER)
    with sample.serve() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # These clients ask again sooner than anybody should.
        beside = {'UPSTREAM_URL': f'http://127.0.0.1:{server.server_port}', 'RATE_LIMIT': '0', 'NETWORK_LIMIT': '0', 'SIGNUP': 'open'}
        url = deployment.deploy(emulator, ROOT / 'build', {'MailFrom': SENDER, 'MailIdentity': SENDER}, beside)
        settings = deployment.settings(deployment.NAME)
        script = 'from infra.local import demo; demo.create()'
        subprocess.run([sys.executable, '-c', script], cwd=ROOT, env=os.environ | settings, check=True)
        made = Deployed(url, settings)
        _warm_up(made)
        yield made
        (ROOT / 'build' / 'functions.log').write_text(deployment.logs())
        server.shutdown()


def _warm_up(made: Deployed) -> None:
    """Use every function once, as starting one takes seconds: its package is unpacked."""
    client = Client(made, 'admin')
    client.when_ready(f'{client.address(client.portfolio(), EARLY)}/balances')


def test_what_did_not_change_is_not_sent_again(client: Client) -> None:
    portfolio = client.portfolio()
    tag = client.request('GET', portfolio).headers['ETag']

    again = client.session.get(client.url + portfolio, headers={'If-None-Match': tag}, timeout=PATIENCE_SECONDS)

    assert (again.status_code, again.content, again.headers['ETag']) == (304, b'', tag)


def test_an_answer_of_api_gateways_own_names_its_request(stack: Deployed) -> None:
    answer = requests.get(f'{stack.url}/nowhere', timeout=PATIENCE_SECONDS)

    assert answer.headers['X-Request-Id'] == answer.json()['request_id']


def test_an_answer_of_api_gateways_own_leads_to_what_explains_it(stack: Deployed) -> None:
    answer = requests.get(f'{stack.url}/api/user', timeout=PATIENCE_SECONDS)

    assert (answer.status_code, answer.json()['doc_url']) == (401, f'{stack.settings["ISSUER"]}/reference#error-invalid_token')


def test_a_preflight_needs_no_token(stack: Deployed) -> None:
    """The emulator leaves out the headers of its answer; those are in the API's definition, which test_package.py looks at."""
    asks = {'Origin': 'https://example.com', 'Access-Control-Request-Method': 'PATCH'}

    assert requests.options(f'{stack.url}/api/portfolios/1', headers=asks, timeout=PATIENCE_SECONDS).status_code == 200


def test_answers_are_compressed_by_api_gateway(stack: Deployed) -> None:
    """The emulator only remembers that it should."""
    [api] = [one for one in boto3.client('apigateway').get_rest_apis()['items'] if one['id'] in stack.url]

    assert api['minimumCompressionSize'] == 1024


class Visitor:
    """Somebody at a browser. The cookie goes with every request."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def submit(self, path: str, page: str, **fields: str) -> str:
        """Send a form that stands on `page`; return the page that answers, or that of the profile to which it leads."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.session.get(self.url + page, timeout=PATIENCE_SECONDS).text)
        assert token
        answer = self.session.post(self.url + path, {'csrf': token[1]} | fields, allow_redirects=False, timeout=PATIENCE_SECONDS)
        assert answer.status_code < 400, answer.text
        _, profile, rest = answer.headers.get('Location', '').partition('/profile/')
        if profile:
            return self.session.get(self.url + profile + rest, timeout=PATIENCE_SECONDS).text
        return answer.text


def mailed_link(emulator: str, to: str) -> str:
    """Return what follows the API's address in the link of the one mail that somebody got."""
    mails = requests.get(f'{emulator}/_ministack/ses/messages', timeout=PATIENCE_SECONDS).json()['messages']['000000000000']
    [text] = [mail['BodyText'] for mail in mails if mail['To'] == [to]]
    return re.findall(r'^http\S+?(/confirm\?token=\S+)$', text, re.MULTILINE)[0]


def test_who_signs_up_can_make_an_api_key_and_read_with_it(stack: Deployed, emulator: str) -> None:
    visitor = Visitor(stack.url)
    visitor.submit('/signup', '/signup', name='Ada Lovelace', email='ada@example.com', password=PASSWORD)
    link = mailed_link(emulator, 'ada@example.com')
    visitor.submit('/confirm', link, token=link.partition('=')[2])
    page = visitor.submit('/profile/api-keys', '/profile', name='A script', scopes='info')
    [key] = re.findall(r'<code class="value">([^<]+)</code>', page)

    answers = [
        requests.get(f'{stack.url}/api/user', timeout=PATIENCE_SECONDS, **how)
        for how in ({'headers': {'X-API-KEY': key}}, {'params': {'api_key': key}}, {'headers': {'Authorization': f'Bearer {key}'}})
    ]
    beyond = requests.get(f'{stack.url}/api/portfolios', headers={'X-API-KEY': key}, timeout=PATIENCE_SECONDS)

    assert [(answer.status_code, answer.json()['result']['name']) for answer in answers] == [(200, 'Ada Lovelace')] * 3
    assert (beyond.status_code, beyond.json()['code']) == (403, 'insufficient_scope')


class Table:
    """The table, as whoever runs the application sees it."""

    def __init__(self, name: str) -> None:
        self._table = boto3.resource('dynamodb').Table(name)

    def ledger(self, address: str) -> dict[str, Any]:
        return self._table.get_item(Key=self._key(address), ConsistentRead=True)['Item']

    def make_due(self, address: str) -> None:
        """Let a ledger be due, and its values be old enough to be read again."""
        self._table.update_item(
            Key=self._key(address),
            UpdateExpression='SET due_at = :long_ago, updated_at = :long_ago',
            ExpressionAttributeValues={':long_ago': int(time.time()) - 3_600},
        )

    def keys(self, prefix: str) -> list[str]:
        """Return the sort keys with a prefix, whoever they belong to."""
        pages = self._table.meta.client.get_paginator('scan').paginate(TableName=self._table.name, ConsistentRead=True)
        return [item['sk'] for page in pages for item in page['Items'] if item['sk'].startswith(prefix)]

    def _key(self, address: str) -> dict[str, str]:
        return {'pk': f'LEDGER#btc#{address}', 'sk': 'STATE'}


@pytest.fixture(scope='session')
def table(stack: Deployed) -> Table:
    return Table(stack.settings['TABLE_NAME'])


class Queue:
    def __init__(self, name: str) -> None:
        self._sqs = boto3.client('sqs')
        self.url = self._sqs.get_queue_url(QueueName=name)['QueueUrl']

    def depth(self) -> int:
        names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
        return sum(map(int, self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)['Attributes'].values()))

    def hide_failed_for(self, seconds: int) -> None:
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={'VisibilityTimeout': str(seconds)})

    def move_to(self, other: 'Queue') -> None:
        """Redrive: every message goes to another queue."""
        while messages := self._sqs.receive_message(QueueUrl=self.url).get('Messages'):
            for message in messages:
                self._sqs.send_message(QueueUrl=other.url, MessageBody=message['Body'])
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message['ReceiptHandle'])


def test_what_is_due_is_refreshed_by_the_schedule_without_a_message(client: Client, table: Table, stack: Deployed) -> None:
    client.address(client.portfolio(), EARLY)
    queue = Queue(stack.settings['REFRESH_QUEUE'])
    wait_until(lambda: not queue.depth() and 'lease_owner' not in table.ledger(EARLY))
    table.make_due(EARLY)
    started = time.time()

    wait_until(lambda: table.ledger(EARLY)['updated_at'] >= started - 1)

    assert table.ledger(EARLY)['due_at'] > started


def purge_role() -> str:
    [function] = [one for one in boto3.client('lambda').list_functions()['Functions'] if one['Handler'].endswith('purge_portfolios')]
    return str(function['Role']).rpartition('/')[2]


@pytest.fixture
def forbidden_purge() -> Iterator[Any]:
    """The function that purges may do nothing, until what this yields is called."""
    iam, role = boto3.client('iam'), purge_role()
    policies = {name: iam.get_role_policy(RoleName=role, PolicyName=name) for name in iam.list_role_policies(RoleName=role)['PolicyNames']}
    for name in policies:
        iam.delete_role_policy(RoleName=role, PolicyName=name)

    def allow() -> None:
        for name, policy in policies.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy['PolicyDocument']))

    yield allow
    allow()


def test_a_message_that_fails_five_times_is_kept_and_works_once_it_is_sent_back(
    client: Client, table: Table, stack: Deployed, forbidden_purge: Any
) -> None:
    queue, dead = Queue(stack.settings['PURGE_QUEUE']), Queue(f'{stack.settings["PURGE_QUEUE"]}-dlq')
    portfolio = client.portfolio()
    client.address(portfolio, BUSY)
    prefix = f'PORTFOLIO#{int(portfolio.rpartition("/")[2]):06}#'
    queue.hide_failed_for(1)

    assert client.request('DELETE', portfolio).status_code == 200
    wait_until(dead.depth)
    assert client.request('GET', portfolio).status_code == 404
    assert table.keys(prefix)

    forbidden_purge()
    queue.hide_failed_for(180)

    def is_purged() -> bool:
        # More than once: the sweep sends a message of its own while the purge is due, which may fail its fifth time later.
        dead.move_to(queue)
        return not (table.keys(prefix) or queue.depth() or dead.depth())

    wait_until(is_purged)


def test_clients_at_the_same_time_get_each_what_is_theirs(stack: Deployed) -> None:
    def use(_: int) -> tuple[str, str]:
        client = Client(stack, 'admin')
        portfolio = client.portfolio()
        client.address(portfolio, EARLY)
        return portfolio, client.when_ready(f'{portfolio}/balances')['result'][0]['balance']

    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = list(pool.map(use, range(CLIENTS)))

    assert len({portfolio for portfolio, _ in seen}) == CLIENTS
    assert {balance for _, balance in seen} == {'50.00501'}


def test_an_operator_sees_how_the_stage_does_and_what_was_logged_about_a_request(client: Client, stack: Deployed) -> None:
    answer = client.request('GET', '/api/portfolios/999999')

    def operate(*arguments: str) -> str:
        command = [sys.executable, '-m', 'infra.operate', *arguments, '--stage', deployment.STAGE]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | stack.settings, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr  # 1 where something needs a look, as rates that have not come yet
        return done.stdout

    status = operate('status')
    for text in ('stack ', f'{len(functions.names())}, last changed', 'queue refresh', 'job sweep_due', 'upstreams', 'are set'):
        assert text in status
    assert 'are missing' not in status
    request_id = answer.headers['X-Request-Id']
    wait_until(lambda: 'GET /api/portfolios/{portfolio_id} 404' in operate('logs', '--request', request_id), pause=1)
