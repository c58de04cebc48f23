"""GET /api/portfolios/ID/balances/CURRENCY: one element of the list of balances."""

import pytest

from tests.support.api import Api
from tests.support.ledgers import ADDRESS, SEGWIT, observe

BALANCES = '/api/portfolios/1/balances'


@pytest.fixture(autouse=True)
def portfolio(api: Api) -> None:
    api.portfolio()


@pytest.fixture
def held(api: Api) -> None:
    api.address(1, ADDRESS)
    observe(ADDRESS, 3, 3)
    api.post('/api/portfolios/1/offsets', {'title': 'x', 'balances': [{'currency': 'ltc', 'balance': '1'}]})


@pytest.mark.usefixtures('held')
@pytest.mark.parametrize('number', [0, 1, 2])
def test_each_row_of_the_list_is_also_there_by_itself(api: Api, number: int):
    row = api.get(BALANCES).json_body['result'][number]

    assert api.get(f'{BALANCES}/{row["currency"]}').json_body['result'] == row


@pytest.mark.usefixtures('held')
def test_a_code_is_taken_in_any_case(api: Api):
    assert api.get(f'{BALANCES}/LtC').json_body['result']['currency'] == 'ltc'


@pytest.mark.usefixtures('held')
def test_a_known_currency_that_is_not_held_is_zero(api: Api):
    row = api.get(f'{BALANCES}/nzd').json_body['result']

    assert (row['currency'], row['balance'], row['complete']) == ('nzd', '0.0', True)


@pytest.mark.parametrize('path', [f'{BALANCES}/nosuch', f'{BALANCES}/%00', '/api/portfolios/99/balances/btc'])
def test_an_unknown_currency_or_portfolio_is_not_found(api: Api, path: str):
    assert api.get(path).status_code == 404


def test_somebody_elses_is_not_found(api: Api, other: Api):
    assert other.get(f'{BALANCES}/btc').status_code == 404


def test_it_is_not_ready_while_nothing_was_ever_known(api: Api):
    api.address(1, SEGWIT)

    assert api.get(f'{BALANCES}/btc').status_code == 503


@pytest.mark.usefixtures('held')
def test_what_is_missing_is_said(api: Api):
    api.address(1, SEGWIT)

    row = api.get(f'{BALANCES}/btc').json_body['result']

    assert row['complete'] is False
    assert [missing['reason'] for missing in row['missing']] == ['not_ready']


@pytest.mark.usefixtures('held')
def test_its_currency_can_be_expanded(api: Api):
    assert api.get(f'{BALANCES}/btc?expand=currency').json_body['result']['currency'] == {'title': 'Bitcoin', 'code': 'btc'}
