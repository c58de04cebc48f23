"""Whatever an explorer answers in place of a value: the same entries come out, or it is said that something could not be read.

One member of one body is replaced by something of another kind, or left out. The oracle knows nothing of formats: what is read must be what
is read of the body as it was, or be less of it, with an unreadable row for it or sums that do not match. Nothing escapes but Upstream.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream
from chalicelib.providers.explorers import EXPLORERS, Explorer
from chalicelib.providers.explorers.etherscan import Etherscan
from chalicelib.providers.explorers.json_rpc import JsonRpc
from infra.fake_upstreams.account_chains import Event, World, reference
from infra.fake_upstreams.answer import Answer
from tests.support import account_explorers, account_tellers, one_chain_tellers
from tests.support.account_explorers import Request, Server, Tell
from tests.support.one_chain import Addresses, generate
from tests.support.upstreams import explorer_of, http

OURS = Addresses(plain='1PlainOfOurs', keys='1KeysOfOurs', shared='1SharedOfOurs')
CHAIN = generate(7, OURS, length=20)
EVENTS = [
    Event(
        reference('odd', number),
        1_000_000 + 2 * number,
        account_explorers.AT + number,
        10**9 if number % 3 else -(10**6),
        0 if number % 3 else 10,
    )
    for number in range(1, 8)
][::-1]
ACCOUNTS = [('xrp', 'ripple'), ('xlm', 'lobstr'), ('sol', 'solana'), ('ada', 'koios'), ('ada', 'blockfrost')]
OUTPUTS = [
    ('btc', 'blockstream'),
    ('btc', 'blockchain_info'),
    ('doge', 'blockcypher'),
    ('bch', 'blockchair'),
    ('bch', 'haskoin'),
    ('ltc', 'blockbook_ltc'),
]
# Members whose absence means something else, and harmless, to the explorer's documentation: that the transaction is in no block.
MEANT = {('blockchain_info', 'block_height')}

# By names, which are shown where the longest of them would not be. Some are in JSON and not among Python's values.
RAW = {
    'huge exponent': '1e9999999999999999999',
    'tiny exponent': '-1E-9999999999999999999',
    'NaN': 'NaN',
    'infinity': '-Infinity',
    'many digits': '9' * 5_000,
    'deep': '[' * 5_000 + ']' * 5_000,
    'lone surrogate': '"\\ud800"',
}
VALUES: dict[str, Any] = {repr(value): value for value in (None, True, False, 1.5, 10**100, -(10**100), [], {}, [[]], {'a': {}})}
VALUES |= {name: f'@{name}@' for name in RAW}
TEXTS = {repr(text): text for text in ('', 'x', '1.5', '1e5', '-', ' 1', '\u0661')} | {'long text': 'x' * 100_000}


class Reading(NamedTuple):
    """Everything that is read of an address."""

    holdings: list[Holding]
    entries: list[Entry]
    unreadable: list[Unreadable]


class Change(NamedTuple):
    """What happens to member number `place` (modulo their number) of body number `body`: it becomes a value, or is left out."""

    body: int
    place: int
    value: str


LEFT_OUT = 'left out'
changes = st.builds(
    Change, body=st.integers(0, 9), place=st.integers(0, 10_000), value=st.sampled_from([*VALUES, *TEXTS, LEFT_OUT, LEFT_OUT, LEFT_OUT])
)


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv('UPSTREAM_BLOCKFROST_KEY', 'a-key')
    monkeypatch.setenv('UPSTREAM_BLOCKBOOK_LTC_URL', f'{server.url}/blockbook_ltc')
    with account_explorers.leading_to(server) as leading:
        yield leading


def read_all(explorer: Explorer, address: str) -> Reading:
    report = explorer.read(http(), address)
    pages = list(report.pages)
    return Reading(report.holdings, [row for page in pages for row in page.entries], [row for page in pages for row in page.unreadable])


def members(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container in a body with the key or number of each thing in it."""
    places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(places):
        yield value, key
        yield from members(inner)


def changed(key: str, answer: Answer, change: Change) -> Answer:
    body = json.loads(answer.body)
    found = [place for place in members(body) if (key, place[1]) not in MEANT]
    if not found:
        return answer
    inside, name = found[change.place % len(found)]
    if change.value == LEFT_OUT and isinstance(inside, dict):
        del inside[name]
    elif change.value in TEXTS and isinstance(inside[name], str) and not inside[name].lstrip('-').isdecimal():
        return answer  # another text in place of a text is no other kind
    else:
        inside[name] = TEXTS.get(change.value, VALUES.get(change.value))
    text = json.dumps(body)
    for raw, token in RAW.items():
        text = text.replace(json.dumps(VALUES[raw]), token)
    return Answer(answer.status, text, answer.content_type)


def changing(key: str, tell: Tell, change: Change) -> Tell:
    """Answer as `tell` does, but for one body."""
    number = -1

    def answer(request: Request) -> Answer:
        nonlocal number
        number += 1
        told = tell(request)
        return changed(key, told, change) if number == change.body else told

    return answer


def check(upstream: Server, explorer: Explorer, address: str, tell: Tell, change: Change) -> None:
    upstream.requests.clear()
    upstream.tell = tell
    right = read_all(explorer, address)
    assert right.entries
    assert not right.unreadable
    assert adds_up(right)
    upstream.tell = changing(explorer.endpoint.key, tell, change)
    try:
        got = read_all(explorer, address)
    except Upstream:
        return
    same_sums = [balances(holding) for holding in got.holdings] == [balances(holding) for holding in right.holdings]
    if same_sums and got.entries == right.entries and not got.unreadable:
        return
    if got.unreadable:
        assert same_sums
        assert set(got.entries) <= set(right.entries)
        assert {row.reference for row in got.unreadable} <= {entry.reference for entry in right.entries} - {
            e.reference for e in got.entries
        }
    else:
        assert not adds_up(got), 'a silently different number'


def adds_up(reading: Reading) -> bool:
    """Whether there are as many entries as counted, and their deltas make the balance."""
    [holding] = reading.holdings
    return sum(entry.delta for entry in reading.entries) == holding.balance and holding.transactions in (None, len(reading.entries))


def balances(holding: Holding) -> tuple[Any, ...]:
    """Return what a holding says, without the sums and counts that may be unknown."""
    return holding.currency, holding.balance


def outputs_tell(key: str) -> Tell:
    return lambda request: one_chain_tellers.TELLERS[key](CHAIN, request.path, request.query)


def accounts_tell(chain: str, key: str) -> Tell:
    world = World({account_tellers.ADDRESSES[chain]: EVENTS}, page=5)
    return lambda request: account_tellers.TELLERS[key](world, request)


CASES: list[tuple[str, str, str, Callable[[], Tell]]] = [
    *((coin, key, OURS.plain, lambda key=key: outputs_tell(key)) for coin, key in OUTPUTS),
    *((chain, key, account_tellers.ADDRESSES[chain], lambda chain=chain, key=key: accounts_tell(chain, key)) for chain, key in ACCOUNTS),
]


def test_no_kind_of_explorer_is_left_out() -> None:
    kinds = {type(explorer) for explorers in EXPLORERS.values() for explorer in explorers} - {
        Etherscan,
        JsonRpc,
    }  # theirs is test_evm_rows.py
    assert {type(explorer_of(chain, key)) for chain, key, _, _ in CASES} == kinds, 'add a case of the new explorer'


@pytest.mark.parametrize(('chain', 'key', 'address', 'tell'), CASES, ids=[key for _, key, _, _ in CASES])
@given(change=changes)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_odd_member_of_a_body_never_makes_a_silently_different_number(
    upstream: Server, chain: str, key: str, address: str, tell: Callable[[], Tell], change: Change
) -> None:
    check(upstream, explorer_of(chain, key), address, tell(), change)


@pytest.mark.parametrize(('chain', 'key', 'address', 'tell'), CASES, ids=[key for _, key, _, _ in CASES])
def test_no_member_may_be_left_out_silently(upstream: Server, chain: str, key: str, address: str, tell: Callable[[], Tell]) -> None:
    explorer, bodies = explorer_of(chain, key), []
    usual = tell()

    def keep(request: Request) -> Answer:
        bodies.append(usual(request))
        return bodies[-1]

    upstream.tell = keep
    read_all(explorer, address)
    for number, body in enumerate(bodies[:3]):
        places = [name for _, name in members(json.loads(body.body)) if (key, name) not in MEANT]
        for name in {name for name in places if isinstance(name, str)}:
            check(upstream, explorer, address, tell(), Change(number, places.index(name), LEFT_OUT))
