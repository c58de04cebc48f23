"""What belongs to an address is the same whichever explorer is asked: one generated chain, told by all of them, compared entry by entry."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest

from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import Upstream
from chalicelib.providers.explorers import EXPLORERS, Explorer
from tests.support import account_explorers
from tests.support.account_explorers import Server
from tests.support.one_chain import Addresses, Output, Transaction, generate
from tests.support.one_chain_tellers import BLOCKBOOKS, TELLERS

# No explorer looks into an address, and these are none.
OURS = Addresses(plain='1PlainOfOurs', keys='1KeysOfOurs', shared='1SharedOfOurs')
CASES = [(coin, explorer) for coin, chain in CHAINS.items() if chain.legacy_prefixes for explorer in EXPLORERS[coin]]
SEEDS = range(1, 6)

each_explorer = pytest.mark.parametrize(('coin', 'explorer'), CASES, ids=[f'{coin}-{explorer.endpoint.key}' for coin, explorer in CASES])


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with account_explorers.serving() as server:
        yield server


@pytest.fixture
def upstream(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for key in BLOCKBOOKS:
        monkeypatch.setenv(f'UPSTREAM_{key.upper()}_URL', f'{server.url}/{key}')
    with account_explorers.leading_to(server) as leading:
        yield leading


def tell(upstream: Server, chain: Sequence[Transaction]) -> None:
    upstream.tell = lambda request: TELLERS[request.upstream](chain, request.path, request.query)


def test_no_explorer_of_unspent_outputs_is_left_out() -> None:
    keys = {explorer.endpoint.key for _, explorer in CASES}
    assert keys == set(TELLERS), 'add a teller of the new explorer to TELLERS in tests/support/one_chain_tellers.py'


def worked_out(chain: Sequence[Transaction], coin: str, address: str, *kinds: str) -> list[Entry]:
    """Return the entries of an address to which outputs of these kinds belong: what they are by our rules, made another way.

    A running balance, and its changes from one transaction to the next.
    """
    balance, entries = 0, []
    for txn in reversed(chain):
        before = balance
        spends = gains = False
        for output in txn.spent:
            if output.kind in kinds and output.owners == (address,):
                balance, spends = balance - output.value, True
        for output in txn.made:
            if output.kind in kinds and output.owners == (address,):
                balance, gains = balance + output.value, True
        if spends or gains:
            fee = Decimal(txn.fee) / 10**8 if spends else Decimal(0)
            entries.append(Entry(txn.txid, 0, coin, Decimal(balance - before) / 10**8, fee, txn.time, txn.height))
    return entries[::-1]


def is_named_in_multisig(chain: Sequence[Transaction], address: str) -> bool:
    return any(output.kind == 'multisig' and address in output.owners for txn in chain for output in (*txn.spent, *txn.made))


@each_explorer
@pytest.mark.parametrize('seed', SEEDS)
def test_every_explorer_of_a_coin_tells_the_same_of_one_chain(upstream: Server, coin: str, explorer: Explorer, seed: int) -> None:
    chain = generate(seed, OURS)
    tell(upstream, chain)
    for address in OURS:
        if explorer.endpoint.key == 'blockcypher' and is_named_in_multisig(chain, address):
            with pytest.raises(Upstream, match='multisig'):
                account_explorers.read(explorer, address)
            continue
        expected = worked_out(chain, coin, address, 'p2pkh', *(['p2pk'] if explorer.counts_p2pk else []))
        if explorer.endpoint.key == 'blockchair' and any(entry.fee for entry in expected):
            expected = [entry._replace(fee=None) for entry in expected]  # it does not tell who spends
        holding, entries = account_explorers.read(explorer, address)
        assert entries == expected
        assert holding.balance == sum(entry.delta for entry in expected)
        assert holding.transactions == len(expected)
        assert holding.unconfirmed == 0


@pytest.mark.parametrize('seed', SEEDS)
def test_the_chain_has_everything_that_explorers_disagree_about(seed: int) -> None:
    chain = generate(seed, OURS)
    spent = [{output.owners for output in txn.spent} & {(address,) for address in OURS} for txn in chain]
    kinds = {output.kind for txn in chain for output in txn.made}
    assert kinds == {'p2pkh', 'p2pk', 'multisig', 'data'}
    assert {'p2pkh', 'p2pk', 'multisig'} <= {output.kind for txn in chain for output in txn.spent}
    assert max(map(len, spent)) >= 2, 'a transaction that several own addresses spend in'
    assert any(not txn.spent for txn in chain), 'a coinbase'
    assert {0, 1, 546} & {output.value for txn in chain for output in txn.made if output.owners and output.owners[0] in OURS}, 'dust'
    assert len({txn.height for txn in chain}) < len(chain), 'transactions in one block'
    assert not is_named_in_multisig(chain, OURS.plain)
    assert is_named_in_multisig(chain, OURS.shared)


@each_explorer
def test_coins_in_a_bare_multisig_output_are_nobodys(upstream: Server, coin: str, explorer: Explorer) -> None:
    """1,000 coins to two of three, one of which is the key of an address that was never used otherwise."""
    outputs = (Output('multisig', (OURS.shared, 'stranger'), 1_000 * 10**8), Output('p2pkh', ('stranger',), 5))
    tell(upstream, [Transaction('ab' * 32, 3_000_000, 1_700_000_000, (Output('p2pkh', ('stranger',), 1_001 * 10**8),), outputs)])
    if explorer.endpoint.key == 'blockcypher':
        with pytest.raises(Upstream, match='multisig'):
            account_explorers.read(explorer, OURS.shared)
    else:
        holding, entries = account_explorers.read(explorer, OURS.shared)
        assert (holding.balance, holding.received, entries) == (0, 0, [])
