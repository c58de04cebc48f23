"""The adapters of Ethereum against a real node: every amount and fee is what the node itself made of a transaction."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from chalicelib.config import settings
from chalicelib.domain import currencies, money
from chalicelib.domain.ledgers import Entry
from chalicelib.providers.explorers.etherscan import Etherscan
from infra.fake_upstreams import evm
from tests.node import anvil, bridge
from tests.node.anvil import Node
from tests.support.evm import ME, Server, balances, leading_to, read, read_slices, serving, sums
from tests.support.upstreams import explorer_of

CONTRACTS = json.loads((Path(__file__).parent / 'contracts.json').read_text())
TOKENS = {'usdc': evm.USDC, 'dai': evm.DAI}
OTHER = '0x' + '22' * 20
ETHER = 10**18


class Story:
    """What happens on the node, all of it by transactions."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.bank: str = node.ask('eth_accounts')[0]
        self.given = {self.bank: bridge.balance_at(node, self.bank)}
        self.desk = self._deploy('Desk', value=50 * ETHER)
        self._place_tokens(self._deploy('Token'))

    def _deploy(self, name: str, value: int = 0) -> str:
        sent = self.node.send(self.bank, None, data=CONTRACTS[name]['bytecode'], value=value)
        return str(self.node.receipt(sent)['contractAddress'])

    def _place_tokens(self, deployed: str) -> None:
        """Put the code of the deployed token where the catalogue's tokens are on the real chain."""
        code = self.node.ask('eth_getCode', deployed, 'latest')
        for contract in (*TOKENS.values(), evm.SPAM):
            self.node.ask('anvil_setCode', contract, code)

    def call(self, sender: str, contract: str, method: str, *arguments: int | str, value: int = 0) -> str:
        """Call a method of a contract by its signature; return the transaction's hash."""
        selector = {signature: found for kind in CONTRACTS.values() for signature, found in kind['methods'].items()}[method]
        encoded = ''.join(f'{int(str(argument), 0):064x}' for argument in arguments)
        return self.node.send(sender, contract, value=value, data=f'0x{selector}{encoded}')

    def play(self) -> None:
        """Do everything that can be done to an address, some of it within one block."""
        self.pay_and_be_paid()
        with self.node.one_block():
            for _ in range(5):
                self.pay_and_be_paid()
                self.use_tokens()
        self.use_tokens()
        self.use_contracts()

    def pay_and_be_paid(self) -> None:
        self.node.send(self.bank, ME, value=3 * ETHER + 1)
        self.node.send(ME, OTHER, value=123_456_789_012_345_678)
        self.node.send(ME, ME, value=ETHER)

    def use_tokens(self) -> None:
        for contract in (*TOKENS.values(), evm.SPAM):
            self.call(self.bank, contract, 'mint(address,uint256)', ME, 10**15 + 7)
            self.call(ME, contract, 'transfer(address,uint256)', OTHER, 10**6)
        self.call(ME, evm.USDC, 'transfer(address,uint256)', OTHER, 10**40)  # more than there is: fails
        self.call(ME, evm.USDC, 'transfer(address,uint256)', OTHER, 0)
        self.call(ME, evm.DAI, 'transfer(address,uint256)', ME, 5)

    def use_contracts(self) -> None:
        for contract in TOKENS.values():
            self.call(self.bank, contract, 'mint(address,uint256)', self.desk, 10**20)
        self.call(ME, self.desk, 'pay(address,uint256)', ME, ETHER // 3)
        self.call(ME, self.desk, 'pay(address,uint256)', OTHER, 1, value=ETHER // 7)
        self.call(ME, self.desk, 'pay(address,uint256)', ME, 10**30, value=ETHER // 7)  # more than there is: fails
        self.call(self.bank, self.desk, 'tryToPay(address,uint256)', ME, ETHER)  # pays, and takes it back
        swapped = (evm.USDC, 17, evm.DAI, 10**19, ME, 2 * ETHER)
        self.call(self.bank, self.desk, 'swap(address,uint256,address,uint256,address,uint256)', *swapped)
        self.node.send(ME, None, data=CONTRACTS['Desk']['bytecode'], value=ETHER // 9)
        self.call(self.bank, self.desk, 'close(address)', ME)


@pytest.fixture(scope='module')
def node() -> Iterator[Node]:
    with anvil.running(chain_id=1) as running:
        Story(running).play()
        yield running


@pytest.fixture(scope='module')
def world(node: Node) -> bridge.NodeWorld:
    bank = node.ask('eth_accounts')[0]
    return bridge.world_of(node, {bank: bridge.balance_at(node, bank, 0)})


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server, world: bridge.NodeWorld) -> Iterator[Server]:
    with leading_to(server) as led:
        led.tell(world)
        yield led


@pytest.fixture
def asked_directly(node: Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the node be asked in place of a public one."""
    with monkeypatch.context() as patch:
        patch.delenv('UPSTREAM_URL', raising=False)
        patch.setenv('UPSTREAM_PUBLICNODE_URL', node.url)
        settings.cache_clear()
        yield
    settings.cache_clear()


def truth(node: Node, address: str, block: int | None = None) -> dict[str, Decimal]:
    """Return what the node says is held of each currency, where it is not zero, now or at a block."""
    units = {'eth': bridge.balance_at(node, address, block)}
    units |= {code: bridge.token_balance_at(node, contract, address, block) for code, contract in TOKENS.items()}
    return {code: money.scaled(held, currencies.get(code).decimals) for code, held in units.items() if held}


def small_pages(key: str) -> Etherscan:
    explorer: Any = explorer_of('eth', key)
    assert isinstance(explorer, Etherscan)
    return replace(explorer, first_page=9, page=25)


@pytest.mark.usefixtures('asked_directly')
def test_a_node_tells_the_coin_and_the_tokens_of_the_catalogue(node: Node) -> None:
    holdings, entries = read(explorer_of('eth', 'publicnode'), ME)
    assert balances(holdings) == truth(node, ME)
    assert {*balances(holdings)} == {'eth', 'usdc', 'dai'}
    assert entries == []


@pytest.mark.usefixtures('asked_directly')
def test_a_node_tells_of_an_address_that_nobody_ever_used(node: Node) -> None:
    assert balances(read(explorer_of('eth', 'publicnode'), '0x' + '33' * 20)[0]) == {}


@pytest.mark.parametrize('key', ['etherscan', 'blockscout'])
@pytest.mark.parametrize('address', [ME, OTHER])
def test_deltas_sum_to_what_the_node_says_is_held(node: Node, upstream: Server, key: str, address: str) -> None:
    holdings, entries = read(small_pages(key), address)
    assert balances(holdings) == sums(entries) == truth(node, address)


def test_an_address_that_had_coins_from_the_first_block_on_adds_up(node: Node, upstream: Server) -> None:
    bank = node.ask('eth_accounts')[0]
    holdings, entries = read(small_pages('etherscan'), bank)
    assert balances(holdings)['eth'] == sums(entries)['eth'] == truth(node, bank)['eth']


@pytest.mark.parametrize('key', ['etherscan', 'blockscout'])
def test_what_each_block_did_is_what_the_node_says_it_did(node: Node, upstream: Server, key: str) -> None:
    _, entries = read(small_pages(key), ME)
    blocks = [(height, [*found]) for height, found in groupby(entries, lambda entry: entry.height)]
    assert len(blocks) > 15
    for height, found in blocks:
        before, after = truth(node, ME, height - 1), truth(node, ME, height)
        changed = {code: money.add(after.get(code, money.ZERO), -before.get(code, money.ZERO)) for code in before.keys() | after.keys()}
        assert sums(found) == {code: change for code, change in changed.items() if change}, height


def test_fees_are_those_of_the_receipts_also_where_a_transaction_failed(node: Node, upstream: Server) -> None:
    native = [entry for entry in read(small_pages('etherscan'), ME)[1] if entry.currency == 'eth']
    failed = 0
    for entry in native:
        receipt = node.receipt(entry.reference)
        gas = int(receipt['gasUsed'], 16) * int(receipt['effectiveGasPrice'], 16)
        assert entry.fee == (money.scaled(gas, 18) if receipt['from'] == ME else 0)
        if receipt['status'] == '0x0':
            failed += 1
            assert entry.delta == -money.scaled(gas, 18)
    assert failed == 7


def test_a_reading_in_slices_is_the_same(upstream: Server) -> None:
    explorer = small_pages('blockscout')
    entries: list[Entry] = read(explorer, ME)[1]
    assert read_slices(explorer, ME)[1] == entries
