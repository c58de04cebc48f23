"""Offsets, as the document shows them, and what they add to their portfolio."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain import currencies
from chalicelib.models import Offset
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import meanwhile, table
from tests.support.jobs import run_purge
from tests.support.ledgers import ADDRESS, SEGWIT, observe

PATH = '/api/portfolios/1/offsets'
DATE = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00')
SUMMARY = ['id', 'title', 'created_at', 'updated_at']
THEN, LATER = 1_600_000_000, 1_700_000_000
ISO_THEN, ISO_LATER = '2020-09-13T12:26:40+00:00', '2023-11-14T22:13:20+00:00'


def offset(api: Api, *balances: tuple[str, Any], title: str = 'My offset') -> int:
    """Add an offset; return its id."""
    response = api.post(PATH, {'title': title, 'balances': [{'currency': code, 'balance': balance} for code, balance in balances]})
    assert response.status_code == 201, response.body
    return response.json_body['result']['id']


def amounts(result: dict) -> list[tuple[str, str]]:
    return [(row['currency'], row['balance']) for row in result['balances']]


def old_offset(api: Api, **balances: str) -> Offset:
    """Add an offset as of `THEN`."""
    offset = Offset.draft(api.user_id, 1, title='Old', balances={code: Decimal(text) for code, text in balances.items()}, now=THEN)
    offset.insert()
    return offset


def change(api: Api, **values: Any) -> Offset:
    """Change the first offset at `LATER`."""
    return Offset.change(api.user_id, 1, 1, **{'title': None, 'balances': None, 'now': LATER} | values)


def stored_offsets() -> list[dict]:
    return [item for item in table() if '#OFFSET#' in item['sk']['S']]


@contextmanager
def losing(times: int) -> Iterator[None]:
    """Let somebody else change the first offset each time that it was read, so many times."""

    def touch() -> None:
        (stored,) = stored_offsets()
        Offset(stored['pk']['S'], stored['sk']['S']).update([Offset.version.add(1)])

    with ExitStack() as stack:
        for number in range(1, times + 1):
            stack.enter_context(meanwhile('BatchGetItem', touch, number=number))
        yield


@pytest.fixture(autouse=True)
def portfolio(api: Api) -> int:
    return api.portfolio()


class TestShapes:
    def test_a_new_offset_has_the_documents_shape(self, api: Api):
        body = {'title': 'My second offset', 'balances': [{'currency': 'ltc', 'balance': '1'}, {'currency': 'BTC', 'balance': 10}]}

        response = api.post(PATH, body)

        assert response.status_code == 201
        assert response.headers['Location'] == f'{PATH}/1'
        result = response.json_body['result']
        assert list(result) == [*SUMMARY, 'balances', 'since']
        assert (result['id'], result['title']) == (1, 'My second offset')
        assert [list(row) for row in result['balances']] == [['currency', 'balance', 'created_at', 'updated_at', 'source']] * 2
        assert amounts(result) == [('btc', '10.0'), ('ltc', '1.0')]
        assert {row['source'] for row in result['balances']} == {'private-api'}
        assert all(DATE.fullmatch(row[key]) for row in [result, *result['balances']] for key in ('created_at', 'updated_at'))

    def test_one_offset_is_shown_in_full(self, api: Api):
        created = api.post(PATH, {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '0.5'}]}).json_body['result']

        assert api.get(f'{PATH}/1').json_body['result'] == created

    def test_the_list_shows_four_fields_by_id(self, api: Api):
        offset(api, ('btc', '1'), title='Second in the alphabet')
        offset(api, title='A first')

        result = api.get(PATH).json_body['result']

        assert [list(entry) for entry in result] == [SUMMARY] * 2
        assert [(entry['id'], entry['title']) for entry in result] == [(1, 'Second in the alphabet'), (2, 'A first')]

    def test_no_offsets_are_an_empty_list(self, api: Api):
        assert api.get(PATH).json_body['result'] == []

    @pytest.mark.parametrize('body', [{'title': 'x'}, {'title': 'x', 'balances': []}, {'title': 'x', 'balances': ''}])
    def test_an_offset_need_not_hold_anything(self, api: Api, body: dict):
        response = api.post(PATH, body)

        assert (response.status_code, response.json_body['result']['balances']) == (201, [])

    def test_a_portfolio_lists_its_offsets_as_the_offset_list_does_and_counts_them(self, api: Api):
        offset(api, ('btc', '1'))
        api.address(1, ADDRESS)
        offset(api)

        detail = api.get('/api/portfolios/1').json_body['result']

        assert detail['offsets'] == api.get(PATH).json_body['result']
        assert [len(detail['offsets']), len(detail['addresses'])] == [2, 1]
        (entry,) = api.get('/api/portfolios').json_body['result']
        assert (entry['offsets'], entry['addresses']) == (2, 1)

    def test_offsets_and_addresses_are_counted_apart(self, api: Api):
        api.address(1, ADDRESS)
        api.address(1, SEGWIT)

        assert offset(api) == 1
        assert [entry['id'] for entry in api.get(PATH).json_body['result']] == [1]

    @pytest.mark.parametrize('query', ['expand=currency', 'expand[]=currency'])
    def test_currencies_are_shown_as_objects_on_request(self, api: Api, query: str):
        offset(api, ('btc', '1'))

        (row,) = api.get(f'{PATH}/1?{query}').json_body['result']['balances']

        assert row['currency'] == {'title': 'Bitcoin', 'code': 'btc'}

    @pytest.mark.parametrize(('method', 'path'), [('GET', f'{PATH}/1'), ('POST', PATH), ('PATCH', f'{PATH}/1'), ('DELETE', f'{PATH}/1')])
    def test_what_cannot_be_shown_as_asked_is_not_done(self, api: Api, method: str, path: str):
        offset(api)
        before = table()

        response = api.request(method, f'{path}?expand=nonsense', {'title': 'New'})

        assert (response.status_code, table()) == (400, before)


class TestPaging:
    def test_a_long_list_goes_on_at_next(self, api: Api):
        for _ in range(5):
            offset(api)

        first = api.get(f'{PATH}?limit=2').json_body
        second = api.get(f'{PATH}?limit=2&cursor={first["next"]}').json_body
        third = api.get(f'{PATH}?limit=2&cursor={second["next"]}').json_body

        assert [[entry['id'] for entry in page['result']] for page in (first, second, third)] == [[1, 2], [3, 4], [5]]
        assert 'next' not in third

    def test_a_thousand_come_at_once_and_more_in_pages(self, api: Api):
        pk = old_offset(api).pk
        with Offset.batch_write() as batch:
            for number in range(2, 1_002):
                batch.save(Offset(
                    pk, f'PORTFOLIO#000001#OFFSET#{number:06}', user_id=api.user_id, portfolio_id=1, offset_id=number,
                    title='x', created_at=THEN, updated_at=THEN,
                ))  # fmt: skip

        first = api.get(PATH).json_body
        second = api.get(f'{PATH}?cursor={first["next"]}').json_body

        assert [entry['id'] for entry in first['result']] == list(range(1, 1_001))
        assert [entry['id'] for entry in second['result']] == [1_001]
        assert 'next' not in second


class TestInput:
    @pytest.mark.parametrize(
        ('code', 'given', 'shown'),
        [
            ('btc', '"10"', '10.0'),
            ('btc', '10', '10.0'),
            ('btc', '0.1', '0.1'),
            ('btc', '-0.00000001', '-0.00000001'),
            ('btc', '"-20999999.9769"', '-20999999.9769'),
            ('btc', '1e-8', '0.00000001'),
            ('btc', '1.5E3', '1500.0'),
            ('btc', '"1.500000000000"', '1.5'),
            ('btc', '1.500000000000', '1.5'),
            ('btc', '"  7 "', '7.0'),
            ('btc', '["7"]', '7.0'),
            ('btc', '"-0"', '0.0'),
            ('usd', '"117753.60"', '117753.6'),
            ('jpy', '"3.0"', '3.0'),
            ('eth', '0.123456789012345678', '0.123456789012345678'),
            ('eth', '12345678901234567890.123456789012345678', '12345678901234567890.123456789012345678'),
            ('eth', '9' * 60, '9' * 60 + '.0'),
        ],
    )
    def test_amounts_are_taken_exactly(self, api: Api, code: str, given: str, shown: str):
        body = f'{{"title": "x", "balances": [{{"currency": "{code}", "balance": {given}}}]}}'.encode()

        response = api.request('POST', PATH, body)

        assert response.status_code == 201, response.body
        assert amounts(api.get(f'{PATH}/1').json_body['result']) == [(code, shown)]

    @pytest.mark.parametrize(
        ('code', 'given'),
        [
            ('btc', given)
            for given in (
                '0.000000001', '"0.000000001"', '1e-9', '1e400', '-1e400', '1e-400', '9' * 61, '"' + '9' * 61 + '"', 'true', 'false',
                'null', '""', '"x"', '"NaN"', '"Infinity"', '"-Infinity"', '"1e5"', '"0x10"', '"1,5"', '"1 5"', '"+1"',
                '".5"', '"5."', '"--1"', '"\u0661"', '"1_000"', '[]', '["1", "2"]', '{}', '[true]',
            )
        ] + [('usd', '0.001'), ('jpy', '0.5'), ('eth', '0.1234567890123456789')],
    )  # fmt: skip
    def test_what_is_no_exact_amount_of_the_currency_is_invalid(self, api: Api, code: str, given: str):
        body = f'{{"title": "x", "balances": [{{"currency": "{code}", "balance": {given}}}]}}'.encode()

        response = api.request('POST', PATH, body)

        assert response.status_code == 422
        assert [(fault['field'], fault['code']) for fault in response.json_body['fields']] == [('balances[0].balance', 'invalid_amount')]
        assert stored_offsets() == []

    @pytest.mark.parametrize('constant', ['NaN', 'Infinity', '-Infinity'])
    def test_what_is_no_json_is_refused(self, api: Api, constant: str):
        body = f'{{"title": "x", "balances": [{{"currency": "btc", "balance": {constant}}}]}}'.encode()

        assert api.request('POST', PATH, body).status_code == 400
        assert stored_offsets() == []

    def test_everything_wrong_is_said_at_once(self, api: Api):
        balances = [
            {'currency': 'btc', 'balance': '0.000000001'},
            {'currency': 'nope', 'balance': 'x'},
            {'currency': 'BTC', 'balance': 1},
            {},
            {'currency': 5, 'balance': '1'},
            {'currency': 'nope', 'balance': '1'},
        ]

        response = api.post(PATH, {'balances': balances})

        assert response.status_code == 422
        assert [tuple(fault.values()) for fault in response.json_body['fields']] == [
            ('title', 'required', 'title is required'),
            ('balances[0].balance', 'invalid_amount', 'balances[0].balance must have at most 8 digits after the point'),
            ('balances[1].currency', 'unknown_currency', 'Unknown currency "nope"'),
            ('balances[1].balance', 'invalid_amount', 'balances[1].balance must be a number in plain decimal notation'),
            ('balances[2].currency', 'duplicate_currency', '"btc" must not appear in balances more than once'),
            ('balances[3].currency', 'required', 'balances[3].currency is required'),
            ('balances[3].balance', 'required', 'balances[3].balance is required'),
            ('balances[4].currency', 'type', 'balances[4].currency must be a string'),
            ('balances[5].currency', 'unknown_currency', 'Unknown currency "nope"'),
        ]
        assert response.json_body['invalid'] == [fault['message'] for fault in response.json_body['fields']]
        assert api.get(PATH).json_body['result'] == []

    def test_a_row_that_is_no_object_is_said_beside_what_is_wrong_with_others(self, api: Api):
        response = api.post(PATH, {'title': 'x', 'balances': [None, {'currency': 'btc', 'balance': '1'}, 'btc', [], {'currency': 'nope'}]})

        assert [tuple(fault.values()) for fault in response.json_body['fields']] == [
            ('balances[0]', 'type', 'balances[0] must be an object with currency and balance'),
            ('balances[2]', 'type', 'balances[2] must be an object with currency and balance'),
            ('balances[3]', 'type', 'balances[3] must be an object with currency and balance'),
            ('balances[4].currency', 'unknown_currency', 'Unknown currency "nope"'),
            ('balances[4].balance', 'required', 'balances[4].balance is required'),
        ]

    @pytest.mark.parametrize('balances', [None, 5, 'btc', {'currency': 'btc', 'balance': '1'}])
    def test_balances_are_a_list(self, api: Api, balances: Any):
        for response in (api.post(PATH, {'title': 'x', 'balances': balances}), api.patch(f'{PATH}/{offset(api)}', {'balances': balances})):
            assert response.status_code == 422
            assert [(fault['field'], fault['code']) for fault in response.json_body['fields']] == [('balances', 'type')]

    @pytest.mark.parametrize('title', [None, 5, '', '   ', 'x' * 256, 'a\nb', '\0', 'a\u202eb'])
    def test_a_title_is_one_to_255_characters_and_none_of_them_controls(self, api: Api, title: Any):
        for response in (api.post(PATH, {'title': title}), api.patch(f'{PATH}/{offset(api)}', {'title': title})):
            assert response.status_code == 422
            assert [fault['field'] for fault in response.json_body['fields']] == ['title']

    def test_a_title_is_trimmed(self, api: Api):
        assert api.post(PATH, {'title': '  ' + 'x' * 255 + ' '}).json_body['result']['title'] == 'x' * 255

    def test_an_offset_has_at_most_two_hundred_balances(self, api: Api):
        rows = [{'currency': currency.code, 'balance': 1} for currency in currencies.every()[:201]]

        refused = api.post(PATH, {'title': 'x', 'balances': rows})
        taken = api.post(PATH, {'title': 'x', 'balances': rows[:200]})

        assert refused.status_code == 422
        assert [(fault['field'], fault['code']) for fault in refused.json_body['fields']] == [('balances', 'too_many')]
        assert len(taken.json_body['result']['balances']) == 200

    def test_a_form_is_taken_like_json(self, api: Api):
        form = {'Content-Type': 'application/x-www-form-urlencoded'}
        body = b'title=x&balances[][currency]=btc&balances[][balance]=0.1&balances[][currency]=usd&balances[][balance]=-2'

        created = api.request('POST', PATH, body, form)
        emptied = api.request('PATCH', f'{PATH}/1', b'balances=', form)

        assert (created.status_code, amounts(created.json_body['result'])) == (201, [('btc', '0.1'), ('usd', '-2.0')])
        assert (emptied.status_code, amounts(emptied.json_body['result'])) == (200, [])


class TestChange:
    def test_a_title_is_changed_alone(self, api: Api):
        old_offset(api, btc='10', ltc='1')
        before = api.get(f'{PATH}/1').json_body['result']

        result = api.patch(f'{PATH}/1', {'title': 'Other'}).json_body['result']

        assert result['updated_at'] > before['updated_at']
        assert result == before | {'title': 'Other', 'updated_at': result['updated_at']}
        assert api.get(f'{PATH}/1').json_body['result'] == result

    def test_balances_replace_all_that_were_there(self, api: Api):
        offset(api, ('btc', '10'), ('ltc', '1'))
        body = {'title': 'My second offset', 'balances': [{'currency': 'usd', 'balance': '10'}, {'currency': 'btc', 'balance': '5'}]}

        result = api.patch(f'{PATH}/1', body).json_body['result']

        assert (result['title'], amounts(result)) == ('My second offset', [('btc', '5.0'), ('usd', '10.0')])
        assert api.get(f'{PATH}/1').json_body['result'] == result

    def test_an_empty_list_empties_an_offset(self, api: Api):
        offset(api, ('btc', '10'))

        assert api.patch(f'{PATH}/1', {'balances': []}).json_body['result']['balances'] == []
        assert api.get(f'{PATH}/1').json_body['result']['balances'] == []

    def test_a_currency_that_stays_keeps_its_creation_and_moves_only_with_its_amount(self, api: Api):
        old_offset(api, btc='10', ltc='1', eth='3')

        change(api, balances={'ltc': Decimal('1.00'), 'btc': Decimal(5), 'usd': Decimal(2)})

        rows = api.get(f'{PATH}/1').json_body['result']['balances']
        assert [(row['currency'], row['balance'], row['created_at'], row['updated_at']) for row in rows] == [
            ('btc', '5.0', ISO_THEN, ISO_LATER),
            ('ltc', '1.0', ISO_THEN, ISO_THEN),
            ('usd', '2.0', ISO_LATER, ISO_LATER),
        ]

    def test_a_currency_that_comes_back_is_created_again(self, api: Api):
        old_offset(api, btc='10')

        change(api, balances={})
        change(api, balances={'btc': Decimal(10)})

        (row,) = api.get(f'{PATH}/1').json_body['result']['balances']
        assert row['created_at'] == ISO_LATER

    @pytest.mark.parametrize(
        'values',
        [
            {'title': 'New'},
            {'balances': {}},
            {'balances': {'btc': Decimal(11)}},
            {'balances': {'btc': Decimal(10), 'ltc': Decimal(0)}},
        ],
    )
    def test_every_real_change_moves_the_offset(self, api: Api, values: dict):
        old_offset(api, btc='10')

        change(api, **values)

        result = api.get(f'{PATH}/1').json_body['result']
        assert (result['created_at'], result['updated_at']) == (ISO_THEN, ISO_LATER)

    @pytest.mark.parametrize(
        'body',
        [{}, {'title': 'Old'}, {'title': ' Old '}, {'balances': [{'currency': 'BTC', 'balance': '10.00'}]}, {'unknown': 1}],
    )
    def test_an_empty_change_changes_nothing(self, api: Api, body: dict):
        old_offset(api, btc='10')
        before = stored_offsets()

        result = api.patch(f'{PATH}/1', body).json_body['result']

        assert stored_offsets() == before
        assert result == api.get(f'{PATH}/1').json_body['result']
        assert result['updated_at'] == ISO_THEN

    def test_an_invalid_change_changes_nothing(self, api: Api):
        offset(api, ('btc', '10'))
        before = stored_offsets()

        response = api.patch(
            f'{PATH}/1', {'title': 'New', 'balances': [{'currency': 'btc', 'balance': 1}, {'currency': 'nope', 'balance': 1}]}
        )

        assert response.status_code == 422
        assert stored_offsets() == before


class TestConcurrency:
    def test_two_changes_at_once_both_count(self, api: Api):
        old_offset(api, btc='10', ltc='1')

        with meanwhile('BatchGetItem', lambda: api.patch(f'{PATH}/1', {'title': 'Theirs'})):
            ours = api.patch(f'{PATH}/1', {'balances': [{'currency': 'btc', 'balance': '5'}]})

        assert ours.status_code == 200
        assert (ours.json_body['result']['title'], amounts(ours.json_body['result'])) == ('Theirs', [('btc', '5.0')])
        assert api.get(f'{PATH}/1').json_body['result'] == ours.json_body['result']

    def test_of_two_sets_of_balances_at_once_the_later_stands_whole(self, api: Api):
        old_offset(api, btc='10')

        def theirs() -> None:
            Offset.change(api.user_id, 1, 1, title=None, balances={'ltc': Decimal(1), 'usd': Decimal(2)}, now=LATER)

        with meanwhile('BatchGetItem', theirs):
            ours = api.patch(f'{PATH}/1', {'balances': [{'currency': 'btc', 'balance': '10'}, {'currency': 'ltc', 'balance': '1'}]})

        rows = ours.json_body['result']['balances']
        assert amounts(ours.json_body['result']) == [('btc', '10.0'), ('ltc', '1.0')]
        assert rows[0]['created_at'] > ISO_LATER
        assert (rows[1]['created_at'], rows[1]['updated_at']) == (ISO_LATER, ISO_LATER)

    def test_a_change_is_tried_again_three_times(self, api: Api):
        offset(api)

        with losing(3):
            assert api.patch(f'{PATH}/1', {'title': 'New'}).status_code == 200

        assert api.get(f'{PATH}/1').json_body['result']['title'] == 'New'

    def test_a_change_that_others_win_every_time_is_a_conflict(self, api: Api):
        offset(api)

        with losing(4):
            response = api.patch(f'{PATH}/1', {'title': 'New'})

        assert (response.status_code, response.json_body['code']) == (409, 'conflict')
        assert api.get(f'{PATH}/1').json_body['result']['title'] == 'My offset'

    def test_an_offset_deleted_while_it_is_changed_stays_deleted(self, api: Api):
        offset(api)

        with meanwhile('BatchGetItem', lambda: api.delete(f'{PATH}/1')):
            response = api.patch(f'{PATH}/1', {'title': 'New'})

        assert response.status_code == 404
        assert stored_offsets() == []

    def test_an_offset_deleted_twice_at_once_is_counted_once(self, api: Api):
        offset(api)
        offset(api)

        with meanwhile('BatchGetItem', lambda: api.delete(f'{PATH}/1')):
            assert api.delete(f'{PATH}/1').status_code == 404

        assert api.get('/api/portfolios').json_body['result'][0]['offsets'] == 1

    def test_an_offset_added_while_its_portfolio_is_deleted_is_not_left_behind(self, api: Api):
        with meanwhile('UpdateItem', lambda: api.delete('/api/portfolios/1')):
            response = api.post(PATH, {'title': 'x'})

        assert response.status_code == 404
        assert stored_offsets() == []


class TestDelete:
    def test_a_deleted_offset_is_shown_as_it_was_and_then_gone(self, api: Api):
        offset(api, ('btc', '1'))
        before = api.get(f'{PATH}/1').json_body['result']

        response = api.delete(f'{PATH}/1')

        assert (response.status_code, response.json_body['result']) == (200, before)
        for method in ('GET', 'PATCH', 'DELETE'):
            assert api.request(method, f'{PATH}/1', {'title': 'x'}).status_code == 404, method
        assert api.get('/api/portfolios').json_body['result'][0]['offsets'] == 0
        assert stored_offsets() == []

    def test_ids_are_never_given_twice(self, api: Api):
        offset(api)
        api.delete(f'{PATH}/1')

        assert offset(api) == 2

    @pytest.mark.parametrize('method', ['PATCH', 'DELETE'])
    def test_the_bare_collection_cannot_be_changed(self, api: Api, method: str):
        offset(api)

        response = api.request(method, PATH, {'title': 'x'})

        assert (response.status_code, response.json_body['code']) == (405, 'method_not_allowed')
        assert set(response.headers['Allow'].split(', ')) >= {'GET', 'POST'}
        assert len(api.get(PATH).json_body['result']) == 1

    def test_a_deleted_portfolio_takes_its_offsets_with_it(self, api: Api):
        offset(api, ('btc', '1'))
        offset(api)
        api.address(1, ADDRESS)
        before = api.get('/api/portfolios/1').json_body['result']

        assert api.delete('/api/portfolios/1').json_body['result'] == before
        for path in (PATH, f'{PATH}/1'):
            assert api.get(path).status_code == 404
        assert api.patch(f'{PATH}/1', {'title': 'x'}).status_code == 404
        assert api.delete(f'{PATH}/1').status_code == 404
        for left in (['PURGE#000001'], []):  # once more, when nobody can be computing its history any more
            assert run_purge(api.user_id, 1)
            assert [item['sk']['S'] for item in table() if item['sk']['S'].startswith(('PORTFOLIO', 'PURGE'))] == left
            CLOCK.advance(180)


class TestNotFound:
    def test_a_child_is_only_found_through_its_parent(self, api: Api):
        api.portfolio()
        offset(api)

        for method in ('GET', 'PATCH', 'DELETE'):
            assert api.request(method, '/api/portfolios/2/offsets/1', {'title': 'x'}).status_code == 404, method
        assert api.get('/api/portfolios/2/offsets').json_body['result'] == []
        assert api.get('/api/portfolios/3/offsets').status_code == 404
        assert api.post('/api/portfolios/3/offsets', {'title': 'x'}).status_code == 404

    def test_an_address_is_no_offset(self, api: Api):
        api.address(1, ADDRESS)

        assert api.get(f'{PATH}/1').status_code == 404

    def test_somebody_elses_offset_is_not_found(self, api: Api, other: Api):
        offset(api)

        for method, path in (('GET', PATH), ('POST', PATH), *((method, f'{PATH}/1') for method in ('GET', 'PATCH', 'DELETE'))):
            body = other.request(method, path, {'title': 'x'}).json_body
            assert (body['message'], body['code']) == ('Not found', 'not_found'), (method, path)
        assert len(stored_offsets()) == 1

    @pytest.mark.parametrize('path_id', ['0', '2', '01', 'x', '-1', '1.0', '999999999999999999999'])
    def test_ids_that_are_not_there_are_not_found(self, api: Api, path_id: str):
        offset(api)

        for method in ('GET', 'PATCH', 'DELETE'):
            assert api.request(method, f'{PATH}/{path_id}', {'title': 'x'}).status_code == 404, method


class TestPortfolioBalances:
    def rows(self, api: Api, portfolio_id: int = 1) -> list[dict]:
        response = api.get(f'/api/portfolios/{portfolio_id}/balances')
        assert response.status_code == 200, response.body
        return response.json_body['result']

    def sums(self, api: Api) -> dict[str, str]:
        return {row['currency']: row['balance'] for row in self.rows(api)}

    def test_offsets_alone_are_known_at_once(self, api: Api):
        offset(api, ('btc', '10'), ('ltc', '1'))
        offset(api, ('btc', '0.5'))

        rows = self.rows(api)

        assert {row['currency']: row['balance'] for row in rows} == {'btc': '10.5', 'ltc': '1.0', 'usd': '0.0'}
        assert all(row['complete'] and row['source'] == 'cryptfolio' for row in rows)

    def test_sums_may_be_negative(self, api: Api):
        offset(api, ('btc', '-10'), ('usd', '-0.01'), ('eth', '-1'))
        offset(api, ('btc', '3.5'))

        assert self.sums(api) == {'btc': '-6.5', 'eth': '-1.0', 'usd': '-0.01'}

    def test_a_sum_of_zero_is_only_listed_in_a_reporting_currency(self, api: Api):
        offset(api, ('btc', '1'), ('ltc', '1'), ('eth', '0'))
        offset(api, ('btc', '-1'), ('ltc', '-1'))

        assert self.sums(api) == {'btc': '0.0', 'usd': '0.0'}

    def test_amounts_are_summed_exactly(self, api: Api):
        offset(api, ('eth', '9' * 40 + '.000000000000000001'))
        offset(api, ('eth', '0.000000000000000002'))

        assert self.sums(api)['eth'] == '9' * 40 + '.000000000000000003'

    def test_offsets_are_added_to_addresses(self, api: Api):
        offset(api, ('btc', '-50'), ('usd', '10'))
        api.address(1, ADDRESS)
        observe(ADDRESS, 5_000_501_000, 3)

        rows = self.rows(api)

        assert {row['currency']: row['balance'] for row in rows} == {'btc': '0.00501', 'usd': '10.0'}
        assert {row['balance_at'] for row in rows} == {'2023-11-14T22:13:20+00:00'}

    def test_changes_and_deletions_show_at_once(self, api: Api):
        offset(api, ('btc', '1'))
        offset(api, ('btc', '2'))

        api.patch(f'{PATH}/1', {'balances': [{'currency': 'btc', 'balance': '5'}]})
        assert self.sums(api)['btc'] == '7.0'
        api.delete(f'{PATH}/2')
        assert self.sums(api)['btc'] == '5.0'

    def test_without_ledgers_the_sum_is_as_of_the_latest_change(self, api: Api):
        changed = api.get('/api/portfolios/1').json_body['result']['updated_at']
        old_offset(api, btc='1')
        assert {row['balance_at'] for row in self.rows(api)} == {changed}
        newer = 4_000_000_000

        change(api, balances={'btc': Decimal(2)}, now=newer)

        assert {row['balance_at'] for row in self.rows(api)} == {'2096-10-02T07:06:40+00:00'}

    def test_an_address_never_known_keeps_the_portfolio_not_ready(self, api: Api):
        offset(api, ('btc', '1'))
        api.address(1, ADDRESS)

        response = api.get('/api/portfolios/1/balances')

        assert (response.status_code, json.loads(response.body)['message']) == (503, 'Not ready')

    def test_once_one_address_was_known_offsets_are_summed_with_what_is(self, api: Api):
        offset(api, ('btc', '1'))
        api.address(1, ADDRESS)
        observe(ADDRESS, 100_000_000, 1)
        api.address(1, SEGWIT, 'New one')

        rows = self.rows(api)

        assert [row['balance'] for row in rows] == ['2.0', '0.0']
        assert [row.get('missing', [{}])[0].get('reason') for row in rows] == ['not_ready', None]  # a bitcoin address holds no dollars

    def test_another_portfolios_offsets_do_not_count(self, api: Api):
        offset(api, ('btc', '1'))
        api.portfolio()

        assert [row['balance'] for row in self.rows(api, 2)] == ['0.0', '0.0']


class TestSince:
    """Before its `since` an offset does not count."""

    def body(self, since: object) -> dict[str, Any]:
        return {'title': 'Bought', 'balances': [{'currency': 'btc', 'balance': '2'}], 'since': since}

    def held(self, api: Api, at: str = '') -> str:
        return api.get(f'/api/portfolios/1/balances/btc{at and "?at=" + at}').json_body['result']['balance']

    @pytest.mark.parametrize(
        ('sent', 'shown'),
        [
            (ISO_THEN, ISO_THEN),
            ([ISO_THEN], ISO_THEN),
            ('2020-09-13T14:26:40+02:00', ISO_THEN),
            ('2020-09-13', '2020-09-13T00:00:00+00:00'),
            ('1970-01-01', '1970-01-01T00:00:00+00:00'),
            (None, None),
            ('', None),
        ],
    )
    def test_it_is_shown_and_stays(self, api: Api, sent: object, shown: str | None):
        created = api.post(PATH, self.body(sent))
        assert (created.status_code, created.json_body['result']['since']) == (201, shown)
        for response in (api.get(f'{PATH}/1'), api.patch(f'{PATH}/1', {'title': 'Other'}), api.delete(f'{PATH}/1')):
            assert response.json_body['result']['since'] == shown

    def test_one_without_it_counts_at_all_times(self, api: Api):
        offset(api, ('btc', '2'))
        assert api.get(f'{PATH}/1').json_body['result']['since'] is None
        assert (self.held(api), self.held(api, '1970-01-01')) == ('2.0', '2.0')

    def test_it_counts_from_that_instant_on(self, api: Api):
        api.post(PATH, self.body(ISO_THEN))
        before, then = '2020-09-13T12:26:39Z', '2020-09-13T12:26:40Z'
        assert [self.held(api, at) for at in (before, then, '')] == ['0.0', '2.0', '2.0']

    def test_a_patch_moves_and_clears_it_and_leaves_the_rest_alone(self, api: Api):
        api.post(PATH, self.body(ISO_THEN))
        before = api.get(f'{PATH}/1').json_body['result']
        for sent, shown, held in ((ISO_LATER, ISO_LATER, '0.0'), (None, None, '2.0')):
            result = api.patch(f'{PATH}/1', {'since': sent}).json_body['result']
            assert result == before | {'since': shown, 'updated_at': result['updated_at']}
            assert self.held(api, '2021-01-01') == held

    def test_a_form_sends_and_clears_it(self, api: Api):
        headers = {'Content-Type': 'application/x-www-form-urlencoded'}
        assert api.request('POST', PATH, b'title=x&since=2020-09-13T12:26:40Z', headers).json_body['result']['since'] == ISO_THEN
        assert api.request('PATCH', f'{PATH}/1', b'since=', headers).json_body['result']['since'] is None

    @pytest.mark.parametrize('since', ['yesterday', '2020-13-01', '2020-09-13T12:26:40', 1_600_000_000, {}, '1969-12-31', '2999-01-01'])
    def test_what_is_no_instant_or_lies_ahead_is_refused(self, api: Api, since: object):
        api.post(PATH, self.body(None))
        for response in (api.post(PATH, self.body(since)), api.patch(f'{PATH}/1', {'since': since})):
            assert (response.status_code, response.json_body['fields'][0]['field']) == (422, 'since')
        assert api.get(f'{PATH}/1').json_body['result']['since'] is None

    def test_the_same_is_no_change(self, api: Api):
        api.post(PATH, self.body(ISO_THEN))
        tag = api.get(f'{PATH}/1').headers['ETag']
        assert api.patch(f'{PATH}/1', {'since': '2020-09-13T12:26:40Z'}).status_code == 200
        assert api.get(f'{PATH}/1').headers['ETag'] == tag
