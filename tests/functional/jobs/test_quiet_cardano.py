"""An address of Cardano is confirmed while it has no transaction, which Koios tells of eight addresses at once."""

from dataclasses import replace

from chalicelib.models import Ledger
from chalicelib.services.portfolios import addresses
from infra.fake_upstreams import cardano
from infra.fake_upstreams.account_chains import Event, reference
from tests.support.account_explorers import Server
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.jobs import refresh_queue
from tests.support.koios import tell

MINUTE = 60


def test_a_quiet_address_costs_two_requests_and_one_that_moved_is_read(api: Api, koios: Server, queues: dict[str, str]) -> None:
    queue = refresh_queue(queues)

    def look(*, after: int) -> list[str]:
        CLOCK.advance(after)
        koios.requests.clear()
        assert api.get('/api/portfolios/1/balances').status_code == 200
        queue.drain()
        return ['/'.join(request.path) for request in koios.requests]

    tell(koios, cardano.SAMPLE)
    portfolio = api.portfolio(currencies=('ada',))
    addresses.store(
        addresses.draft(api.user_id, portfolio, title='Mine', currency='ada', address=cardano.ADDRESS, now=CLOCK.now()),
    )
    queue.drain()
    for minutes in (6, 6, 31):
        assert 'address_info' in look(after=minutes * MINUTE)
    assert look(after=6 * MINUTE) == ['tip', 'address_txs']
    ledger = Ledger.find(f'LEDGER#ada#{cardano.ADDRESS}')
    assert ledger is not None
    assert ledger.updated_at == CLOCK.now()

    event = Event(reference('more', 1), cardano.height(cardano.SAMPLE), CLOCK.now(), 0)
    tell(koios, replace(cardano.SAMPLE, histories={cardano.ADDRESS: [event, *cardano.SAMPLE.of(cardano.ADDRESS)]}))
    assert 'tx_info' in look(after=6 * MINUTE)
    rows = api.get(f'/api/portfolios/{portfolio}/transactions').json_body['result']
    assert rows[0]['reference'] == event.reference
