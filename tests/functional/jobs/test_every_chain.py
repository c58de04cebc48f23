"""Every chain, over the sample upstream: the first explorer is down and the next one answers, two agree, each tells what it says it can."""

import socket
from collections.abc import Iterator, Mapping
from decimal import Decimal

import pytest

from chalicelib.config import settings
from chalicelib.domain import currencies, money
from chalicelib.domain.chains import CHAINS
from chalicelib.formats import format_amount, format_instant
from chalicelib.providers.explorers import EXPLORERS, Explorer, explorers_of
from chalicelib.providers.transport import Http
from infra.fake_upstreams import cardano, evm, sample, solana, stellar, utxo, xrp
from infra.fake_upstreams.answer import Answer
from tests.support.account_explorers import Server, serving
from tests.support.api import Api
from tests.support.jobs import refresh_queue

Rows = list[tuple[str, str, Decimal]]  # time, currency, delta
PATH = '/api/portfolios/1/addresses/1'
ACCOUNTS = {'xrp': xrp, 'xlm': stellar, 'sol': solana, 'ada': cardano}
UPSTREAMS = sorted({explorer.endpoint.key for explorers in EXPLORERS.values() for explorer in explorers})
EVERY = [(chain, explorer) for chain, explorers in EXPLORERS.items() for explorer in explorers]
FAILURES: Mapping[str, Answer | None] = {
    'refused': None,
    '500': Answer(500, '<html>', 'text/html'),
    '429': Answer(429, ''),
    'html': Answer(200, '<html><h1>Sorry</h1></html>', 'text/html'),
}
FAILING = [(chain, list(FAILURES)[place % len(FAILURES)]) for place, chain in enumerate(CHAINS)]

each_chain = pytest.mark.parametrize('chain', CHAINS)


def address_of(chain: str) -> str:
    """Return the sample's address of a chain."""
    assert chain in sample.SAMPLE_ADDRESSES, f'add {chain} to infra/fake_upstreams: docs/howto/add-a-chain.md'
    return sample.SAMPLE_ADDRESSES[chain]


def truth(chain: str) -> Rows:
    """Return what moved something at the sample's address, as the sample has it."""
    if chain in evm.WORLDS:
        return sorted(_evm_truth(chain))
    if chain in ACCOUNTS:
        return sorted(_account_truth(chain))
    decimals = currencies.get(chain).decimals
    events = utxo.SAMPLE.of(chain, address_of(chain))
    return sorted((format_instant(event.time), chain, money.scaled(event.delta, decimals)) for event in events if event.delta)


def _account_truth(chain: str) -> Iterator[tuple[str, str, Decimal]]:
    world = ACCOUNTS[chain].SAMPLE
    codes = {token.contract: token for token in currencies.tokens_on(chain)}
    for event in world.of(address_of(chain)):
        units = [(currencies.get(chain), event.delta), *((codes[token], change) for token, change in world.changes(event).items())]
        yield from (
            (format_instant(event.time), currency.code, money.scaled(change, currency.decimals)) for currency, change in units if change
        )


def _evm_truth(chain: str) -> Iterator[tuple[str, str, Decimal]]:
    """Yield what each transaction changes, which is what the world holds with it and does not without it."""
    world, me = evm.WORLDS[chain], evm.ADDRESS.lower()
    codes = {token.contract.lower(): token for token in currencies.of_kind('token') if token.contract}
    for place, txn in enumerate(world.transactions):
        without, within = (evm.World(1, world.transactions[:end]) for end in (place, place + 1))
        units = [(currencies.get(chain), within.balance(me) - without.balance(me))]
        for contract, held in within.tokens(me).items():
            if contract in codes:
                units.append((codes[contract], held - without.tokens(me).get(contract, 0)))
        for currency, change in units:
            if change:
                yield format_instant(txn.time), currency.code, money.scaled(change, currency.decimals)


def sums(rows: Rows) -> dict[str, str]:
    totals: dict[str, Decimal] = {}
    for _, code, delta in rows:
        totals[code] = money.add(totals.get(code, money.ZERO), delta)
    return {code: format_amount(total) for code, total in totals.items() if total}


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The sample upstream, each explorer at an address of its own, servers of one's own too."""
    server.tell = sample.respond
    for key in UPSTREAMS:
        monkeypatch.setenv(f'UPSTREAM_{key.upper()}_URL', f'{server.url}/{key}')
    settings.cache_clear()
    settings()
    yield server
    monkeypatch.undo()
    settings.cache_clear()
    settings()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def break_down(upstream: Server, key: str, failure: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = FAILURES[failure]
    if answer is None:
        monkeypatch.setenv(f'UPSTREAM_{key.upper()}_URL', f'http://127.0.0.1:{port}')
        settings.cache_clear()
        settings()
    else:
        upstream.tell = lambda request: answer if request.upstream == key else sample.respond(request)


def watch(api: Api, chain: str, queues: dict[str, str]) -> None:
    """Add the sample's address, and let the queue do the rest."""
    api.portfolio(currencies=(chain, 'usd'))
    response = api.post('/api/portfolios/1/addresses', {'title': 'Sample', 'address': address_of(chain), 'currency': chain})
    assert response.status_code == 201, response.body
    refresh_queue(queues).drain()


@each_chain
def test_every_chain_has_two_explorers(chain: str):
    assert len({explorer.endpoint.key for explorer in EXPLORERS[chain]}) >= 2


@pytest.mark.parametrize(('chain', 'failure'), FAILING)
def test_while_the_first_explorer_is_down_the_second_tells_exactly_the_same(
    api: Api, upstream: Server, queues: dict[str, str], chain: str, failure: str, closed_port: int, monkeypatch: pytest.MonkeyPatch
):
    first, second = explorers_of(chain, address_of(chain))[:2]
    break_down(upstream, first.endpoint.key, failure, closed_port, monkeypatch)
    watch(api, chain, queues)

    balances = api.get(f'{PATH}/balances').json_body
    assert {row['source'] for row in balances['result']} == {second.endpoint.key}
    assert {row['currency']['code']: row['balance'] for row in balances['result'] if row['balance'] != '0.0'} == sums(truth(chain))
    rows = api.get(f'{PATH}/transactions').json_body['result']
    listed = sorted((row['txn_at'], row['currency']['code'], Decimal(row['delta'])) for row in rows if row['delta'] != '0.0')
    if second.info.lists_transactions:
        assert (listed, balances['complete']) == (truth(chain), True)
    else:
        assert (listed, balances['complete'], balances['reason']) == ([], False, 'transactions_unknown')


@each_chain
def test_two_explorers_of_a_chain_agree(api: Api, upstream: Server, queues: dict[str, str], chain: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('CROSS_CHECK_RATE', '1')
    settings.cache_clear()
    settings()
    watch(api, chain, queues)

    agreement = api.get(PATH).json_body['result']['agreement']
    asked = [explorer.endpoint.key for explorer in explorers_of(chain, address_of(chain))[:2]]
    assert (agreement['status'], agreement['sources']) == ('agreed', asked)


@pytest.mark.usefixtures('upstream')
@pytest.mark.parametrize(('chain', 'explorer'), EVERY, ids=[f'{chain} {explorer.endpoint.key}' for chain, explorer in EVERY])
def test_an_explorer_tells_what_it_says_it_can(chain: str, explorer: Explorer):
    reading = explorer.read(Http(lambda _: None), address_of(chain))
    pages = list(reading.pages) if explorer.info.lists_transactions else []  # a node that forgets them is not asked for any
    [coin, *tokens] = reading.holdings

    told = {
        'balances': True,
        'transactions': any(page.entries for page in pages),
        'sent_received': coin.sent is not None and coin.received is not None,
        'tokens': bool(tokens),
        'p2pk_outputs': explorer.counts_p2pk,
        'unconfirmed': coin.unconfirmed is not None,
    }
    assert {capability for capability, tells in told.items() if tells} == set(explorer.info.capabilities)
