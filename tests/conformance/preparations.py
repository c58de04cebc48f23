"""What each example of the document needs to be there before, made through the API and the refresh job."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib import clock
from chalicelib.domain.conversion import Rate
from chalicelib.models import LatestRates
from chalicelib.services.rates import current
from tests.support.api import Api
from tests.support.jobs import refresh_queue
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT

FIVE_ADDRESSES = (LEGACY, SEGWIT, TAPROOT, '12UFNYqDRmkpHm9YJEuf96jAjyMXeP36Gp', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa')


@dataclass
class World:
    """One user's things; everything here goes through the API, as the user would do it."""

    api: Api
    queues: dict[str, str]

    def create(self, path: str, **body: Any) -> None:
        response = self.api.post(path, body)
        assert response.status_code == 201, response.body

    def portfolio(self, *currencies: str) -> None:
        self.create('/api/portfolios', title='My portfolio', currencies=currencies or ('btc', 'usd'))

    def address(self, address: str, title: str = 'My address') -> None:
        self.create('/api/portfolios/1/addresses', title=title, address=address, currency='btc')

    def offset(self, title: str = 'My offset', **balances: str) -> None:
        rows = [{'currency': code, 'balance': balance} for code, balance in balances.items()]
        self.create('/api/portfolios/1/offsets', title=title, balances=rows)

    def account(self, title: str = 'My account') -> None:
        credentials = {'key': f'key of {title}', 'secret': 'c2VjcmV0'}
        self.create('/api/portfolios/1/accounts', title=title, wallet='kraken', credentials=credentials)

    def refresh(self) -> None:
        """Let the refresh job do all that is waiting for it."""
        refresh_queue(self.queues).drain()


def nothing(world: World) -> None:
    """The user is all that is needed."""


def an_empty_portfolio(world: World) -> None:
    world.portfolio()


def two_portfolios(world: World) -> None:
    world.portfolio('btc', 'ltc', 'usd')
    world.portfolio()
    for address in FIVE_ADDRESSES:
        world.address(address)
    for number in range(4):
        world.account(f'Account {number}')
    world.refresh()


def a_full_portfolio(world: World) -> None:
    world.portfolio()
    world.address(LEGACY)
    world.account()
    world.offset(btc='10', ltc='1')
    world.refresh()


def ten_bitcoin(world: World) -> None:
    world.portfolio()
    world.offset(btc='10')


def ten_bitcoin_and_the_documents_rate(world: World) -> None:
    ten_bitcoin(world)
    now = clock.now()
    rate = Rate('btc', 'usd', Decimal('11775.36'), now, 'bitstamp')
    LatestRates.find().store(now, [], [rate], dict.fromkeys(('btc', 'eth', 'eur', 'usd'), now + 86_400))
    current.forget()


def a_refreshed_address(world: World) -> None:
    world.portfolio()
    world.address(LEGACY)
    world.refresh()


def two_addresses(world: World) -> None:
    world.portfolio()
    world.address(LEGACY)
    world.address(SEGWIT)


def another_address(world: World) -> None:
    world.portfolio()
    world.address(SEGWIT)


def a_new_second_address(world: World) -> None:
    another_address(world)
    world.address(LEGACY, 'A new address title')


def a_second_address_to_change(world: World) -> None:
    another_address(world)
    world.address(LEGACY, 'Title to change')


def two_accounts(world: World) -> None:
    world.portfolio()
    world.account()
    world.account('My second account')


def an_offset(world: World) -> None:
    world.portfolio()
    world.offset(btc='10', ltc='1')


def two_offsets(world: World) -> None:
    an_offset(world)
    world.offset('My second offset', btc='5', usd='10')


def a_second_offset_to_change(world: World) -> None:
    an_offset(world)
    world.offset('Title to change', btc='10', ltc='1')


PREPARATIONS: dict[str, Callable[[World], None]] = {
    'GET /api/user': nothing,
    'GET /api/portfolios': two_portfolios,
    'GET /api/portfolios/ID': a_full_portfolio,
    'POST /api/portfolios': nothing,
    'PATCH /api/portfolios/ID': an_empty_portfolio,
    'DELETE /api/portfolios/ID': an_empty_portfolio,
    'GET /api/portfolios/ID/balances': ten_bitcoin,
    'GET /api/portfolios/ID/converted': ten_bitcoin_and_the_documents_rate,
    'GET /api/portfolios/ID/addresses': two_addresses,
    'GET /api/portfolios/ID/addresses/ID': a_refreshed_address,
    'GET /api/portfolios/ID/addresses/ID/balances': a_refreshed_address,
    'GET /api/portfolios/ID/addresses/ID/transactions': a_refreshed_address,
    'POST /api/portfolios/ID/addresses': another_address,
    'PATCH /api/portfolios/ID/addresses/ID': a_second_address_to_change,
    'DELETE /api/portfolios/ID/addresses/ID': a_new_second_address,
    'GET /api/portfolios/ID/accounts': two_accounts,
    'GET /api/portfolios/ID/offsets': two_offsets,
    'GET /api/portfolios/ID/offsets/ID': an_offset,
    'POST /api/portfolios/ID/offsets': an_offset,
    'PATCH /api/portfolios/ID/offsets/ID': a_second_offset_to_change,
    'DELETE /api/portfolios/ID/offsets/ID': two_offsets,
}
