"""The currency of balances: a code as documented, an object for who asks."""

from collections.abc import Iterator

import pytest

from chalicelib.config import BadSetting, settings
from tests.support.api import Api

BALANCES = '/api/portfolios/1/balances'
OBJECTS = [{'title': 'Bitcoin', 'code': 'btc'}, {'title': 'United States dollar', 'code': 'usd'}]


@pytest.fixture(autouse=True)
def portfolio(api: Api) -> None:
    api.portfolio()


@pytest.fixture
def objects_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv('CURRENCY_FORMAT', 'object')
    settings.cache_clear()
    settings()
    yield
    monkeypatch.undo()
    settings.cache_clear()
    settings()


def currencies(api: Api, query: str = '') -> list:
    return [row['currency'] for row in api.get(BALANCES + query).json_body['result']]


def test_a_code_is_the_rule(api: Api):
    assert currencies(api) == ['btc', 'usd']


@pytest.mark.parametrize(
    'query', ['?expand[]=currency', '?expand=currency', '?expand%5B%5D=currency', '?expand[]=currency&expand[]=currency']
)
def test_who_asks_gets_the_object(api: Api, query: str):
    assert currencies(api, query) == OBJECTS


@pytest.mark.usefixtures('objects_everywhere')
def test_a_deployment_may_show_objects_everywhere(api: Api):
    assert currencies(api) == OBJECTS


@pytest.mark.parametrize('query', ['?expand[]=user', '?expand=', '?expand[]=currency&expand[]=x'])
def test_what_cannot_be_expanded_is_a_bad_request(api: Api, query: str):
    response = api.get(BALANCES + query)

    assert (response.status_code, response.json_body['code']) == (400, 'bad_request')


def test_an_unknown_format_stops_the_process_with_its_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('CURRENCY_FORMAT', 'text')

    with pytest.raises(BadSetting, match='CURRENCY_FORMAT'):
        settings.__wrapped__()
