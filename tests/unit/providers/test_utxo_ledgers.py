"""Every explorer of unspent outputs: a generated history, told in its format, is read back exactly, from any page on."""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain import money
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers import EXPLORERS, Explorer
from infra.fake_upstreams import faults, scripted_explorer
from infra.fake_upstreams import utxo as sample
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.http_server import Request
from infra.fake_upstreams.payments import Payment, World
from infra.fake_upstreams.sample import respond
from infra.fake_upstreams.scripted_explorer import serving
from tests.support import utxo
from tests.support.upstreams import http

ADDRESSES = sample.ADDRESSES | {'btc': 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'}
CASES = [(coin, explorer) for coin in ADDRESSES for explorer in EXPLORERS[coin] if explorer.endpoint.key in sample.TELLERS]
# Their own tests are in test_explorers.py.
BITCOIN_ONLY = {'blockstream', 'mempool', 'blockchain_info'}

each_explorer = pytest.mark.parametrize(('coin', 'explorer'), CASES, ids=[f'{coin}-{explorer.endpoint.key}' for coin, explorer in CASES])


def teller(explorer: Explorer, world: World) -> utxo.Teller:
    return partial(sample.TELLERS[explorer.endpoint.key], world)


def test_no_explorer_of_these_chains_is_left_out() -> None:
    keys = {explorer.endpoint.key for coin in ADDRESSES for explorer in EXPLORERS[coin]} - BITCOIN_ONLY
    assert keys == set(sample.TELLERS), 'add a teller of the new explorer to TELLERS in infra/fake_upstreams/utxo.py'


@pytest.fixture(scope='module')
def server() -> Iterator[scripted_explorer.Explorer]:
    with serving(scripted_explorer.Explorer()) as explorer:
        yield explorer


@pytest.fixture
def upstream(server: scripted_explorer.Explorer) -> Iterator[scripted_explorer.Explorer]:
    yield from utxo.leading_to(server)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Payment], int]:
    """A history, newest first, and how much of it is on a page; fewer than that are not confirmed yet."""
    page = draw(st.integers(1, 7))
    pending = draw(st.integers(0, min(2, page - 1)))
    height, payments = 1_000_000, []
    for number in range(draw(st.integers(0, 14))):
        height += draw(st.integers(0, 2))
        received = tuple(draw(st.lists(st.integers(1, 10**15), max_size=2)))
        spent = tuple(draw(st.lists(st.integers(1, 10**15), min_size=not received, max_size=2)))
        payments.append(Payment(f'{number:064x}', height, utxo.AT + height, received, spent, draw(st.integers(0, 10**6))))
    payments += [Payment(f'{99 + number:064x}', None, utxo.AT, (5_000,), (700,), 9) for number in range(pending)]
    return payments[::-1], page


def amount(units: int) -> Decimal:
    return money.scaled(units, 8)


def expected(coin: str, key: str, payment: Payment, payments: list[Payment]) -> Entry:
    """Return the entry that a confirmed payment is; Blockchair tells no fee, so it is known only where nothing was ever spent."""
    fee: Decimal | None = amount(payment.fee) if payment.spent else Decimal(0)
    if key == 'blockchair' and any(each.spent for each in payments):
        fee = None
    return Entry(payment.txid, 0, coin, amount(payment.delta), fee, payment.time, payment.height or 0)


@each_explorer
@given(history=histories())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_history_is_read_back_exactly_at_each_page_size(
    upstream: scripted_explorer.Explorer, coin: str, explorer: Explorer, history: tuple[list[Payment], int]
) -> None:
    payments, page = history
    address = ADDRESSES[coin]
    upstream.fail(utxo.telling(teller(explorer, World({coin: {address: payments}}, page))), explorer.endpoint.key)
    holding, entries = utxo.read(explorer, address)
    confirmed = [payment for payment in payments if payment.height is not None]
    assert entries == [expected(coin, explorer.endpoint.key, payment, payments) for payment in confirmed]
    assert money.total(entry.delta for entry in entries) == holding.balance
    assert holding.transactions == len(confirmed)
    assert holding.unconfirmed == amount(sum(payment.delta for payment in payments if payment.height is None))
    assert holding.received in (None, amount(sum(sum(payment.received) for payment in confirmed)))
    assert holding.sent in (None, amount(sum(sum(payment.spent) for payment in confirmed)))


@each_explorer
@given(history=histories())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_another_process_goes_on_from_any_page(
    upstream: scripted_explorer.Explorer, coin: str, explorer: Explorer, history: tuple[list[Payment], int]
) -> None:
    payments, page = history
    address = ADDRESSES[coin]
    upstream.fail(utxo.telling(teller(explorer, World({coin: {address: payments}}, page))), explorer.endpoint.key)
    pages = list(explorer.read(http(), address).pages)
    assert {each.resume is None for each in pages[:-1]} <= {False}
    assert {each.resume is None for each in pages[-1:]} <= {True}
    for place, each in enumerate(pages[:-1]):
        rest = [entry for later in pages[place + 1 :] for entry in later.entries]
        assert utxo.read(explorer, address, each.resume)[1] == rest


@each_explorer
def test_a_transaction_that_arrives_between_two_pages_hides_none(
    upstream: scripted_explorer.Explorer, coin: str, explorer: Explorer
) -> None:
    payments = [Payment(f'{n:064x}', 1_000_000 + n, utxo.AT, (n + 1,)) for n in range(200)][::-1]
    before = {payment.txid for payment in payments}
    upstream.fail(utxo.telling(teller(explorer, World({coin: {ADDRESSES[coin]: payments}}))), explorer.endpoint.key)
    pages = explorer.read(http(), ADDRESSES[coin]).pages
    found = next(pages).entries
    payments.insert(0, Payment('ff' * 32, 1_000_900, utxo.AT, (10**6,)))
    found += [entry for page in pages for entry in page.entries]
    assert {entry.reference for entry in found} == before


@each_explorer
def test_an_address_never_used_holds_nothing(upstream: scripted_explorer.Explorer, coin: str, explorer: Explorer) -> None:
    upstream.fail(utxo.telling(teller(explorer, World({coin: {}}))), explorer.endpoint.key)
    holding, entries = utxo.read(explorer, ADDRESSES[coin])
    assert (holding.balance, holding.transactions, holding.sent, holding.received, entries) == (0, 0, 0, 0, [])


@each_explorer
@pytest.mark.parametrize(
    'fault',
    [
        faults.html,
        faults.text(''),
        faults.text('null'),
        faults.text('[]'),
        faults.text('{}'),
        faults.truncated_json,
        faults.truncated_body,
        faults.down,
        faults.status(404),
        faults.status(502),
        faults.status(400, 'Bad Request'),
    ],
    ids=['HTML', 'nothing', 'null', 'a list', 'an object', 'truncated JSON', 'a truncated body', 'down', '404', '502', '400'],
)
def test_what_is_no_answer_is_a_failure_of_the_explorer_that_repeats_nothing(
    upstream: scripted_explorer.Explorer, coin: str, explorer: Explorer, fault: faults.Fault
) -> None:
    payments = [Payment(utxo.TXID, 1_000_000, utxo.AT, (5,))]
    tell = utxo.telling(teller(explorer, World({coin: {ADDRESSES[coin]: payments}})))
    upstream.fail(lambda request, answer: fault(request, tell(request, answer)), explorer.endpoint.key)
    with pytest.raises(Upstream) as caught:
        utxo.read(explorer, ADDRESSES[coin])
    assert not isinstance(caught.value, UpstreamRejected)
    assert ADDRESSES[coin] not in str(caught.value)
    assert '://' not in str(caught.value)


@each_explorer
@pytest.mark.parametrize('code', [402, 429])
def test_an_explorer_whose_limit_is_used_up_is_left_alone(
    upstream: scripted_explorer.Explorer, coin: str, explorer: Explorer, code: int
) -> None:
    upstream.fail(faults.status(code), explorer.endpoint.key)
    with pytest.raises(Upstream) as caught:
        utxo.read(explorer, ADDRESSES[coin])
    assert caught.value.throttled


def through_the_sample(request: faults.Request, _: Answer) -> Answer:
    return respond(Request(request.upstream, request.path.split('/')[1:], request.query, {}))


@each_explorer
def test_the_sample_upstream_tells_of_each_chain(upstream: scripted_explorer.Explorer, coin: str, explorer: Explorer) -> None:
    upstream.fail(through_the_sample, explorer.endpoint.key)
    address = sample.bitcoin_chain.BUSY_ADDRESS if coin == 'btc' else ADDRESSES[coin]
    holding, entries = utxo.read(explorer, address)
    assert money.total(entry.delta for entry in entries) == holding.balance > 0
    assert len(entries) == holding.transactions >= 12
    assert min(entry.delta for entry in entries) < 0
