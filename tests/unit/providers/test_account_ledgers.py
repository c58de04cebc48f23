"""XRP, Stellar, Solana and Cardano: a generated history, told in an explorer's format, is read back exactly, from any page on."""

from collections.abc import Iterator
from dataclasses import fields, replace
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain import currencies, ledgers, money
from chalicelib.domain.currencies import Currency
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers import EXPLORERS, Explorer, explorers_of
from chalicelib.providers.explorers.horizon import Horizon
from infra.fake_upstreams import solana, stellar
from infra.fake_upstreams.account_chains import Event, World, reference
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.sample import respond
from tests.support import account_explorers
from tests.support.account_explorers import Server, Tell
from tests.support.account_tellers import ADDRESSES, NAMES_ADDRESS, TELLERS, TOKENS
from tests.support.upstreams import http

CASES = [(chain, explorer) for chain in ADDRESSES for explorer in EXPLORERS[chain]]
EVENTS = [Event(reference('some', number), 1_000_000 + number, account_explorers.AT, 10**9) for number in range(25)][::-1]
NO_ANSWERS = [
    *((200, body) for body in ('<html>', '', 'null', '[]', '{}', '[{}]', '{"result": {}}', '{"result": null}', '"text"')),
    *((400, 'Bad Request'), (404, '<html>404</html>'), (502, '<html>502</html>')),
]
# What is an answer all the same, by the number of the request: that there is no such address, or nothing of it, which the sum shows.
HARMLESS = {*(('koios', number, '[]') for number in (1, 2, 3)), ('blockfrost', 2, '[]')}
BROKEN = [
    (chain, explorer, number, status, body)
    for chain, explorer in CASES
    for number in (1, 2, 3)
    for status, body in NO_ANSWERS
    if (explorer.endpoint.key, number, body) not in HARMLESS
]

each_explorer = pytest.mark.parametrize(('chain', 'explorer'), CASES, ids=[explorer.endpoint.key for _, explorer in CASES])


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv('UPSTREAM_BLOCKFROST_KEY', 'a-key')
    with account_explorers.leading_to(server) as leading:
        yield leading


def telling(chain: str, explorer: Explorer, events: list[Event], page: int = 10_000) -> Tell:
    return partial(TELLERS[explorer.endpoint.key], World({ADDRESSES[chain]: events}, page, TOKENS[chain]))


def coin_entry(chain: str, event: Event) -> Entry:
    return Entry(written(chain, event), 0, chain, amount(chain, event.delta), amount(chain, event.fee), event.time, event.height)


def expected(chain: str, event: Event) -> list[Entry]:
    """Return what a transaction is to be read as: the coin first, where the address is named, then its tokens."""
    entries = [coin_entry(chain, event)] if names_address(chain, event) else []
    for contract, units in zip(TOKENS[chain], event.tokens, strict=False):
        token = token_of(chain, contract)
        if units:
            delta = money.scaled(units, token.decimals)
            entries.append(Entry(written(chain, event), token.id, token.code, delta, money.ZERO, event.time, event.height))
    return sorted(entries, key=lambda entry: entry.n)


def names_address(chain: str, event: Event) -> bool:
    """Whether a transaction names the address, and not only where it holds tokens."""
    return chain not in NAMES_ADDRESS or NAMES_ADDRESS[chain](event)


def token_of(chain: str, contract: str) -> Currency:
    [token] = [token for token in currencies.tokens_on(chain) if token.contract == contract]
    return token


def codes(chain: str) -> list[str]:
    """Return what the address of a world may hold."""
    return [chain, *(token_of(chain, contract).code for contract in TOKENS[chain])]


def everything(chain: str, explorer: Explorer, events: list[Event]) -> list[Entry]:
    """Return what is to be read, newest first, and in a block by the hash, since explorers differ in the order there."""
    return ordered([entry for event in events for entry in expected(chain, event)])


def ordered(entries: list[Entry]) -> list[Entry]:
    assert [entry.height for entry in entries] == sorted((entry.height for entry in entries), reverse=True)
    return sorted(entries, key=lambda entry: (-entry.height, entry.reference, entry.n))


def held(chain: str, events: list[Event]) -> dict[str, Decimal]:
    """Return what an address must hold of the coin, and of what it holds any of."""
    world = World({'': events}, tokens=TOKENS[chain])
    tokens = [(token_of(chain, contract), units) for contract, units in world.held('').items() if units]
    return {chain: amount(chain, world.balance(''))} | {token.code: money.scaled(units, token.decimals) for token, units in tokens}


def written(chain: str, event: Event) -> str:
    return {'xrp': event.reference.upper(), 'sol': solana.signature(event)}.get(chain, event.reference)


def sized(explorer: Explorer, page: int) -> Explorer:
    """Return the explorer asking for pages of this size, where it chooses that and its server does not."""
    names = {each.name for each in fields(explorer)} & {'page', 'first_page', 'page_of_effects'}
    return replace(explorer, **dict.fromkeys(names, page))


def amount(chain: str, units: int) -> Decimal:
    return money.scaled(units, currencies.get(chain).decimals)


@each_explorer
@given(history=account_explorers.histories())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_history_is_read_back_exactly_at_each_page_size(
    upstream: Server, chain: str, explorer: Explorer, history: tuple[list[Event], int]
) -> None:
    events, page = history
    upstream.tell = telling(chain, explorer, events, page)
    holding, entries = account_explorers.read(sized(explorer, page), ADDRESSES[chain], held_codes=codes(chain))
    assert ordered(entries) == everything(chain, explorer, events)
    assert account_explorers.balances(explorer, ADDRESSES[chain]) == held(chain, events)
    assert holding.transactions in (None, len(events))


@each_explorer
@given(history=account_explorers.histories(), number=st.integers(0, 99))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_another_process_goes_on_from_any_page(
    upstream: Server, chain: str, explorer: Explorer, history: tuple[list[Event], int], number: int
) -> None:
    events, page = history
    upstream.tell = telling(chain, explorer, events, page)
    explorer = sized(explorer, page)
    pages = list(explorer.read(http(), ADDRESSES[chain], held_codes=codes(chain)).pages)
    assert {each.resume is None for each in pages[:-1]} <= {False}
    assert {each.resume is None for each in pages[-1:]} <= {True}
    for place in sorted({0, number % max(len(pages), 1), len(pages) - 2} & {*range(len(pages) - 1)}):
        rest = [entry for later in pages[place + 1 :] for entry in later.entries]
        assert account_explorers.read(explorer, ADDRESSES[chain], pages[place].resume, codes(chain))[1] == rest


@each_explorer
@given(number=st.integers(0, 230))
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_long_history_is_read_whole_at_the_explorers_own_page_size(upstream: Server, chain: str, explorer: Explorer, number: int) -> None:
    events = [Event(reference('many', place), 1_000_000 + place // 3, account_explorers.AT, 10**9) for place in range(number)][::-1]
    upstream.tell = telling(chain, explorer, events)
    assert ordered(account_explorers.read(explorer, ADDRESSES[chain], held_codes=codes(chain))[1]) == everything(chain, explorer, events)


def test_what_only_effects_tell_of_is_read_in_pages_of_bounded_work(upstream: Server) -> None:
    """A market maker at Stellar: thousands of trades of its offers between two transactions of its own."""
    [horizon] = [explorer for explorer in EXPLORERS['xlm'] if isinstance(explorer, Horizon) and explorer.endpoint.key == 'lobstr']
    trades = [Event(reference('trade', place), 1_000_000 + place, account_explorers.AT, 0, tokens=[7]) for place in range(400)]
    assert not any(map(stellar.names_account, trades))
    own = [Event(reference('own', place), 999_000 + 2_000 * place, account_explorers.AT, 10**9) for place in range(2)]
    events = sorted([*trades, *own], key=lambda event: -event.height)
    upstream.tell = telling('xlm', horizon, events)
    read, work = [], []
    for page in horizon.read(http(), ADDRESSES['xlm'], held_codes=codes('xlm')).pages:
        read += page.entries
        work.append(len(upstream.requests) - sum(work))
    assert ordered(read) == everything('xlm', horizon, events)
    assert len(work) >= 8
    assert max(work) <= 50 + 10  # each trade, and the lists of transactions and effects
    assert sum(work) < 500


@each_explorer
def test_what_is_new_costs_few_requests(upstream: Server, chain: str, explorer: Explorer) -> None:
    events = [Event(reference('many', place), 1_000_000 + place, account_explorers.AT, 10**9) for place in range(500)][::-1]
    upstream.tell = telling(chain, explorer, events)
    assert next(explorer.read(http(), ADDRESSES[chain], held_codes=[chain]).pages).entries[0] == coin_entry(chain, events[0])
    assert len(upstream.requests) <= {'blockfrost': 12, 'koios': 4}.get(explorer.endpoint.key, 3)


@each_explorer
def test_a_transaction_that_arrives_between_two_pages_neither_hides_nor_changes_another(
    upstream: Server, chain: str, explorer: Explorer
) -> None:
    events = [Event(reference('race', number), 1_000_000 + number, account_explorers.AT, 10**9) for number in range(60)][::-1]
    upstream.tell = telling(chain, explorer, events)
    pages = explorer.read(http(), ADDRESSES[chain]).pages
    found = list(next(pages).entries)
    assert len(found) < len(events)
    events.insert(0, Event(reference('race', 99), 1_000_900, account_explorers.AT, 10**6))
    found += [entry for page in pages for entry in page.entries]
    assert set(found) == {coin_entry(chain, event) for event in events[1:]}


@each_explorer
def test_an_address_never_used_holds_nothing(upstream: Server, chain: str, explorer: Explorer) -> None:
    upstream.tell = telling(chain, explorer, [])
    holding, entries = account_explorers.read(explorer, ADDRESSES[chain])
    assert (holding.currency, holding.balance, entries) == (chain, 0, [])


@pytest.mark.parametrize(('chain', 'explorer', 'number', 'status', 'body'), BROKEN)
def test_what_is_no_answer_is_a_failure_of_the_explorer_that_repeats_nothing(
    upstream: Server, chain: str, explorer: Explorer, number: int, status: int, body: str
) -> None:
    tell = telling(chain, explorer, EVENTS)
    upstream.tell = lambda request: Answer(status, body) if len(upstream.requests) == number else tell(request)
    with pytest.raises(Upstream) as caught:
        account_explorers.read(explorer, ADDRESSES[chain])
    assert not isinstance(caught.value, UpstreamRejected)
    assert ADDRESSES[chain] not in str(caught.value)
    assert '://' not in str(caught.value)
    assert 'a-key' not in str(caught.value)


@each_explorer
@pytest.mark.parametrize('code', [402, 429])
def test_an_explorer_whose_limit_is_used_up_is_left_alone(upstream: Server, chain: str, explorer: Explorer, code: int) -> None:
    upstream.say('<html>', status=code)
    with pytest.raises(Upstream) as caught:
        account_explorers.read(explorer, ADDRESSES[chain])
    assert caught.value.throttled


@pytest.mark.parametrize('chain', ADDRESSES)
def test_each_chain_has_two_explorers_that_need_no_key_and_list_transactions_or_balances(chain: str) -> None:
    public = [explorer for explorer in explorers_of(chain, ADDRESSES[chain]) if not explorer.endpoint.needs_secret]
    assert public[0].info.lists_transactions
    assert chain == 'ada' or len(public) >= 2


@each_explorer
def test_the_sample_upstream_tells_of_each_chain(upstream: Server, chain: str, explorer: Explorer) -> None:
    upstream.tell = respond
    entries = account_explorers.read(explorer, ADDRESSES[chain])[1]
    sums = {code: tally.sum for code, tally in ledgers.tally(entries).items()}
    assert {code: total for code, total in sums.items() if total} == account_explorers.balances(explorer, ADDRESSES[chain])
    assert len({entry.reference for entry in entries}) == 12
    assert min(entry.delta for entry in entries) < 0
