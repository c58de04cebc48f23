"""XRP, Stellar, Solana and Cardano through the refresh job: whole ledgers, exact, kept so with few requests, by whoever answers."""

from collections.abc import Iterator
from functools import partial

import pytest

from chalicelib.domain import currencies, money
from chalicelib.models import Ledger, Transaction
from chalicelib.services.portfolios import addresses
from infra.fake_upstreams import cardano, solana, stellar, xrp
from infra.fake_upstreams.account_chains import Event, World, reference
from infra.fake_upstreams.answer import Answer
from tests.support.account_tellers import ADDRESSES, TELLERS
from tests.support.api import Api
from tests.support.jobs import record, refresh_job
from tests.unit.providers.accounts import AT, Request, Server, leading_to, serving

PATH = '/api/portfolios/1/addresses/1'
FIRST = {'xrp': 'xrplcluster', 'xlm': 'lobstr', 'sol': 'solana', 'ada': 'koios'}
SAMPLES = {'xrp': xrp.SAMPLE, 'xlm': stellar.SAMPLE, 'sol': solana.SAMPLE, 'ada': cardano.SAMPLE}
SECOND = {'xrp': 'ripple', 'xlm': 'stellar', 'ada': 'blockfrost'}

each_chain = pytest.mark.parametrize('chain', FIRST)


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with leading_to(server, monkeypatch) as leading:
        yield leading


def events(number: int) -> list[Event]:
    """Return a history, newest first: two in three bring something, the others spend and pay a fee."""
    made = []
    for place in range(number):
        delta, fee = (-(5 * 10**7 + place), 777) if place % 3 == 2 else (10**8 + place, 0)
        made.append(Event(reference('job', place), 60_000_000 + 90 * place, AT + place, delta - fee, fee))
    return made[::-1]


def tell(upstream: Server, chain: str, told: list[Event], *down: str) -> None:
    """Tell a history in the words of whichever explorer is asked, but those that are down."""
    world = World({ADDRESSES[chain]: told})
    upstream.tell = lambda request: Answer(500, '') if request.upstream in down else TELLERS[request.upstream](world, request)


def watch(api: Api, chain: str) -> None:
    portfolio = api.portfolio(currencies=(chain, 'usd'))
    addresses.store(addresses.draft(api.user_id, portfolio, title='Mine', currency=chain, address=ADDRESSES[chain], now=AT))


def refresh(chain: str) -> Ledger:
    """Refresh the ledger as it would be some time after the last refresh, and return it."""
    pk = f'LEDGER#{chain}#{ADDRESSES[chain]}'
    ledger = Ledger.find(pk)
    if ledger is not None and ledger.updated_at is not None:
        ledger.update([Ledger.updated_at.set(ledger.updated_at - 3_000)])
    assert not refresh_job(record({'ledger': pk}))
    ledger = Ledger.find(pk)
    assert ledger is not None
    return ledger


def assert_whole(ledger: Ledger, told: list[Event], source: str) -> None:
    scaled = partial(money.scaled, decimals=currencies.get(ledger.address_key.currency).decimals)
    assert (ledger.source, ledger.incomplete, ledger.last_error) == (source, None, None)
    assert [held.balance for held in ledger.holdings] == [scaled(sum(event.delta for event in told))]
    assert sorted((row.height, row.delta, row.fee) for row in Transaction.every(ledger.pk)) == sorted(
        (event.height, scaled(event.delta), scaled(event.fee)) for event in told
    )


@each_chain
def test_a_history_of_several_pages_is_read_whole(api: Api, upstream: Server, chain: str) -> None:
    told = events(130)
    tell(upstream, chain, told)
    watch(api, chain)
    assert_whole(refresh(chain), told, FIRST[chain])


@each_chain
def test_what_is_new_is_added_and_costs_three_requests(api: Api, upstream: Server, chain: str) -> None:
    tell(upstream, chain, events(130))
    watch(api, chain)
    refresh(chain)
    told = events(132)
    tell(upstream, chain, told)
    upstream.requests.clear()
    assert_whole(refresh(chain), told, FIRST[chain])
    assert len(upstream.requests) == (2 if chain == 'xrp' else 3)


@pytest.mark.parametrize('chain', SECOND)
def test_another_explorer_tells_the_same(api: Api, upstream: Server, chain: str) -> None:
    tell(upstream, chain, events(40), FIRST[chain])
    watch(api, chain)
    assert_whole(refresh(chain), events(40), SECOND[chain])
    tell(upstream, chain, events(43), SECOND[chain])
    assert_whole(refresh(chain), events(43), FIRST[chain])


def test_another_node_of_solana_tells_what_is_held(api: Api, upstream: Server) -> None:
    tell(upstream, 'sol', events(9), 'solana')
    watch(api, 'sol')
    ledger = refresh('sol')
    assert (ledger.source, ledger.incomplete, len(ledger.holdings)) == ('publicnode_sol', 'transactions_unknown', 1)


@each_chain
def test_an_address_never_used_is_complete_and_empty(api: Api, upstream: Server, chain: str) -> None:
    tell(upstream, chain, [])
    watch(api, chain)
    assert_whole(refresh(chain), [], FIRST[chain])
    assert api.get(f'{PATH}/transactions').json_body['result'] == []


@pytest.mark.parametrize('chain', ['xrp', 'xlm'])
def test_an_account_that_is_no_more_keeps_its_transactions(api: Api, upstream: Server, chain: str) -> None:
    told = events(8)
    tell(upstream, chain, told)
    watch(api, chain)
    refresh(chain)
    last = Event(reference('job', 900), told[0].height + 90, told[0].time + 9, -sum(event.delta for event in told), 200)
    tell(upstream, chain, [last, *told])
    assert_whole(refresh(chain), [last, *told], FIRST[chain])


def is_of_the_balance(request: Request) -> bool:
    method = request.body.get('method') if isinstance(request.body, dict) else None
    return method in ('account_info', 'getBalance') or request.path[-1:] in (['address_info'], [ADDRESSES['xlm']])


@each_chain
def test_a_history_of_which_the_beginning_is_not_kept_is_not_called_whole(api: Api, upstream: Server, chain: str) -> None:
    whole, kept = (World({ADDRESSES[chain]: events(12)[:number]}) for number in (12, 7))
    upstream.tell = lambda request: TELLERS[request.upstream](whole if is_of_the_balance(request) else kept, request)
    watch(api, chain)
    for _ in range(3):
        ledger = refresh(chain)
    assert ledger.reason == 'transactions_missing'


@each_chain
def test_the_sample_address_is_whole(api: Api, upstream: Server, chain: str) -> None:
    world = SAMPLES[chain]
    upstream.tell = lambda request: TELLERS[request.upstream](world, request)
    watch(api, chain)
    assert_whole(refresh(chain), list(world.of(ADDRESSES[chain])), FIRST[chain])
    assert api.get(f'{PATH}/balances').json_body['complete'] is True
