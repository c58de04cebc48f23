"""Accounts at exchanges as the document shows them, and the exchanges; how they are read is in jobs/test_accounts.py."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.conversion import Rate
from chalicelib.domain.work_groups import work_group
from chalicelib.formats import format_instant
from chalicelib.models import LatestRates
from chalicelib.services.histories import refresh as histories
from chalicelib.services.rates import current
from infra.fake_upstreams.kraken_account import LedgerRow
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import meanwhile
from tests.support.jobs import accounts_queue
from tests.support.kraken import CREDENTIALS, SECRET, Kraken, create_account

COLLECTION = '/api/portfolios/1/accounts'
PATH = f'{COLLECTION}/1'
FIELDS = ['id', 'title', 'wallet', 'valid', 'created_at', 'updated_at', 'last_updated', 'txns_last_updated', 'history_last_updated']
DAY = 86_400


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


def faults(api: Api, method: str, path: str, body: Any) -> list[tuple[str, str]]:
    response = api.request(method, path, body)
    assert response.status_code == 422, response.body
    return [(row['field'], row['code']) for row in response.json_body['fields']]


def test_the_wallets_say_what_they_need_and_tell(api: Api):
    wallets = {row['code']: row for row in api.get('/api/wallets').json_body['result']}

    assert list(wallets) == sorted(wallets)
    kraken = wallets['kraken']
    assert kraken['credentials'] == [{'name': 'key', 'required': True}, {'name': 'secret', 'required': True}]
    assert (kraken['title'], kraken['history'], kraken['permissions']) == ('Kraken', 'whole', ['Query funds', 'Query ledger entries'])
    assert 'futures' in kraken['lacks']


@pytest.mark.usefixtures('portfolio')
class TestAccounts:
    def test_a_new_account_shows_no_credentials_and_is_sent_for_at_once(self, api: Api, queues: dict[str, str]):
        response = api.post(COLLECTION, {'title': 'My account', 'wallet': 'kraken', 'credentials': CREDENTIALS})

        assert (response.status_code, response.headers['Location']) == (201, PATH)
        created = response.json_body['result']
        assert list(created) == [*FIELDS, 'source', 'problem']
        assert (created['id'], created['title'], created['wallet']) == (1, 'My account', {'title': 'Kraken', 'code': 'kraken'})
        assert (created['valid'], created['last_updated'], created['problem']) == (True, None, None)
        assert api.get(PATH).json_body['result'] == created
        found = boto3.client('sqs').receive_message(QueueUrl=queues[settings().accounts_queue])['Messages']
        sent = {'ledger': f'LEDGER#ACCOUNT#{api.user_id}#000001#000001', 'group': work_group(api.user_id)}
        assert [json.loads(one['Body']) for one in found] == [sent]

    def test_the_list_and_the_portfolio_show_the_documents_nine_fields(self, api: Api):
        create_account(api)
        create_account(api, title='Second')

        listed = api.get(COLLECTION).json_body['result']

        assert [(list(row), row['title']) for row in listed] == [(FIELDS, 'My account'), (FIELDS, 'Second')]
        assert api.get('/api/portfolios/1').json_body['result']['accounts'] == listed
        assert api.get('/api/portfolios').json_body['result'][0]['accounts'] == 2

    def test_an_api_key_is_once_in_a_portfolio_and_may_be_in_another(self, api: Api):
        create_account(api)
        other = {'wallet': 'kraken', 'credentials': {'key': 'another-key-of-a-test', 'secret': SECRET}}
        api.portfolio('Another')

        again = api.post(COLLECTION, {'wallet': 'kraken', 'credentials': CREDENTIALS | {'secret': 'another-secret-of-a-test'}})
        assert again.status_code == 422
        assert [(fault['field'], fault['code']) for fault in again.json_body['fields']] == [('credentials.key', 'duplicate_account')]
        assert api.post('/api/portfolios/2/accounts', {'wallet': 'kraken', 'credentials': CREDENTIALS}).status_code == 201
        assert api.post(COLLECTION, {'wallet': 'bitstamp', 'credentials': CREDENTIALS}).status_code == 201
        assert api.post(COLLECTION, other).status_code == 201

        [first, *_, last] = api.get(COLLECTION).json_body['result']
        assert api.patch(f'{COLLECTION}/{last["id"]}', {'credentials': CREDENTIALS}).status_code == 422
        assert api.patch(f'{COLLECTION}/{first["id"]}', {'credentials': CREDENTIALS}).status_code == 200
        assert api.patch(f'{COLLECTION}/{first["id"]}', {'credentials': other['credentials']}).status_code == 422
        assert api.delete(f'{COLLECTION}/{last["id"]}').status_code == 200
        assert api.patch(f'{COLLECTION}/{first["id"]}', {'credentials': other['credentials']}).status_code == 200
        assert api.post(COLLECTION, {'wallet': 'kraken', 'credentials': CREDENTIALS}).status_code == 201

    def test_the_list_has_pages(self, api: Api):
        for title in 'abc':
            create_account(api, title=title)

        first = api.get(f'{COLLECTION}?limit=2').json_body
        rest = api.get(f'{COLLECTION}?limit=2&cursor={first["next"]}').json_body

        assert ([row['title'] for row in first['result']], [row['title'] for row in rest['result']]) == (['a', 'b'], ['c'])
        assert 'next' not in rest

    def test_an_account_without_a_title_is_called_after_its_exchange(self, api: Api):
        response = api.post(COLLECTION, {'wallet': 'KRAKEN', 'credentials': CREDENTIALS})

        assert response.json_body['result']['title'] == 'Kraken account'

    def test_a_form_does_as_well(self, api: Api):
        form = urlencode({'wallet': 'kraken', 'credentials[key]': 'k', 'credentials[secret]': 'c2VjcmV0'}).encode()

        response = api.request('POST', COLLECTION, form, {'Content-Type': 'application/x-www-form-urlencoded'})

        assert response.status_code == 201

    @pytest.mark.parametrize(
        ('body', 'expected'),
        [
            ({}, [('wallet', 'required'), ('credentials', 'required')]),
            ({'wallet': 'mtgox', 'credentials': CREDENTIALS}, [('wallet', 'unsupported_wallet')]),
            ({'wallet': 'kraken', 'credentials': 'secret'}, [('credentials', 'type')]),
            ({'wallet': 'kraken', 'credentials': {'key': 'k'}}, [('credentials.secret', 'missing_credential')]),
            (
                {'wallet': 'kraken', 'credentials': {'key': '\ud800', 'secret': 'a\udfff'}},
                [('credentials.key', 'type'), ('credentials.secret', 'type')],
            ),
            ({'wallet': 'kraken', 'credentials': {'key': 'a\r\nHost: b', 'secret': 'a\nb'}}, [('credentials.key', 'invalid')]),
            ({'wallet': 'kraken', 'credentials': {'key': 'é', 'secret': 'a'}}, [('credentials.key', 'invalid')]),
            (
                {'wallet': 'kraken', 'credentials': {'key': '', 'secret': 5}},
                [('credentials.key', 'empty_credential'), ('credentials.secret', 'type')],
            ),
            ({'wallet': 'kraken', 'credentials': {'key': 'k', 'secret': 'x' * 5_000}}, [('credentials', 'too_long')]),
        ],
    )
    def test_what_is_wrong_with_a_new_account_is_told_without_repeating_it(self, api: Api, body: Any, expected: list[tuple[str, str]]):
        assert faults(api, 'POST', COLLECTION, body) == expected

    def test_of_two_accounts_that_get_a_key_at_once_only_one_gets_the_same(self, api: Api):
        created: list[int] = []

        def create_another(key: str) -> None:
            created.append(api.post(COLLECTION, {'wallet': 'kraken', 'credentials': CREDENTIALS | {'key': key}}).status_code)

        with meanwhile('Query', lambda: create_another(CREDENTIALS['key'])):
            assert faults(api, 'POST', COLLECTION, {'wallet': 'kraken', 'credentials': CREDENTIALS}) == [
                ('credentials.key', 'duplicate_account')
            ]
        with meanwhile('Query', lambda: create_another('second')):
            create_another('third')
        first = f'{COLLECTION}/{api.get(COLLECTION).json_body["result"][0]["id"]}'
        with meanwhile('Query', lambda: create_another('fourth')):
            assert faults(api, 'PATCH', first, {'credentials': CREDENTIALS | {'key': 'fourth'}}) == [
                ('credentials.key', 'duplicate_account')
            ]

        assert created == [201] * 4
        assert api.get('/api/portfolios').json_body['result'][0]['accounts'] == 4

    def test_a_title_changes_and_the_wallet_does_not(self, api: Api):
        create_account(api)

        assert api.patch(PATH, {'title': 'Renamed', 'wallet': 'kraken'}).json_body['result']['title'] == 'Renamed'
        assert faults(api, 'PATCH', PATH, {'wallet': 'coinbase'}) == [('wallet', 'read_only')]
        assert faults(api, 'PATCH', PATH, {'credentials': {'key': 'k'}}) == [('credentials.secret', 'missing_credential')]

    def test_a_deleted_account_is_shown_as_it_was_and_gone(self, api: Api):
        create_account(api)
        before = api.get(PATH).json_body['result']

        assert api.delete(PATH).json_body['result'] == before

        assert api.get(PATH).status_code == 404
        assert api.get('/api/portfolios').json_body['result'][0]['accounts'] == 0
        assert create_account(api) == 2

    def test_versions_are_checked(self, api: Api):
        create_account(api)
        tag = api.get(PATH).headers['ETag']
        assert api.request('PATCH', PATH, {'credentials': CREDENTIALS}, {'If-Match': tag}).status_code == 200

        for method in ('PATCH', 'DELETE'):
            assert api.request(method, PATH, {'credentials': CREDENTIALS}, {'If-Match': tag}).status_code == 412

    def test_a_repeated_post_creates_one_account(self, api: Api):
        body = {'wallet': 'kraken', 'credentials': CREDENTIALS}

        first, again = (api.request('POST', COLLECTION, body, {'Idempotency-Key': 'k'}) for _ in range(2))

        assert first.json_body['result'] == again.json_body['result']
        assert len(api.get(COLLECTION).json_body['result']) == 1

    def test_there_are_only_so_many(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv('MAX_ACCOUNTS', '1')
        settings.cache_clear()
        settings()  # read now: during a request the test client shows another stage's environment
        create_account(api)

        assert faults(api, 'POST', COLLECTION, {'wallet': 'kraken', 'credentials': CREDENTIALS}) == [('', 'too_many_accounts')]
        monkeypatch.undo()
        settings.cache_clear()
        settings()

    @pytest.mark.parametrize('below', ['', '/balances', '/txns', '/transactions', '/history'])
    def test_somebody_elses_account_is_not_found(self, api: Api, other: Api, below: str):
        create_account(api)
        other.portfolio()

        assert (other.get(PATH + below).status_code, api.get(f'{COLLECTION}/9{below}').status_code) == (404, 404)

    @pytest.mark.parametrize('below', ['/balances', '/txns', '/history'])
    def test_nothing_is_ready_before_the_first_refresh(self, api: Api, below: str):
        create_account(api)

        assert api.get(PATH + below).status_code == 503
        assert api.get('/api/portfolios/1/balances').status_code == 503

    def test_a_known_path_refuses_other_methods(self, api: Api):
        assert [api.request('PUT', path).status_code for path in (COLLECTION, PATH)] == [405, 405]


@pytest.fixture
def bought(api: Api, portfolio: int, kraken: Kraken, queues: dict[str, str]) -> int:
    """An account that got 1,000 dollars three days ago, and bought bitcoin for 400 the day before yesterday. When today began."""
    today = clock.now() // DAY * DAY
    kraken.account.rows = [
        LedgerRow('L3', 'T2', today - 2 * DAY + 3_600, 'trade', 'XXBT', Decimal('0.02')),
        LedgerRow('L2', 'T2', today - 2 * DAY + 3_600, 'trade', 'ZUSD', Decimal(-400), Decimal('0.64')),
        LedgerRow('L1', 'R1', today - 3 * DAY + 7_200, 'deposit', 'ZUSD', Decimal(1_000)),
    ]
    create_account(api)
    accounts_queue(queues).drain()
    return today


def test_the_history_of_an_account_is_what_it_held_at_each_midnight_and_now(api: Api, bought: int):
    rows = api.get(f'{PATH}/history?order=asc').json_body['result']

    assert list(rows[0]) == ['currency', 'balance', 'balance_at', 'source', 'complete', 'covered', 'total']
    later = [('btc', '0.02'), ('usd', '599.36')]
    days = {bought - 2 * DAY: [('usd', '1000.0')], bought - DAY: later, bought: later, clock.now(): later}
    expected = [(format_instant(at), code, balance) for at, held in days.items() for code, balance in held]
    assert [(row['balance_at'], row['currency'], row['balance']) for row in rows] == expected
    assert all(row['complete'] and (row['covered'], row['total']) == (1, 1) for row in rows)


def test_a_history_has_pages_ranges_and_hours(api: Api, bought: int):
    whole = api.get(f'{PATH}/history').json_body['result']
    first = api.get(f'{PATH}/history?limit=3').json_body
    rest = api.get(f'{PATH}/history?limit=100&cursor={first["next"]}').json_body

    assert [*first['result'], *rest['result']] == whole
    first, last = (format_instant(bought - 2 * DAY + hours * 3_600).replace('+00:00', 'Z') for hours in (0, 2))
    hours = api.get(f'{PATH}/history?interval=hour&from={first}&to={last}&order=asc').json_body['result']
    assert [(row['balance_at'][11:13], row['currency'], row['balance']) for row in hours] == [
        ('00', 'usd', '1000.0'), ('01', 'btc', '0.02'), ('01', 'usd', '599.36'), ('02', 'btc', '0.02'), ('02', 'usd', '599.36'),
    ]  # fmt: skip


def test_a_portfolio_counts_its_accounts_in_balances_converted_and_histories(api: Api, bought: int):
    api.post('/api/portfolios/1/offsets', {'title': 'x', 'balances': [{'currency': 'usd', 'balance': '0.64'}]})
    now = clock.now()
    rate = Rate('btc', 'usd', Decimal('20000'), now, 'bitstamp')
    LatestRates.find().store(now, [], [rate], dict.fromkeys(('btc', 'eth', 'eur', 'usd'), now + DAY))
    current.forget()
    histories.refresh(api.user_id, 1)

    shown = api.get('/api/portfolios/1/balances').json_body['result']
    assert [(row['currency'], row['balance'], row['complete']) for row in shown] == [('btc', '0.02', True), ('usd', '600.0', True)]
    converted = {row['currency']: row['balance'] for row in api.get('/api/portfolios/1/converted').json_body['result']}
    assert converted == {'btc': '0.05', 'usd': '1000.00'}  # 0.02 * 20000 + 600
    past = api.get('/api/portfolios/1/balances/usd/history?order=asc').json_body['result']
    since = format_instant(bought - 3 * DAY)
    assert [row['balance'] for row in past if row['balance_at'] >= since] == ['0.64', '1000.64', '600.0', '600.0', '600.0']
    header = api.get('/api/portfolios/1').json_body['result']
    assert header['balances_last_updated'] == header['accounts'][0]['last_updated'] is not None
    assert header['accounts'][0]['txns_last_updated'] == header['accounts'][0]['history_last_updated'] is not None


def test_an_unknown_currency_has_no_rate_and_holds_up_nothing(api: Api, portfolio: int, kraken: Kraken, queues: dict[str, str]):
    kraken.account.rows = [LedgerRow('L1', 'R1', clock.now() - DAY, 'deposit', 'BTCX', Decimal(5))]
    create_account(api)
    accounts_queue(queues).drain()
    now = clock.now()
    LatestRates.find().store(
        now, [], [Rate('btc', 'usd', Decimal('20000'), now, 'bitstamp')], dict.fromkeys(('btc', 'eth', 'eur', 'usd'), now + DAY)
    )
    current.forget()
    histories.refresh(api.user_id, 1)

    [btc, _] = api.get('/api/portfolios/1/converted').json_body['result']

    assert (btc['balance'], btc['complete']) == ('0.0', False)
    assert btc['missing'] == [{'currency': 'x-kraken-btcx', 'balance': '5.0', 'reason': 'no_rate'}]
    assert api.get('/api/portfolios/1').json_body['result']['converted_histories_last_updated'] is not None
    [row, *_] = [row for row in api.get('/api/portfolios/1/balances/history').json_body['result'] if row['currency'] == 'x-kraken-btcx']
    assert row['balance'] == '5.0'


def test_the_past_of_an_account_stays_when_its_key_is_revoked(api: Api, bought: int, kraken: Kraken, queues: dict[str, str]):
    kraken.account.key = 'another'
    CLOCK.advance(400)
    api.get(f'{PATH}/balances')
    accounts_queue(queues).drain()

    assert api.get(PATH).json_body['result']['valid'] is False
    rows = api.get('/api/portfolios/1/balances').json_body['result']
    assert [(row['balance'], row['missing'][0]['reason']) for row in rows] == [('0.02', 'invalid_account'), ('599.36', 'invalid_account')]
    assert api.get(f'{PATH}/history').json_body['result']
