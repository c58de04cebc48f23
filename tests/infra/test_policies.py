"""Least privilege, held from both sides: what the functions do is allowed, and what is allowed they do."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pyotp
import pytest
from botocore.client import BaseClient
from chalice.test import Client as ChaliceClient

from app import app
from chalicelib import auth, clock, mail, queue, upstream_keys
from chalicelib.config import settings
from chalicelib.domain.hd_wallets import identify
from chalicelib.jobs import histories, purge, rates, refresh, sweep
from chalicelib.models import (
    HISTORIES,
    Account,
    Address,
    ApiKey,
    Authenticator,
    Grant,
    Item,
    LinkedSubject,
    Passkey,
    Portfolio,
    Session,
    ShareLink,
    TakeBack,
    User,
    email_change,
    link_listing,
    transact,
)
from chalicelib.models import Client as OAuthClient
from chalicelib.providers.explorers import EXPLORERS
from chalicelib.services import job_runs
from chalicelib.services.ledgers import refresh as service
from chalicelib.services.rates import current as rates_service
from infra import functions, template
from infra.fake_upstreams import http_server
from infra.fake_upstreams.kraken_account import KrakenAccount
from infra.fake_upstreams.scripted_explorer import Explorer, payments, serving
from tests.support.api import ALL_SCOPES, PASSWORD, Api
from tests.support.browser import Browser
from tests.support.kraken import trades
from tests.support.rate_sources import sources

ADDRESS = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
OTHER_ADDRESS = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'
# The first account of BIP-84's test vector.
HD_WALLET = 'zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs'
HD_WALLET_NAME = identify('btc', HD_WALLET).key.name
ACCOUNT: Any = {'wallet': 'kraken', 'credentials': {'key': 'k', 'secret': 'c2VjcmV0'}}
REDIRECT = 'https://charts.example/callback'
VERIFIER = 'v' * 43
SENDER = 'hello@example.com'
# What Lambda, and DynamoDB on the caller's behalf, do with a function's rights without a line of ours.
LOGS = {'logs:CreateLogStream', 'logs:PutLogEvents'}
QUEUE = {'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'}
TABLES_KEY = ('kms:Decrypt', 'TableKey.Arn')
KEYS = 'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/cryptfolio/${Stage}/upstream-keys/*'
# The event of a schedule.
TICK = dict.fromkeys(('version', 'account', 'region', 'detail', 'detail-type', 'source', 'time', 'id', 'resources'), '')
VERBS = {'Put': 'PutItem', 'Update': 'UpdateItem', 'Delete': 'DeleteItem', 'ConditionCheck': 'ConditionCheckItem'}

# The statements by which functions may set some attributes of portfolios and of what is in them.
STAMPING = ('StampWhatWatchesIt', 'StampPortfolios')

HTTP = ChaliceClient(app, stage_name='test')

Json = dict[str, Any]
Use = tuple[str, str]


class Recorder:
    """What AWS was asked for since `start`, as IAM sees it: actions and what they are about, by the names of the policies."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Json]] = []

    def start(self) -> None:
        """Begin anew, as a function does that was just started."""
        self.calls.clear()
        queue._url.cache_clear()
        rates_service.forget()
        upstream_keys._parameters.cache_clear()
        job_runs._noted.clear()

    @property
    def uses(self) -> set[Use]:
        return {use for call in self.calls for use in uses_of(*call)}

    @property
    def mails(self) -> list[str]:
        return [params['Content']['Simple']['Body']['Text']['Data'] for _, operation, params in self.calls if operation == 'SendEmail']


def uses_of(service: str, operation: str, params: Json) -> Iterator[Use]:
    if operation == 'TransactWriteItems':
        yield from ((f'dynamodb:{VERBS[verb]}', 'Table.Arn') for item in params['TransactItems'] for verb in item)
    elif service == 'dynamodb':
        index = params.get('IndexName')
        yield f'dynamodb:{operation}', f'Table.Arn/index/{index}' if index else 'Table.Arn'
    elif service == 'sqs':
        name = params.get('QueueName') or params['QueueUrl'].rpartition('/')[2]
        queue = {
            settings().refresh_queue: 'RefreshQueue.Arn',
            settings().accounts_queue: 'AccountsQueue.Arn',
            settings().purge_queue: 'PurgeQueue.Arn',
            settings().rates_queue: 'RatesQueue.Arn',
            settings().history_queue: 'HistoryQueue.Arn',
        }[name]
        yield f'sqs:{operation.removesuffix("Batch")}', queue
    elif operation == 'GetParametersByPath':
        if params['WithDecryption']:  # which SSM does with the caller's rights
            yield 'kms:Decrypt', 'VaultKey.Arn'
        yield 'ssm:GetParametersByPath', f'arn:AWS::Partition:ssm:AWS::Region:AWS::AccountId:parameter{params["Path"]}'
    elif operation == 'SendEmail':  # SES looks for the address or for its domain
        yield from (
            ('ses:SendEmail', f'arn:AWS::Partition:ses:AWS::Region:AWS::AccountId:identity/Mail{kind}') for kind in ('Identity', 'Domain')
        )
    else:
        assert operation in ('Sign', 'Encrypt', 'Decrypt')
        yield f'kms:{operation}', 'SigningKey.Arn' if operation == 'Sign' else 'VaultKey.Arn'


@pytest.fixture(autouse=True)
def _aws(table: None, queues: dict[str, str]) -> None:
    """An empty table, empty queues, and SES, which knows us."""
    boto3.client('sesv2').create_email_identity(EmailIdentity=SENDER)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Sees every call to AWS."""
    made = Recorder()
    really_call = BaseClient._make_api_call

    def call(client: Any, operation: str, params: Json) -> Any:
        made.calls.append((client.meta.service_model.service_name, operation, params))
        return really_call(client, operation, params)

    monkeypatch.setattr(BaseClient, '_make_api_call', call)
    return made


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mail goes through SES, and every upstream is a server on this computer."""
    with serving(Explorer()) as explorer:
        explorer.chain = {ADDRESS: payments(60), OTHER_ADDRESS: payments(2)}
        monkeypatch.setenv('MAIL_FROM', SENDER)
        monkeypatch.setenv('UPSTREAM_URL', explorer.url)
        monkeypatch.setenv('UPSTREAM_KEYS_PATH', functions.settings()['UPSTREAM_KEYS_PATH'].replace('${Stage}', 'Stage'))
        settings.cache_clear()
        mail._ses.cache_clear()
        settings()  # read now: during a request the test client shows another stage's environment
        yield
    monkeypatch.undo()
    settings.cache_clear()
    mail._ses.cache_clear()
    settings()


def allowed(function: str) -> set[Use]:
    """Return what the policy of a function allows, resources by the names of their references."""
    names = {name: name for name in functions.references(functions.policy(function))}
    uses: set[Use] = set()
    for statement in functions.filled_policy(function, names)['Statement']:
        assert statement['Effect'] == 'Allow'
        uses |= {(action, resource) for action in listed(statement['Action']) for resource in listed(statement['Resource'])}
    return uses


def allowed_partitions(function: str) -> set[Use]:
    """Return which actions a function may do in which partitions of the table: texts with an asterisk for the rest."""
    allowed = set()
    for statement in (one for one in functions.policy(function)['Statement'] if one['Resource'] == '${Table.Arn}'):
        patterns = ['*']
        if 'Condition' in statement:
            patterns = statement['Condition']['ForAllValues:StringLike']['dynamodb:LeadingKeys']
            # A request without keys would meet any condition on all of them.
            assert statement['Condition']['Null'] == {'dynamodb:LeadingKeys': 'false'}
        allowed |= {(action, pattern) for action in listed(statement['Action']) for pattern in patterns}
    return allowed


def used_partitions(recorder: Recorder) -> set[Use]:
    """Return the actions on the table itself, each with the partition; what is asked of an index has a statement of its own."""
    requests = [call for call in recorder.calls if call[0] == 'dynamodb' and 'IndexName' not in call[2]]
    return {
        (f'dynamodb:{action}', pk)
        for _, operation, params in requests
        for action, part in parts_of(operation, params)
        for pk in partitions_of(part)
    }


def parts_of(operation: str, params: Json) -> Iterator[tuple[str, Json]]:
    """Yield the actions that a request counts as, each with its part of it."""
    if operation == 'TransactWriteItems':
        yield from ((VERBS[verb], write) for item in params['TransactItems'] for verb, write in item.items())
    else:
        yield operation, params


def partitions_of(params: Json) -> Iterator[str]:
    values = params.get('ExpressionAttributeValues', {})
    if 'KeyConditionExpression' in params:
        name = re.match(r'\(?#?\w+ = (:\w+)', params['KeyConditionExpression'])
        yield values[name[1]]['S']
    for part in (params, *_of_batch(params)):
        yield from (part[where]['pk']['S'] for where in ('Key', 'Item') if where in part)


def _of_batch(params: Json) -> Iterator[Json]:
    for wanted in params.get('RequestItems', {}).values():
        if isinstance(wanted, dict):
            yield from ({'Key': key} for key in wanted['Keys'])
        else:
            yield from (write for request in wanted for write in request.values())


def assert_partitions(recorder: Recorder, function: str) -> None:
    """Assert that a function does nothing in any partition that it may not do there, and uses each kind of partition that it may."""
    allowed, used = allowed_partitions(function), used_partitions(recorder)
    assert {use for use in used if not any(use[0] == action and fnmatchcase(use[1], pattern) for action, pattern in allowed)} == set()
    patterns = {pattern for _, pattern in allowed}
    assert {pattern for pattern in patterns if not any(fnmatchcase(pk, pattern) for _, pk in used)} == set()


def assert_stamps(recorder: Recorder, function: str, unseen: frozenset[str] = frozenset()) -> None:
    """Assert that a function which may not write what users are sets of them what their portfolios show, without reading that.

    It may set nothing else; `unseen` is what it did not set this time.
    """
    [stamping] = [one for one in functions.policy(function)['Statement'] if one['Sid'] in STAMPING]
    allowed = set(stamping['Condition']['ForAllValues:StringEquals']['dynamodb:Attributes'])
    assert stamping['Condition']['StringEqualsIfExists'] == {'dynamodb:ReturnValues': 'NONE'}
    updates = [
        params for _, operation, params in recorder.calls if operation == 'UpdateItem' and params['Key']['pk']['S'].startswith('USER#')
    ]
    assert updates
    assert {name for params in updates for name in params['ExpressionAttributeNames'].values()} | {'pk', 'sk'} == allowed - unseen
    assert all('ReturnValues' not in params and 'ReturnValuesOnConditionCheckFailure' not in params for params in updates)
    assert allowed & attributes_of_users() == {'pk', 'sk'}


def attributes_of_users() -> set[str]:
    """Return what the items in a user's partition have that are neither portfolios nor parts of one that follow a ledger."""
    kinds = [kind for kind in Item.kind.get_registered_subclasses(Item) if 'pk=USER#' in (kind.__doc__ or '')]
    others = [kind for kind in kinds if kind not in (Portfolio, Address, Account)]
    assert {User, ApiKey, Grant, Authenticator, Passkey} <= set(others)
    return {attribute.attr_name for kind in others for attribute in kind.get_attributes().values()}


def listed(one: str | list[str]) -> list[str]:
    return one if isinstance(one, list) else [one]


def logs(name: str) -> set[Use]:
    return {(action, f'{name}Logs.Arn') for action in LOGS}


def event(*messages: Json) -> Json:
    attributes = {'attributes': {'ApproximateReceiveCount': '1'}, 'eventSourceARN': 'arn:aws:sqs:us-east-1:1:x', 'awsRegion': 'us-east-1'}
    return {
        'Records': [{'messageId': str(n), 'receiptHandle': 'x', 'body': json.dumps(one)} | attributes for n, one in enumerate(messages)]
    }


def ledger(address: str) -> Json:
    return {'ledger': f'LEDGER#btc#{address}'}


def test_every_function_has_a_policy_and_every_policy_a_function():
    handlers = {'api_handler', *(one.name for one in app.builtin_auth_handlers), *(one.name for one in app.event_sources)}

    assert set(functions.names()) == handlers


@pytest.mark.parametrize('function', functions.names())
def test_no_policy_has_a_wildcard_action_or_resource(function: str):
    for action, resource in allowed(function):
        assert '*' not in action + resource
        assert re.fullmatch('[a-z]+:[A-Za-z]+', action)


@pytest.mark.parametrize('document', [functions.settings(), *map(functions.policy, functions.names())])
def test_what_settings_and_policies_refer_to_is_in_the_template(document: Json):
    whole = template.load()
    known = {*whole['Resources'], *whole['Parameters'], *functions.OPTIONAL, 'Jwks'}

    for reference in functions.references(document):
        assert reference.startswith('AWS::') or reference.partition('.')[0] in known
        if '.' in reference or reference == 'Table':
            assert reference.replace('.', '') in whole['Outputs']


def test_mail_is_sent_from_our_own_address_only():
    [mail] = [one for one in functions.policy('api_handler')['Statement'] if one['Action'] == 'ses:SendEmail']
    assert mail['Condition'] == {'StringEquals': {'ses:FromAddress': '${MailIdentity}'}}


def test_a_statement_about_mail_is_left_out_where_there_is_none():
    values = dict.fromkeys(functions.references(functions.policy('api_handler')) - {'MailIdentity', 'MailDomain'}, 'x')

    statements = functions.filled_policy('api_handler', values)['Statement']

    assert 'SendMail' not in {one['Sid'] for one in statements}
    assert len(statements) == len(functions.policy('api_handler')['Statement']) - 1


def test_a_reference_without_a_value_is_an_error():
    with pytest.raises(KeyError):
        functions.filled_policy('bearer', {})


def test_the_tables_key_is_used_through_the_table_only():
    statements = [one for function in functions.names() for one in functions.policy(function)['Statement']]
    for statement in (one for one in statements if one['Resource'] == '${TableKey.Arn}'):
        assert statement['Condition']['StringEquals'] == {
            'kms:ViaService': 'dynamodb.${AWS::Region}.amazonaws.com',
            'kms:EncryptionContext:aws:dynamodb:tableName': '${Table}',
        }


def test_the_api_does_what_it_may_and_nothing_else(recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv('UPSTREAM_URL')  # public servers, of which some require an API key
    settings.cache_clear()
    settings()
    recorder.start()

    browser = Browser(HTTP)
    _sign_up(browser, recorder)
    _use_profile(browser, recorder)
    client_id, secret = _register(browser)
    tokens = _authorize(browser, client_id, secret)
    _use_tokens(client_id, secret, tokens)
    _use_api(tokens['access_token'])
    _leave(browser, client_id)

    assert recorder.uses | logs('ApiHandler') | {TABLES_KEY} == allowed('api_handler')
    assert_partitions(recorder, 'api_handler')


def _post(browser: Browser, path: str, status: int, /, page: str = '/profile', **fields: str) -> None:
    browser.post(path, {'csrf': browser.csrf(page)} | fields)
    assert browser.status == status, browser.text


def _token(recorder: Recorder) -> str:
    [*_, token] = re.findall(r'token=(\S+)', '\n'.join(recorder.mails))
    return str(token)


def _sign_up(browser: Browser, recorder: Recorder) -> None:
    browser.post('/signup', {'name': 'Ada', 'email': 'ada@example.com', 'password': PASSWORD})
    browser.post('/confirm', {'token': _token(recorder)})
    assert browser.status == 303
    browser.post('/signup', {'name': 'Ada', 'email': 'ada@example.com', 'password': PASSWORD})
    browser.post('/forgot', {'email': 'ada@example.com'})
    browser.post('/reset', {'token': _token(recorder), 'password': PASSWORD + '!'})
    browser.log_in('ada@example.com', PASSWORD + '?')
    browser.log_in('ada@example.com', PASSWORD + '!')
    assert browser.status == 303


def _use_profile(browser: Browser, recorder: Recorder) -> None:
    _post(browser, '/profile/name', 303, name='Ada L')
    _post(browser, '/profile/remote', 303, allow_remote_login='yes')
    _post(browser, '/profile/password', 303, current_password=PASSWORD + '!', password=PASSWORD, keep='remote_login')
    _post(browser, '/profile/second-factor/app', 200, current_password=PASSWORD)
    _post(browser, '/profile/second-factor/begin', 303, what='app', token=_token(recorder))
    browser.get('/profile/second-factor')
    app = pyotp.TOTP(re.search('secret=([A-Z2-7]+)', browser.page)[1])
    _post(browser, '/profile/second-factor/confirm', 303, code=app.at(clock.now()))
    other = Browser(HTTP)
    other.log_in('ada@example.com')
    _post(other, '/login/second', 303, page='/forgot', code=app.at(clock.now() + 30))
    _post(browser, '/profile/second-factor/remove', 303, what='app', current_password=PASSWORD)
    for take_back in (True, False):
        _post(browser, '/profile/email', 200, email='ada@example.org', current_password=PASSWORD)
        browser.post('/confirm', {'token': _token(recorder)})
        if take_back:
            browser.post('/take-back', {'token': _token(recorder)})
            browser.post('/reset', {'token': browser.location.partition('token=')[2], 'password': PASSWORD})
    _post(browser, '/profile/remote', 303, allow_remote_login='yes')
    _post(browser, '/profile/api-keys', 303, name='sheet', scopes='read')
    [key_id] = set(re.findall(r'name="key_id" value="([^"]+)"', browser.get(browser.location).body.decode()))
    _post(browser, '/profile/api-keys/revoke', 303, key_id=key_id)


def _register(browser: Browser) -> tuple[str, str]:
    _post(browser, '/oauth/applications', 303, name='Charts', redirect_uris=REDIRECT, kind='confidential')
    path = browser.location.partition('?')[0]
    client_id = path.rpartition('/')[2]
    _post(browser, path, 303, name='Charts 2', redirect_uris=REDIRECT)
    _post(browser, f'{path}/secret', 303)
    browser.get(browser.location)
    [secret] = re.findall(r'Copy the secret now.*?<code class="value">([^<]+)</code>', browser.page, re.DOTALL)
    browser.get('/oauth/applications')
    return client_id, secret


def _authorize(browser: Browser, client_id: str, secret: str) -> Json:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip('=')
    asked = {'response_type': 'code', 'client_id': client_id, 'redirect_uri': REDIRECT, 'scope': 'info read write delete'}
    browser.get('/oauth/authorize?' + urlencode(asked | {'code_challenge': challenge, 'code_challenge_method': 'S256'}))
    fields = [(name, unescape(value)) for name, value in re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', browser.page)]
    body = urlencode([*fields, ('decision', 'allow')]).encode()
    browser.request('POST', '/oauth/authorize', body, **{'Content-Type': 'application/x-www-form-urlencoded'})
    [code] = parse_qs(urlsplit(browser.location).query)['code']
    found: Json = ask(client_id, secret, 'token', grant_type='authorization_code', code=code, redirect_uri=REDIRECT, code_verifier=VERIFIER)
    return found


def ask(client_id: str, secret: str, endpoint: str, **fields: str) -> Any:
    basic = base64.b64encode(f'{client_id}:{secret}'.encode()).decode()
    headers = {'Authorization': f'Basic {basic}', 'Content-Type': 'application/x-www-form-urlencoded'}
    answer = HTTP.http.post(f'/oauth/{endpoint}', headers=headers, body=urlencode(fields).encode())
    assert answer.status_code == 200, answer.body
    return answer.json_body if answer.body else None


def _use_tokens(client_id: str, secret: str, tokens: Json) -> None:
    fresh = ask(client_id, secret, 'token', grant_type='refresh_token', refresh_token=tokens['refresh_token'])
    ask(client_id, secret, 'introspect', token=fresh['refresh_token'])
    ask(client_id, secret, 'introspect', token=fresh['access_token'])
    ask(client_id, secret, 'token', grant_type='client_credentials', scope='read')
    ask(client_id, secret, 'token', grant_type='password', username='ada@example.org', password=PASSWORD, scope='read')
    ask(client_id, secret, 'revoke', token=fresh['refresh_token'])


def _use_api(token: str) -> None:
    def request(method: str, path: str, body: Json | None = None, **headers: str) -> Any:
        sent = {'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'} | headers
        answer = HTTP.http.request(method, f'/api{path}', headers=sent, body=json.dumps(body).encode() if body else b'')
        assert answer.status_code in (200, 201, 503), answer.body
        return answer.json_body

    portfolio, address = {'title': 'Mine', 'currencies': ['btc', 'ltc']}, {'title': 'x', 'address': ADDRESS, 'currency': 'btc'}
    offset = {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '1'}]}
    request('POST', '/portfolios', portfolio, **{'Idempotency-Key': 'once'})
    for path in ('converted', 'balances/history'):  # nobody asked for rates of ltc: these do
        request('GET', f'/portfolios/1/{path}')
    request('POST', '/portfolios/1/addresses', address)
    request('POST', '/portfolios/1/addresses', address | {'address': HD_WALLET})
    request('POST', '/portfolios/1/accounts', ACCOUNT)
    request('POST', '/portfolios/1/offsets', offset)
    for path in ('/user', '/status', '/sources', '/currencies', '/portfolios', '/portfolios/1', '/portfolios/1/balances'):
        request('GET', path)
    for path in ('', '/1', '/1/balances', '/1/transactions'):
        request('GET', f'/portfolios/1/addresses{path}')
    for path in ('', '/1', '/1/balances', '/1/txns', '/1/history'):
        request('GET', f'/portfolios/1/accounts{path}')
    request('GET', '/portfolios/1/offsets/1')
    request('PATCH', '/portfolios/1', {'title': 'Ours'})
    request('PATCH', '/portfolios/1/addresses/1', {'address': OTHER_ADDRESS})
    request('PATCH', '/portfolios/1/accounts/1', {'credentials': ACCOUNT['credentials']})
    request('PATCH', '/portfolios/1/offsets/1', {'title': 'y'})
    for path in ('/portfolios/1/offsets/1', '/portfolios/1/accounts/1', '/portfolios/1/addresses/1', '/portfolios/1'):
        request('DELETE', path)


def _leave(browser: Browser, client_id: str) -> None:
    browser.log_in('ada@example.org')
    _post(browser, f'/oauth/applications/{client_id}/delete', 303)
    _post(browser, '/logout', 303)


def make_user() -> User:
    return User.create(name='Test user', email='test@example.com', password_hash='', allow_remote_login=False, now=1)


@pytest.fixture
def watched() -> Api:
    """Somebody with a portfolio of two addresses, an HD wallet, an account and an offset."""
    api = Api(HTTP, make_user().user_id, ALL_SCOPES)
    api.portfolio()
    api.address(1, ADDRESS)
    api.address(1, OTHER_ADDRESS)
    api.address(1, HD_WALLET)
    assert api.post('/api/portfolios/1/accounts', ACCOUNT).status_code == 201
    assert api.post('/api/portfolios/1/offsets', {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '1'}]}).status_code == 201
    return api


def test_the_authorizer_reads_api_keys_and_links_of_subjects_and_nothing_else(recorder: Recorder):
    _, key = ApiKey.create(make_user().user_id, name='x', scopes=['read'], now=1)
    request = {'type': 'REQUEST', 'methodArn': 'arn:aws:execute-api:us-east-1:1:api/dev/GET/api/portfolios', 'headers': {'X-Api-Key': key}}
    recorder.start()

    assert auth.bearer(request, None)['context']['client_id'] == 'api-key'
    assert LinkedSubject.find('https://login.example', 'somebody') is None

    assert recorder.uses | logs('Bearer') | {TABLES_KEY} == allowed('bearer')
    assert_partitions(recorder, 'bearer')


def test_the_refresh_does_what_it_may_and_nothing_else(watched: Api, recorder: Recorder):
    recorder.start()

    assert EXPLORERS['eth'][0].endpoint.credentials == {}  # read before each request to an explorer that takes a key
    service.refresh(ledger(ADDRESS)['ledger'], looked_at=None, deadline=0)  # at once too late: the rest is sent for
    service.refresh(ledger(HD_WALLET_NAME)['ledger'], looked_at=None, deadline=0)
    assert refresh.refresh_ledgers(event(ledger(ADDRESS), ledger(OTHER_ADDRESS)), None) == {'batchItemFailures': []}
    refresh.refresh_ledgers(event({}), None)  # fails, and waits for longer
    assert refresh.refresh_ledgers(event({'follow': 'btc'}), None) == {'batchItemFailures': []}
    recorded = list(recorder.calls)
    assert watched.delete('/api/portfolios/1').status_code == 200
    purge.purge_portfolios(event({'user_id': watched.user_id, 'portfolio_id': 1}), None)
    recorder.calls = recorded
    refresh.refresh_ledgers(event(*map(ledger, (ADDRESS, OTHER_ADDRESS, HD_WALLET_NAME))), None)  # nobody watches them: they go

    own = {(action, 'RefreshQueue.Arn') for action in QUEUE}
    assert recorder.uses | own | logs('RefreshLedgers') | {TABLES_KEY} == allowed('refresh_ledgers')
    assert_partitions(recorder, 'refresh_ledgers')
    assert_stamps(recorder, 'refresh_ledgers', unseen=frozenset({'agreement'}))  # of cross-checks


def test_the_refresh_of_accounts_does_what_it_may_and_nothing_else(watched: Api, recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('chalicelib.services.ledgers.policy.FRESH_SECONDS', 0)
    message = {'ledger': f'LEDGER#ACCOUNT#{watched.user_id}#000001#000001'}
    kraken = KrakenAccount(key='k', secret=ACCOUNT['credentials']['secret'], rows=trades(60))
    with http_server.serving(kraken.respond) as url:
        monkeypatch.setenv('UPSTREAM_URL', url)
        settings.cache_clear()
        settings()
        recorder.start()
        service.refresh(message['ledger'], looked_at=None, deadline=0)  # at once too late: the rest is sent for
        assert refresh.refresh_accounts(event(message), None) == {'batchItemFailures': []}
        refresh.refresh_accounts(event({}), None)  # fails, and waits for longer
        recorded = list(recorder.calls)
        assert watched.delete('/api/portfolios/1/accounts/1').status_code == 200
        recorder.calls = recorded
        assert refresh.refresh_accounts(event(message), None) == {'batchItemFailures': []}  # nobody watches it: it goes

    own = {(action, 'AccountsQueue.Arn') for action in QUEUE}
    assert recorder.uses | own | logs('RefreshAccounts') | {TABLES_KEY} == allowed('refresh_accounts')
    assert_partitions(recorder, 'refresh_accounts')
    assert_stamps(recorder, 'refresh_accounts')


def test_only_the_refresh_of_accounts_may_decrypt_their_credentials_and_only_who_asks_upstreams_our_keys_of_them():
    may = {
        (function, *statement['Condition']['StringLike'].items())
        for function in functions.names()
        for statement in functions.policy(function)['Statement']
        if statement['Action'] == 'kms:Decrypt' and statement['Resource'] == '${VaultKey.Arn}'
    }

    assert may == {
        ('refresh_ledgers', ('kms:EncryptionContext:ledger', 'LEDGER#*#wallet-*')),
        ('refresh_accounts', ('kms:EncryptionContext:ledger', 'LEDGER#ACCOUNT#*')),
        *((function, ('kms:EncryptionContext:PARAMETER_ARN', KEYS)) for function in ('refresh_ledgers', 'fetch_rates', 'update_rates')),
    }


def test_the_purge_does_what_it_may_and_nothing_else(watched: Api, recorder: Recorder):
    _work_out_history(watched)
    watched.delete('/api/portfolios/1')
    _leave_for_good(watched)
    recorder.start()

    purge.purge_portfolios(event({'user_id': watched.user_id, 'portfolio_id': 1}, {}), None)
    purge.purge_portfolios(event({'forget': watched.user_id}), None)

    own = {(action, 'PurgeQueue.Arn') for action in QUEUE}
    assert recorder.uses | own | logs('PurgePortfolios') | {TABLES_KEY} == allowed('purge_portfolios')
    assert_partitions(recorder, 'purge_portfolios')


def _leave_for_good(api: Api) -> None:
    """Let an account be due to be deleted that has something of everything."""
    api.portfolio()
    OAuthClient.register(owner_id=api.user_id, name='x', redirect_uris=[], now=1)
    ApiKey.create(api.user_id, name='x', scopes=['read'], now=1)
    LinkedSubject.link('https://login.example', 'somebody', api.user_id, 1)
    user = User.find(api.user_id)
    Session.start(user, 1)
    _, writes = ShareLink.creation(api.user_id, 2, name='x', shows_amounts=True, expires_at=10**10, now=1)
    transact(*writes)
    transact(link_listing(user, TakeBack('x', 10**10, 'before@example.com'), 1).write)
    transact(*email_change(User.find(api.user_id), 'after@example.com', 10**10, 1))
    User.find(api.user_id).schedule_deletion(1)


def test_the_sweep_does_what_it_may_and_nothing_else(watched: Api, recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    watched.portfolio()
    watched.delete('/api/portfolios/2')
    later = time.time() + 600
    monkeypatch.setattr('time.time', lambda: later)
    recorder.start()

    swept = sweep.sweep_due(TICK, None)

    assert swept['sent'] == 5
    assert recorder.uses | logs('SweepDue') | {TABLES_KEY} == allowed('sweep_due')
    assert_partitions(recorder, 'sweep_due')


def test_the_rates_do_what_they_may_and_nothing_else(recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    midnight = int(time.time()) // 86_400 * 86_400
    monkeypatch.setattr('time.time', lambda: midnight + 60.0)
    with sources():
        recorder.start()
        rates.update_rates(TICK, None)

    assert recorder.uses | logs('UpdateRates') | {TABLES_KEY} == allowed('update_rates')
    assert_partitions(recorder, 'update_rates')


def test_the_rates_that_are_sent_for_do_what_they_may_and_nothing_else(recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rates, 'SLICE_SECONDS', 0)
    with sources():
        recorder.start()
        for message in ({'currencies': []}, {'currencies': ['ltc']}, {'backfill': 'btc'}, {}):
            rates.fetch_rates(event(message), None)

    own = {(action, 'RatesQueue.Arn') for action in QUEUE}
    assert recorder.uses | own | logs('FetchRates') | {TABLES_KEY} == allowed('fetch_rates')
    assert_partitions(recorder, 'fetch_rates')


def _work_out_history(watched: Api) -> None:
    """As its owner looks at it: of addresses whose transactions are known, and an offset."""
    assert refresh.refresh_ledgers(event(ledger(ADDRESS), ledger(OTHER_ADDRESS)), None) == {'batchItemFailures': []}
    looked = {'user_id': watched.user_id, 'portfolio_id': 1, 'seen_at': int(time.time())}
    assert histories.refresh_histories(event(looked), None) == {'batchItemFailures': []}


def test_the_histories_do_what_they_may_and_nothing_else(watched: Api, recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    assert watched.patch('/api/portfolios/1', {'currencies': ['btc', 'ltc']}).status_code == 200
    refresh.refresh_ledgers(event(ledger(ADDRESS), ledger(OTHER_ADDRESS)), None)
    portfolio = {'user_id': watched.user_id, 'portfolio_id': 1}
    recorder.start()

    looked = event(portfolio | {'seen_at': int(time.time())})
    assert histories.refresh_histories(looked, None) == {'batchItemFailures': []}  # nobody asked for rates of ltc: it does
    later = time.time() + 7_200
    monkeypatch.setattr('time.time', lambda: later)
    swept = event(*({'shard': shard} for shard in HISTORIES.all_shards))
    assert histories.refresh_histories(swept, None) == {'batchItemFailures': []}
    histories.refresh_histories(event({}), None)  # fails, and waits for longer

    own = {(action, 'HistoryQueue.Arn') for action in QUEUE}
    assert recorder.uses | own | logs('RefreshHistories') | {TABLES_KEY} == allowed('refresh_histories')
    assert_partitions(recorder, 'refresh_histories')
    # Of portfolios without ledgers, and where all rates are known.
    unseen = {'balances_last_updated', 'converted_balances_last_updated', 'converted_histories_last_updated'}
    assert_stamps(recorder, 'refresh_histories', unseen=frozenset(unseen))


@pytest.mark.parametrize('function', ['refresh_ledgers', 'refresh_accounts', 'refresh_histories', 'fetch_rates', 'update_rates'])
def test_what_reads_upstreams_or_stored_answers_of_them_writes_nothing_in_partitions_of_users_but_stamps(function: str):
    on_users = [one for one in functions.policy(function)['Statement'] if 'USER#*' in json.dumps(one)]

    assert {one['Sid'] for one in on_users if one['Action'] != 'dynamodb:Query'} <= set(STAMPING)
    read = [one['Sid'] for one in on_users if one['Action'] == 'dynamodb:Query']
    assert read == (['ReadPortfolios'] if function == 'refresh_histories' else [])


def test_each_hour_histories_are_sent_for_and_the_run_is_noted(recorder: Recorder):
    recorder.start()

    assert histories.snapshot_portfolios(TICK, None)['sent'] == HISTORIES.shards

    assert recorder.uses | logs('SnapshotPortfolios') | {TABLES_KEY} == allowed('snapshot_portfolios')
    assert_partitions(recorder, 'snapshot_portfolios')
