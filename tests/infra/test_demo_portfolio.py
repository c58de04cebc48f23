"""The portfolio of the demo user, as `make run UPSTREAM=sample` makes it."""

import pytest

from chalicelib import clock
from chalicelib.models import Portfolio, User
from chalicelib.services.portfolios import portfolios
from infra.local import demo_portfolio
from tests.support.api import Api


@pytest.mark.usefixtures('table', 'queues', 'nothing_remembered')
def test_it_is_made_once_and_anew_if_that_was_interrupted(user: User, api: Api) -> None:
    portfolios.store(Portfolio.draft(user.user_id, title='Demo portfolio, being made', currencies=['usd'], now=clock.now()))

    made = [demo_portfolio.make_once(user) for _ in range(2)]

    assert made == [2, 2]
    [portfolio] = api.get('/api/portfolios').json_body['result']
    assert (portfolio['id'], portfolio['title']) == (2, 'Demo portfolio')
    whole = api.get('/api/portfolios/2').json_body['result']
    assert [address['currency']['code'] for address in whole['addresses']] == ['btc', 'eth', 'eth-base', 'sol', 'btc']
    assert whole['addresses'][-1]['address'].startswith('zpub6q')
    assert [len(whole[kind]) for kind in ('accounts', 'offsets')] == [1, 3]
    own = api.portfolio('My own')
    assert api.delete('/api/portfolios/2').status_code == 200
    assert demo_portfolio.make_once(user) == own
