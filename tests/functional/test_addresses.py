"""Addresses, their balances and their transactions, as the document shows them."""

import json
import re

import boto3
import pytest

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.work_groups import work_group
from chalicelib.formats import format_instant
from chalicelib.models import Ledger
from tests.support.api import Api
from tests.support.clock import StoppedClock
from tests.support.ledgers import ADDRESS, SEGWIT, observe

BITCOIN = {'title': 'Bitcoin', 'code': 'btc'}
PATH = '/api/portfolios/1/addresses'
DATE = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00')


def messages(url: str) -> list[dict]:
    found = boto3.client('sqs').receive_message(QueueUrl=url, MaxNumberOfMessages=10).get('Messages', [])
    return [json.loads(message['Body']) for message in found]


@pytest.fixture
def portfolio(api: Api) -> int:
    return api.portfolio()


@pytest.mark.usefixtures('portfolio')
class TestAddresses:
    def test_a_new_address_has_the_documents_shape(self, api: Api):
        response = api.post(PATH, {'title': 'New address', 'address': ADDRESS, 'currency': 'btc'})

        assert response.status_code == 201
        assert response.headers['Location'] == f'{PATH}/1'
        result = response.json_body['result']
        assert list(result) == [
            'id', 'title', 'address', 'currency', 'valid', 'created_at', 'updated_at', 'txns_last_updated', 'source',
            'agreement',
        ]  # fmt: skip
        assert DATE.fullmatch(result.pop('created_at'))
        assert DATE.fullmatch(result.pop('updated_at'))
        assert result == {
            'id': 1,
            'title': 'New address',
            'address': ADDRESS,
            'currency': BITCOIN,
            'valid': True,
            'txns_last_updated': None,
            'source': 'private-api',
            'agreement': None,
        }

    def test_a_new_address_is_sent_for_at_once(self, api: Api, queues: dict[str, str]):
        api.address(1, ADDRESS)

        sent = {'ledger': f'LEDGER#btc#{ADDRESS}', 'group': work_group(api.user_id)}
        assert messages(queues[settings().refresh_queue]) == [sent]

    def test_the_list_shows_four_fields_by_id(self, api: Api):
        api.address(1, SEGWIT, 'Second in the alphabet')
        api.address(1, ADDRESS, 'A first')

        assert api.get(PATH).json_body['result'] == [
            {'id': 1, 'title': 'Second in the alphabet', 'address': SEGWIT, 'currency': BITCOIN},
            {'id': 2, 'title': 'A first', 'address': ADDRESS, 'currency': BITCOIN},
        ]

    def test_no_addresses_are_an_empty_list(self, api: Api):
        assert api.get(PATH).json_body['result'] == []

    def test_one_address_is_shown_in_full(self, api: Api):
        created = api.post(PATH, {'title': 'x', 'address': ADDRESS, 'currency': 'btc'}).json_body['result']

        assert api.get(f'{PATH}/1').json_body['result'] == created

    def test_what_people_paste_is_understood(self, api: Api):
        pasted = f'  bitcoin:{SEGWIT.upper()}?amount=1  '

        result = api.post(PATH, {'address': pasted, 'currency': 'BTC'}).json_body['result']

        assert (result['address'], result['title'], result['currency']) == (SEGWIT, 'Bitcoin address', BITCOIN)

    @pytest.mark.parametrize(
        ('body', 'faults'),
        [
            ({}, [('currency', 'required'), ('address', 'required')]),
            ({'currency': 'btc', 'address': ADDRESS[:-1] + 'x'}, [('address', 'invalid_address')]),
            ({'currency': 'nope', 'address': ADDRESS}, [('currency', 'unknown_currency')]),
            ({'currency': 'usd', 'address': ADDRESS}, [('currency', 'unsupported_currency')]),
            ({'currency': 'btc', 'address': 5, 'title': ''}, [('address', 'type'), ('title', 'length')]),
            ({'currency': 'btc', 'address': None}, [('address', 'type')]),
        ],
    )
    def test_everything_wrong_is_said_at_once(self, api: Api, body: dict, faults: list):
        response = api.post(PATH, body)

        assert response.status_code == 422
        assert [(fault['field'], fault['code']) for fault in response.json_body['fields']] == faults
        assert api.get('/api/portfolios').json_body['result'][0]['addresses'] == 0

    def test_the_same_address_twice_in_one_portfolio_is_invalid(self, api: Api):
        api.address(1, SEGWIT)

        response = api.post(PATH, {'title': 'Again', 'address': SEGWIT.upper(), 'currency': 'btc'})

        assert response.status_code == 422
        assert response.json_body['fields'][0]['code'] == 'duplicate_address'
        assert api.get('/api/portfolios').json_body['result'][0]['addresses'] == 1
        assert len(api.get(PATH).json_body['result']) == 1

    def test_the_same_address_in_two_portfolios_is_fine(self, api: Api, other: Api):
        api.address(1, ADDRESS)

        assert api.address(api.portfolio(), ADDRESS) == 1
        assert other.address(other.portfolio(), ADDRESS) == 1

    def test_a_title_is_changed_alone(self, api: Api):
        before = api.get(f'{PATH}/{api.address(1, ADDRESS)}').json_body['result']

        result = api.patch(f'{PATH}/1', {'title': 'A new address title'}).json_body['result']

        assert result | {'updated_at': 0} == before | {'title': 'A new address title', 'updated_at': 0}
        assert api.get(f'{PATH}/1').json_body['result'] == result

    def test_a_changed_address_forgets_what_was_known_of_the_old_one(self, api: Api):
        api.address(1, ADDRESS)
        observe(ADDRESS, 5_000_501_000, 3)

        result = api.patch(f'{PATH}/1', {'address': SEGWIT}).json_body['result']

        assert (result['id'], result['address'], result['txns_last_updated']) == (1, SEGWIT, None)
        assert api.get(f'{PATH}/1').json_body['result'] == result
        assert api.get(f'{PATH}/1/balances').status_code == 503
        assert api.get(f'{PATH}/1/transactions').status_code == 503
        assert api.address(1, ADDRESS) == 2

    def test_an_address_cannot_be_changed_to_one_that_is_there(self, api: Api):
        api.address(1, ADDRESS)
        api.address(1, SEGWIT)

        response = api.patch(f'{PATH}/2', {'address': ADDRESS, 'title': 'x'})

        assert response.status_code == 422
        assert api.get(f'{PATH}/2').json_body['result']['address'] == SEGWIT
        assert api.get(f'{PATH}/2').json_body['result']['title'] == 'My address'

    def test_the_currency_of_an_address_stays(self, api: Api):
        api.address(1, ADDRESS)

        assert api.patch(f'{PATH}/1', {'currency': 'ltc'}).json_body['fields'][0]['code'] == 'read_only'
        assert api.patch(f'{PATH}/1', {'currency': 'BTC', 'title': 'x'}).status_code == 200

    def test_an_empty_change_changes_nothing(self, api: Api):
        before = api.get(f'{PATH}/{api.address(1, ADDRESS)}').json_body['result']

        assert api.patch(f'{PATH}/1', {}).json_body['result'] == before
        assert api.patch(f'{PATH}/1', {'address': ADDRESS}).json_body['result'] == before

    def test_a_deleted_address_is_shown_as_it_was_and_then_gone(self, api: Api):
        before = api.get(f'{PATH}/{api.address(1, ADDRESS)}').json_body['result']

        response = api.delete(f'{PATH}/1')

        assert (response.status_code, response.json_body['result']) == (200, before)
        assert api.get(f'{PATH}/1').status_code == 404
        assert api.delete(f'{PATH}/1').status_code == 404
        assert api.get('/api/portfolios').json_body['result'][0]['addresses'] == 0
        assert api.address(1, ADDRESS) == 2

    def test_the_bare_collection_cannot_be_deleted(self, api: Api):
        api.address(1, ADDRESS)

        response = api.delete(PATH)

        assert response.status_code == 405
        assert response.json_body['code'] == 'method_not_allowed'
        assert set(response.headers['Allow'].split(', ')) >= {'GET', 'POST'}
        assert len(api.get(PATH).json_body['result']) == 1

    def test_a_child_is_only_found_through_its_parent(self, api: Api):
        api.portfolio()
        api.address(1, ADDRESS)

        assert api.get('/api/portfolios/2/addresses/1').status_code == 404
        assert api.get('/api/portfolios/3/addresses').status_code == 404
        body = {'address': ADDRESS, 'currency': 'btc'}
        assert api.post('/api/portfolios/3/addresses', body).status_code == 404

    @pytest.mark.parametrize(
        ('currency', 'address', 'sentence'),
        [
            ('btc', '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359', 'This is an Ethereum address: add it with the currency eth'),
            ('eth', ADDRESS, 'This is a Bitcoin address: add it with the currency btc'),
            ('eth', 'vitalik.eth', 'This is an ENS name: names are not looked up, enter the address that it stands for'),
        ],
    )
    def test_what_is_no_address_of_its_currency_is_told_for_what_it_is(self, api: Api, currency: str, address: str, sentence: str):
        created = api.post(PATH, {'currency': currency, 'address': address})
        api.address(1, ADDRESS)
        changed = [api.patch(f'{PATH}/1', {'address': address})] if currency == 'btc' else []

        for response in (created, *changed):
            assert (response.status_code, response.json_body['fields'][0]['code']) == (422, 'invalid_address')
            assert response.json_body['invalid'][0].startswith(sentence)

    def test_balances_are_not_ready_until_one_was_known(self, api: Api):
        api.address(1, ADDRESS)

        for path in (f'{PATH}/1/balances', f'{PATH}/1/transactions', '/api/portfolios/1/balances'):
            response = api.get(path)
            body = response.json_body
            assert response.status_code == 503, path
            assert (body['success'], body['message'], body['code']) == (False, 'Not ready', 'not_ready')
            assert DATE.fullmatch(body['try_again_at'])
            assert int(response.headers['Retry-After']) >= 1
            assert 'result' not in body

    def test_balances_have_the_documents_shape(self, api: Api):
        api.address(1, ADDRESS)
        observe(ADDRESS, 5_000_501_000, 3)

        body = api.get(f'{PATH}/1/balances').json_body

        (row,) = body['result']
        assert list(row) == [
            'currency', 'balance', 'unconfirmed', 'transactions', 'sent', 'received', 'created_at', 'updated_at', 'source',
        ]  # fmt: skip
        assert DATE.fullmatch(row.pop('created_at'))
        assert row == {
            'currency': BITCOIN,
            'balance': '50.00501',
            'unconfirmed': None,
            'transactions': 3,
            'sent': '0.0',
            'received': '50.00501',
            'updated_at': '2023-11-14T22:13:20+00:00',
            'source': 'blockstream',
        }
        assert body['complete'] is True

    def test_transactions_come_newest_first_in_the_documents_shape(self, api: Api):
        api.address(1, ADDRESS)
        observe(ADDRESS, 3, 3)

        result = api.get(f'{PATH}/1/transactions').json_body['result']

        address = api.get(f'{PATH}/1').json_body['result']
        assert result[0] == {
            'currency': BITCOIN,
            'delta': '0.00000001',
            'txn_at': '2017-07-14T02:40:02+00:00',
            'fee': '0.0',
            'reference': f'{2:064x}',
            'created_at': address['created_at'],  # the ledger was there before
            'updated_at': address['created_at'],
            'source': 'blockstream',
        }
        assert [row['reference'] for row in result] == [f'{n:064x}' for n in (2, 1, 0)]

    @pytest.mark.parametrize('way', ['added', 'moved'])
    def test_nobody_is_told_since_when_somebody_else_watches_an_address(self, api: Api, other: Api, stopped_clock: StoppedClock, way: str):
        other.portfolio()
        other.address(1, ADDRESS)
        if way == 'moved':
            api.address(1, SEGWIT)
        observe(ADDRESS, 3, 3)
        stopped_clock.advance(1_000_000)
        before = format_instant(clock.now() - 500_000)

        if way == 'moved':
            assert api.patch(f'{PATH}/1', {'address': ADDRESS}).status_code == 200
        else:
            api.address(1, ADDRESS)

        rows = [
            row
            for path in (f'{PATH}/1/balances', f'{PATH}/1/transactions', '/api/portfolios/1/transactions')
            for row in api.get(path).json_body['result']
        ]
        assert len(rows) == 7
        since = api.get(f'{PATH}/1').json_body['result']['updated_at']
        assert since > before
        assert {row['created_at'] for row in rows} | {row['updated_at'] for row in rows[1:]} == {since}
        theirs = other.get(f'{PATH}/1/transactions').json_body['result']
        assert {row['created_at'] for row in theirs} == {other.get(f'{PATH}/1').json_body['result']['created_at']}

    def test_transactions_answer_under_their_short_name_too(self, api: Api):
        api.address(1, ADDRESS)
        observe(ADDRESS, 3, 3)

        short = api.get(f'{PATH}/1/txns?limit=2')

        assert short.json_body['result'] == api.get(f'{PATH}/1/transactions?limit=2').json_body['result']
        assert short.headers['Link'].startswith(f'<{PATH}/1/txns?limit=2&cursor=')
        following = short.headers['Link'][1:].partition('>')[0]
        assert [row['reference'] for row in api.get(following).json_body['result']] == [f'{0:064x}']

    def test_a_used_address_without_transactions_is_an_empty_list(self, api: Api):
        api.address(1, ADDRESS)
        observe(ADDRESS, 0, 0)

        assert api.get(f'{PATH}/1/transactions').json_body['result'] == []
        assert api.get(f'{PATH}/1/balances').json_body['result'][0]['balance'] == '0.0'

    def test_a_thousand_transactions_come_at_once_and_more_in_pages(self, api: Api):
        api.address(1, ADDRESS)
        observe(ADDRESS, 1_001, 1_001)

        first = api.get(f'{PATH}/1/transactions').json_body
        second = api.get(f'{PATH}/1/transactions?cursor={first["next"]}').json_body
        smaller = api.get(f'{PATH}/1/transactions?limit=10').json_body

        assert [len(first['result']), len(second['result']), len(smaller['result'])] == [1000, 1, 10]
        assert 'next' not in second
        references = [row['reference'] for row in first['result'] + second['result']]
        assert references == [f'{n:064x}' for n in reversed(range(1_001))]

    @pytest.mark.parametrize('cursor', ['RU5UUlkj', 'U1RBVEU', 'V0FUQ0gj', 'fn4', '____'])
    def test_a_cursor_opens_nothing_but_transactions(self, api: Api, cursor: str):
        api.address(1, ADDRESS)
        observe(ADDRESS, 1, 1)

        response = api.get(f'{PATH}/1/transactions?cursor={cursor}')

        assert response.status_code == 422

    def test_an_incomplete_ledger_says_so_everywhere(self, api: Api):
        api.address(1, ADDRESS, 'Mine')
        observe(ADDRESS, 501_000, 2, incomplete='p2pk_outputs_unknown')

        for path in (f'{PATH}/1/balances', f'{PATH}/1/transactions'):
            body = api.get(path).json_body
            assert (body['complete'], body['reason']) == (False, 'p2pk_outputs_unknown')
        missing = [{'type': 'address', 'id': 1, 'title': 'Mine', 'reason': 'p2pk_outputs_unknown'}]
        for row in api.get('/api/portfolios/1/balances').json_body['result']:
            assert (row['complete'], row.get('missing')) == ((False, missing) if row['currency'] == 'btc' else (True, None))

    def test_a_stale_ledger_is_served_and_sent_for(self, api: Api, queues: dict[str, str]):
        api.address(1, ADDRESS)
        observe(ADDRESS, 1, 1)
        messages(queues[settings().refresh_queue])
        Ledger.at(f'LEDGER#btc#{ADDRESS}').update([Ledger.created_at.set(1), Ledger.updated_at.set(1), Ledger.attempted_at.set(1)])

        assert api.get(f'{PATH}/1/balances').status_code == 200

        (message,) = messages(queues[settings().refresh_queue])
        assert message['ledger'] == f'LEDGER#btc#{ADDRESS}'
        assert message['seen_at'] == clock.now()


class TestPortfolioBalances:
    def rows(self, api: Api) -> list[dict]:
        response = api.get('/api/portfolios/1/balances')
        assert response.status_code == 200, response.body
        return response.json_body['result']

    def test_an_empty_portfolio_reads_zero_at_once(self, api: Api):
        api.portfolio(currencies=('usd', 'btc'))

        rows = self.rows(api)

        assert [list(row) for row in rows] == [['currency', 'balance', 'balance_at', 'source', 'complete']] * 2
        assert [(row['currency'], row['balance'], row['source']) for row in rows] == [
            ('btc', '0.0', 'cryptfolio'),
            ('usd', '0.0', 'cryptfolio'),
        ]

    def test_addresses_are_summed_and_reporting_currencies_filled_with_zero(self, api: Api):
        api.portfolio()
        api.address(1, ADDRESS)
        api.address(1, SEGWIT)
        observe(ADDRESS, 5_000_501_000, 3)
        observe(SEGWIT, 1, 1)

        rows = {row['currency']: row for row in self.rows(api)}

        assert {code: row['balance'] for code, row in rows.items()} == {'btc': '50.00501001', 'usd': '0.0'}
        assert all(row['complete'] and 'missing' not in row for row in rows.values())
        assert rows['btc']['balance_at'] == '2023-11-14T22:13:20+00:00'

    def test_a_currency_that_is_not_reported_is_listed_when_it_is_held(self, api: Api):
        api.portfolio(currencies=('usd',))
        api.address(1, ADDRESS)
        observe(ADDRESS, 1, 1)

        assert [(row['currency'], row['balance']) for row in self.rows(api)] == [('btc', '0.00000001'), ('usd', '0.0')]

    def test_a_currency_that_is_neither_reported_nor_held_is_not_listed(self, api: Api):
        api.portfolio(currencies=('usd',))
        api.address(1, ADDRESS)
        observe(ADDRESS, 0, 0)

        assert [row['currency'] for row in self.rows(api)] == ['usd']

    def test_what_is_not_known_yet_is_missing_not_zero(self, api: Api):
        api.portfolio()
        api.address(1, ADDRESS)
        api.address(1, SEGWIT, 'New one')
        observe(ADDRESS, 5, 1)

        missing = {row['currency']: row.get('missing') for row in self.rows(api)}
        assert missing.pop('btc') == [{'type': 'address', 'id': 2, 'title': 'New one', 'reason': 'not_ready'}]
        assert set(missing.values()) == {None}  # what a Bitcoin address cannot hold


def test_the_user_has_the_documents_shape(api: Api):
    result = api.get('/api/user').json_body['result']

    assert DATE.fullmatch(result.pop('created_at'))
    assert result == {'name': 'Test user', 'email': 'test@example.com'}


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        (b'', 400),
        (b'{', 400),
        (b'\xff', 400),
        (b'{"title": NaN}', 400),
        (b'{"title": -Infinity}', 400),
        (b'[' * 100_000, 400),
        (b'{"title": ' + b'9' * 5_000 + b'}', 400),
        (b'{"title": 1e99999999999999999999}', 400),
        (b'[]', 422),
        (b'null', 422),
        (b'"title"', 422),
        (b'5', 422),
        (b'{"title": 1e400, "currencies": ["btc"]}', 422),
        (b'{"title": "\\u0000", "currencies": ["btc"]}', 422),
        (b'{"title": "\\ud800", "currencies": ["btc"]}', 422),
        (b'{"title": "x", "currencies": ["\\udfff"]}', 422),
        (b'{"title": "' + b'x' * 300_000 + b'"}', 413),
    ],
)
def test_bodies_that_cannot_be_taken_change_nothing(api: Api, body: bytes, status: int):
    response = api.request('POST', '/api/portfolios', body)

    assert response.status_code == status
    assert response.json_body['success'] is False
    assert response.json_body['code'] in ('bad_request', 'invalid', 'too_large')
    assert api.get('/api/portfolios').json_body['result'] == []


FORM = {'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8'}


def test_a_form_with_bracketed_names_is_as_good_as_json(api: Api):
    created = api.request('POST', '/api/portfolios', b'title=My+portfolio&currencies[]=btc&currencies[]=usd', FORM)
    address = api.request('POST', PATH, f'address={ADDRESS}&currency=btc&title=x'.encode(), FORM)
    changed = api.request('PATCH', '/api/portfolios/1', b'currencies[0]=eur', FORM)

    assert created.status_code == address.status_code == 201
    assert [row['code'] for row in created.json_body['result']['currencies']] == ['btc', 'usd']
    assert changed.json_body['result']['title'] == 'My portfolio'
    assert [row['code'] for row in changed.json_body['result']['currencies']] == ['eur']


@pytest.mark.parametrize('body', [b'title[=x', b'title=x&title[]=y', b'title=%FF', b'\xff=1'])
def test_a_malformed_form_is_a_bad_request(api: Api, body: bytes):
    response = api.request('POST', '/api/portfolios', body, FORM)

    assert (response.status_code, response.json_body['code']) == (400, 'bad_request')


def test_an_empty_form_says_what_is_missing(api: Api):
    response = api.request('POST', '/api/portfolios', b'title=&currencies[]=', FORM)

    assert [fault['field'] for fault in response.json_body['fields']] == ['title', 'currencies']


def test_unknown_keys_are_passed_over(api: Api):
    body = {'title': 'x', 'currencies': ['btc'], 'id': 7, 'user_id': 'x', 'balances': {'btc': 1}}

    assert api.post('/api/portfolios', body).json_body['result']['id'] == 1


def test_another_content_type_is_refused(api: Api):
    response = api.request('POST', '/api/portfolios', b'<x/>', {'Content-Type': 'text/xml'})

    assert (response.status_code, response.json_body['code']) == (415, 'unsupported_media_type')
