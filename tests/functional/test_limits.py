"""How much people may store: settings with sentences, which hold whoever creates at the same time."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from chalice.test import HTTPResponse

from chalicelib.config import BadSetting, settings
from chalicelib.domain import currencies
from chalicelib.models import AttemptCounter, User
from tests.support.api import Api
from tests.support.browser import Browser
from tests.support.calls import count_calls
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT

PORTFOLIOS, ADDRESSES, OFFSETS = '/api/portfolios', '/api/portfolios/1/addresses', '/api/portfolios/1/offsets'
ACCOUNTS = '/api/portfolios/1/accounts'
DEFAULTS = {
    'MAX_BODY_BYTES': 262_144,
    'MAX_CURRENCIES': 50,
    'MAX_PORTFOLIOS': 1_000,
    'MAX_ADDRESSES': 10_000,
    'MAX_OFFSETS': 1_000,
    'MAX_OFFSET_BALANCES': 200,
    'RATE_LIMIT': 600,
}


class Kind(NamedTuple):
    """What can be created up to a limit: where, and four bodies to create it with."""

    plural: str
    path: str
    whose: str
    bodies: list[dict[str, Any]]

    def create(self, api: Api, number: int, headers: dict[str, str] | None = None) -> HTTPResponse:
        return api.request('POST', self.path, self.bodies[number], headers)

    def refusal(self, most: int) -> dict[str, str]:
        sentence = f'{self.whose} can have at most {most} {self.plural}: delete one before you add another'
        return {'field': '', 'code': f'too_many_{self.plural}', 'message': sentence}


KINDS = [
    Kind('portfolios', PORTFOLIOS, 'you', [{'title': f'{number}', 'currencies': ['btc']} for number in range(4)]),
    Kind('addresses', ADDRESSES, 'a portfolio', [
        {'address': address, 'currency': 'btc'} for address in (SEGWIT, LEGACY, TAPROOT, '12UFNYqDRmkpHm9YJEuf96jAjyMXeP36Gp')
    ]),
    Kind('offsets', OFFSETS, 'a portfolio', [{'title': f'{number}'} for number in range(4)]),
]  # fmt: skip
each_kind = pytest.mark.parametrize('kind', KINDS, ids=lambda kind: kind.plural)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function that changes settings."""

    def change(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))
        settings.cache_clear()
        settings()

    yield change
    monkeypatch.undo()
    settings.cache_clear()
    settings()


@pytest.fixture
def two(api: Api, limit: Callable[..., None]) -> None:
    """One portfolio, and room for two of each kind."""
    api.portfolio()
    limit(MAX_PORTFOLIOS=2, MAX_ADDRESSES=2, MAX_OFFSETS=2)


def fill(api: Api, kind: Kind, most: int = 2) -> None:
    """Create what there is room for."""
    for number in range(len(listed(api, kind)), most):
        assert kind.create(api, number).status_code == 201


def listed(api: Api, kind: Kind) -> list[dict[str, Any]]:
    return api.get(kind.path).json_body['result']


def sentences(response: HTTPResponse) -> list[str]:
    assert response.status_code == 422, response.body
    assert [fault['message'] for fault in response.json_body['fields']] == response.json_body['invalid']
    return response.json_body['invalid']


class TestSettings:
    def test_every_limit_has_a_generous_default(self, limit: Callable[..., None]):
        limit(**dict.fromkeys(DEFAULTS, ''))

        assert {name: getattr(settings(), name.lower()) for name in DEFAULTS} == DEFAULTS

    @pytest.mark.parametrize('name', DEFAULTS)
    @pytest.mark.parametrize('value', ['-1', '1.5', 'ten', ' 5', '1_000', '1e3', '٣', '1234567890'])
    def test_what_is_no_whole_number_stops_the_process_with_the_settings_name(self, limit: Callable[..., None], name: str, value: str):
        with pytest.raises(BadSetting, match=f'^{name} must be a whole number'):
            limit(**{name: value})

    @pytest.mark.parametrize('name', [name for name in DEFAULTS if name.startswith('MAX_')])
    def test_zero_is_no_limit_and_stops_the_process(self, limit: Callable[..., None], name: str):
        with pytest.raises(BadSetting, match=f'^{name} must be a whole number from 1 '):
            limit(**{name: '0'})


class TestFields:
    @each_kind
    def test_a_title_has_at_most_255_characters_however_many_bytes_these_have(self, api: Api, kind: Kind):
        api.portfolio()
        widest = '\U0001f980' * 255

        refused = api.post(kind.path, kind.bodies[0] | {'title': widest + '\U0001f980'})
        made = api.post(kind.path, kind.bodies[0] | {'title': f' {widest} '})

        assert sentences(refused) == ['title must have 1 to 255 characters']
        assert made.json_body['result']['title'] == widest
        assert api.get(made.headers['Location']).json_body['result']['title'] == widest
        changed = api.patch(made.headers['Location'], {'title': widest + 'x'})
        assert sentences(changed) == ['title must have 1 to 255 characters']

    def test_a_portfolio_has_at_most_so_many_reporting_currencies(self, api: Api, limit: Callable[..., None]):
        limit(MAX_CURRENCIES=2)
        most = {'title': 'x', 'currencies': ['btc', 'usd', 'BTC']}
        over = {'title': 'y', 'currencies': ['btc', 'usd', 'eur']}

        assert api.post(PORTFOLIOS, most).status_code == 201
        before = api.get('/api/portfolios/1')
        for refused in (api.post(PORTFOLIOS, over), api.patch('/api/portfolios/1', over)):
            assert sentences(refused) == ['must have at most 2 reporting currencies selected']
            assert refused.json_body['fields'][0]['code'] == 'too_many'
        assert api.get('/api/portfolios/1').headers['ETag'] == before.headers['ETag']
        assert len(api.get(PORTFOLIOS).json_body['result']) == 1

    def test_of_endless_reporting_currencies_only_the_first_are_looked_at(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        calls = count_calls(monkeypatch, currencies, 'titled')
        unknown = api.post(PORTFOLIOS, {'title': 'x', 'currencies': ['nope'] * 5_000})
        repeated = api.post(PORTFOLIOS, {'title': 'x', 'currencies': ['btc'] * 1_001})

        assert [fault['code'] for fault in unknown.json_body['fields']] == ['unknown_currency']
        assert [fault['code'] for fault in repeated.json_body['fields']] == ['too_many']
        assert len(calls) <= 1_000
        assert api.post(PORTFOLIOS, {'title': 'x', 'currencies': ['btc'] * 1_000}).status_code == 201

    def test_an_offset_has_at_most_so_many_balances(self, api: Api, limit: Callable[..., None]):
        api.portfolio()
        limit(MAX_OFFSET_BALANCES=2)
        balances = [{'currency': code, 'balance': '1'} for code in ('btc', 'usd', 'eur')]

        made = api.post(OFFSETS, {'title': 'x', 'balances': balances[:2]})

        assert len(made.json_body['result']['balances']) == 2
        for refused in (api.post(OFFSETS, {'title': 'x', 'balances': balances}), api.patch(f'{OFFSETS}/1', {'balances': balances})):
            assert sentences(refused) == ['balances must have at most 2 entries']
        assert api.get(f'{OFFSETS}/1').headers['ETag'] == made.headers['ETag']
        assert len(api.get(OFFSETS).json_body['result']) == 1

    def test_a_body_has_at_most_so_many_bytes(self, api: Api, limit: Callable[..., None]):
        body = b'{"title": "x", "currencies": ["btc"]}'
        limit(MAX_BODY_BYTES=len(body))

        assert api.post(PORTFOLIOS, body).status_code == 201
        refused = api.post(PORTFOLIOS, body + b' ')

        assert (refused.status_code, refused.json_body['code']) == (413, 'too_large')
        assert refused.json_body['message'] == f'Request body over the limit of {len(body)} bytes'
        assert len(api.get(PORTFOLIOS).json_body['result']) == 1

    def test_a_form_has_at_most_so_many_escaped_characters(self, api: Api):
        form = {'Content-Type': 'application/x-www-form-urlencoded'}

        refused = api.request('POST', PORTFOLIOS, b'title=' + b'%' * 160_001, form)

        assert (refused.status_code, refused.json_body['code']) == (413, 'too_large')


@pytest.mark.usefixtures('two')
class TestRoom:
    @each_kind
    def test_there_is_room_up_to_the_limit_and_then_a_sentence_that_names_it(self, api: Api, kind: Kind):
        fill(api, kind)

        refused = kind.create(api, 2)

        assert sentences(refused) == [kind.refusal(2)['message']]
        assert refused.json_body['fields'] == [kind.refusal(2)]
        assert len(listed(api, kind)) == 2

    @each_kind
    def test_a_refused_create_changes_nothing_and_draws_no_id(self, api: Api, kind: Kind):
        fill(api, kind)
        before = [api.get(path).json_body['result'] for path in (PORTFOLIOS, ADDRESSES, OFFSETS)]
        tag = api.get('/api/portfolios/1').headers['ETag']

        kind.create(api, 2)

        assert [api.get(path).json_body['result'] for path in (PORTFOLIOS, ADDRESSES, OFFSETS)] == before
        assert api.get('/api/portfolios/1').headers['ETag'] == tag
        api.delete(f'{kind.path}/2')
        assert kind.create(api, 2).headers['Location'] == f'{kind.path}/3'

    @each_kind
    def test_a_refused_create_costs_one_request(self, api: Api, kind: Kind, requests_made: list[str]):
        fill(api, kind)
        requests_made.clear()

        kind.create(api, 2)

        assert requests_made == ['UpdateItem']

    @each_kind
    def test_what_is_deleted_makes_room_for_one_and_no_more(self, api: Api, kind: Kind):
        fill(api, kind)
        assert api.delete(f'{kind.path}/2').status_code == 200
        assert api.delete(f'{kind.path}/2').status_code == 404

        assert kind.create(api, 2).status_code == 201
        assert kind.create(api, 3).status_code == 422

    @each_kind
    def test_two_deletes_at_the_same_time_make_room_for_one(self, api: Api, kind: Kind):
        fill(api, kind)
        read = 'Query' if kind.plural == 'portfolios' else 'BatchGetItem'
        with meanwhile(read, lambda: api.delete(f'{kind.path}/2')):
            assert api.delete(f'{kind.path}/2').status_code == 404

        assert kind.create(api, 2).status_code == 201
        assert kind.create(api, 3).status_code == 422

    @each_kind
    def test_of_creates_at_the_same_time_no_more_go_through_than_there_is_room_for(self, api: Api, kind: Kind):
        fill(api, kind, 1)
        faster: list[HTTPResponse] = []

        with meanwhile('UpdateItem', lambda: faster.append(kind.create(api, 1))):
            slower = kind.create(api, 2)

        assert faster[0].status_code == 201
        assert sentences(slower) == [kind.refusal(2)['message']]
        assert len(listed(api, kind)) == 2

    @pytest.mark.parametrize('kind', KINDS[1:], ids=lambda kind: kind.plural)
    def test_what_is_added_while_its_portfolio_is_deleted_is_not_found(self, api: Api, kind: Kind):
        with meanwhile('UpdateItem', lambda: api.delete('/api/portfolios/1')):
            assert kind.create(api, 0).status_code == 404

    @pytest.mark.parametrize('kind', KINDS[1:], ids=lambda kind: kind.plural)
    def test_each_portfolio_has_room_of_its_own(self, api: Api, kind: Kind):
        fill(api, kind)
        api.portfolio()

        assert api.post(kind.path.replace('1', '2'), kind.bodies[0]).status_code == 201

    def test_each_user_has_room_of_their_own(self, api: Api, other: Api):
        fill(api, KINDS[0])

        assert KINDS[0].create(other, 0).status_code == 201

    def test_a_limit_that_is_lowered_takes_nothing_away(self, api: Api, limit: Callable[..., None]):
        fill(api, KINDS[0])
        limit(MAX_PORTFOLIOS=1)

        assert len(listed(api, KINDS[0])) == 2
        api.delete('/api/portfolios/2')
        assert sentences(KINDS[0].create(api, 2)) == [KINDS[0].refusal(1)['message']]

    def test_portfolios_stored_before_they_were_counted_take_no_room(self, api: Api):
        User.at(api.user_id).update([User.portfolio_count.remove()])

        assert [KINDS[0].create(api, number).status_code for number in (1, 2, 3)] == [201, 201, 422]

    @each_kind
    def test_a_create_that_is_repeated_by_its_key_needs_no_room(self, api: Api, kind: Kind):
        fill(api, kind, 1)
        first = kind.create(api, 1, {'Idempotency-Key': 'first'})

        assert kind.create(api, 1, {'Idempotency-Key': 'first'}).json_body['result'] == first.json_body['result']

    @each_kind
    def test_a_refused_create_leaves_its_key_unused(self, api: Api, kind: Kind):
        fill(api, kind)
        assert kind.create(api, 2, {'Idempotency-Key': 'key'}).status_code == 422
        api.delete(f'{kind.path}/2')

        assert kind.create(api, 2, {'Idempotency-Key': 'key'}).status_code == 201


def test_an_unknown_user_creates_nothing(http: Any):
    assert Api(http, 'nobody', ['admin']).post(PORTFOLIOS, {'title': 'x', 'currencies': ['btc']}).status_code == 404


def credentials(key: str) -> dict[str, dict[str, str]]:
    return {'credentials': {'key': key, 'secret': 'c2VjcmV0'}}


def test_a_user_has_sixty_credentials_tried_in_an_hour_by_api_and_pages_together(
    api: Api, other: Api, logged_in: Browser, stopped_clock: StoppedClock
):
    stopped_clock.move_to(stopped_clock.now() // 3_600 * 3_600 + 60)
    for owner in (api, other):
        owner.portfolio()
    kraken = {'wallet': 'kraken'}
    assert api.post(ACCOUNTS, kraken | credentials('1')).status_code == 201
    assert api.patch(f'{ACCOUNTS}/1', credentials('2')).status_code == 200
    assert api.post(ACCOUNTS, kraken | credentials('2')).status_code == 422  # in an account already: nobody is asked
    assert api.patch(f'{ACCOUNTS}/1', {'title': 'x'}).status_code == 200
    [counter] = [counter for counter in AttemptCounter.scan() if counter.taken == 2]  # a log-in leaves others, of none
    counter.update(actions=[AttemptCounter.taken.set(58)])
    assert logged_in.post('/portfolios/1/accounts', kraken | credentials('3')['credentials']).status_code == 303
    assert logged_in.post('/portfolios/1/accounts/1', credentials('4')['credentials']).status_code == 303
    stored = api.get(ACCOUNTS).json_body['result']

    answers = [
        api.post(ACCOUNTS, kraken | credentials('5')),
        api.patch(f'{ACCOUNTS}/1', credentials('5')),
        logged_in.post('/portfolios/1/accounts', kraken | credentials('5')['credentials']),
        logged_in.post('/portfolios/1/accounts/1', credentials('5')['credentials']),
    ]

    assert [(answer.status_code, answer.headers['Retry-After']) for answer in answers] == [(429, '3540')] * 4
    assert [answer.json_body['code'] for answer in answers[:2]] == ['too_many_attempts'] * 2
    assert api.get(ACCOUNTS).json_body['result'] == stored
    assert api.patch(f'{ACCOUNTS}/1', {'title': 'y'}).status_code == 200
    assert other.post(ACCOUNTS, kraken | credentials('5')).status_code == 201
    stopped_clock.advance(3_540)
    assert api.patch(f'{ACCOUNTS}/1', credentials('5')).status_code == 200
