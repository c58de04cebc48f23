"""A portfolio of which everything is known: each path of the API below it answers 200."""

from decimal import Decimal

from chalicelib import clock
from chalicelib.domain.conversion import Rate
from chalicelib.models import LatestRates
from chalicelib.services.histories import refresh
from tests.support.api import Api
from tests.support.kraken import create_account, observe_account
from tests.support.ledgers import ADDRESS, observe


def fill_portfolio(api: Api) -> None:
    """Create portfolio 1 with an address, an account and an offset, each with the id 1, and their histories."""
    api.portfolio()
    api.address(1, ADDRESS)
    create_account(api)
    observe_account(api.user_id)
    observe(ADDRESS, 3, 3, first_at=clock.now() - 3 * 86_400)  # a history of a few days, as each test has it computed anew
    api.post('/api/portfolios/1/offsets', {'title': 'x', 'balances': [{'currency': 'ltc', 'balance': '1'}]})
    now = clock.now()
    rate = Rate('btc', 'usd', Decimal('11775.36'), now, 'bitstamp')
    LatestRates.find().store(now, [], [rate], dict.fromkeys(('btc', 'eth', 'eur', 'ltc', 'usd'), now + 86_400))
    refresh.refresh(api.user_id, 1)
