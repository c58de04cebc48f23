"""What rows of explorers of Ethereum-like chains amount to where a row alone does not say it; the same from each kind of explorer."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledgers import Entry
from chalicelib.errors import Upstream
from chalicelib.providers.explorers import evm as rows
from infra.fake_upstreams import evm
from infra.fake_upstreams.answer import as_json
from tests.support.evm import ME, Server, balances, generated, leading_to, read, serving, sums, truth
from tests.support.upstreams import explorer_of

HASH = '0x' + 'ab' * 32
AT = 1_700_000_000
KINDS = ['etherscan', 'blockscout', 'routescan', 'blockscout_pro']
ETHER = evm.ETHER
each_kind = pytest.mark.parametrize('key', KINDS)


@pytest.fixture(scope='module')
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


@pytest.fixture
def upstream(server: Server) -> Iterator[Server]:
    with leading_to(server) as led:
        yield led


def txn(**changes: Any) -> evm.Transaction:
    return evm.Transaction(HASH, 18_000_000, AT, evm.STRANGER, ME, gas_used=0)._replace(**changes)


def row(**changes: Any) -> dict[str, Any]:
    """Return a row of `txlist`: the address sends 7 wei and pays 2 wei for each of 10 gas."""
    plain = {'hash': HASH, 'blockNumber': '120000000', 'timeStamp': str(AT), 'from': ME, 'to': evm.STRANGER, 'value': '7', 'isError': '0'}
    return plain | {'gasUsed': '10', 'gasPrice': '2', 'contractAddress': ''} | changes


def entry_of(chain: str, **changes: Any) -> tuple[Decimal, Decimal | None]:
    """Return delta and fee in wei of the only entry that a row amounts to."""
    [entry] = rows.entries(CHAINS[chain], ME, {'txlist': [row(**changes)]})
    return entry.delta * ETHER, None if entry.fee is None else entry.fee * ETHER


@pytest.mark.parametrize('seed', range(4))
def test_every_kind_of_explorer_tells_the_same_entries_of_a_chain(upstream: Server, seed: int) -> None:
    """But for what only Etherscan lists: withdrawals and rewards, which this chain has none of."""
    world = generated(seed, 150, rewards=False)
    upstream.tell(world)
    told: list[list[Entry]] = []
    for key in KINDS:
        holdings, entries = read(explorer_of('eth', key), ME)
        assert balances(holdings) == sums(entries) == truth(world)
        told.append(sorted(entries))
    assert all(entries == told[0] for entries in told)
    assert any(entry.currency == 'weth' for entry in told[0])
    senders = {txn.hash: txn for txn in world.transactions if txn.sender == ME}
    for entry in told[0]:
        paid = senders[entry.reference].fee if entry.reference in senders and entry.currency == 'eth' else 0
        assert entry.fee == Decimal(paid).scaleb(-18)


# Contracts like WETH9


@each_kind
def test_coins_paid_into_the_contract_are_as_many_tokens(upstream: Server, key: str) -> None:
    funded = txn(value=10 * ETHER)
    put = txn(
        hash='0x' + 'cd' * 32, height=18_000_001, sender=ME, receiver=evm.WETH, value=ETHER, wrappings=(evm.Wrapping(evm.WETH, ME, ETHER),)
    )
    upstream.tell(evm.World(1, [funded, put]))
    holdings, entries = read(explorer_of('eth', key), ME)
    assert balances(holdings) == sums(entries) == {'eth': 9, 'weth': 1}


@each_kind
def test_tokens_taken_out_again_are_as_many_coins(upstream: Server, key: str) -> None:
    funded = txn(hash='0x' + 'ef' * 32, height=17_000_000, value=9)
    put = txn(sender=ME, receiver=evm.WETH, value=5, wrappings=(evm.Wrapping(evm.WETH, ME, 5),))
    paid = (evm.Inner(evm.WETH, ME, 2),)
    taken = txn(
        hash='0x' + 'cd' * 32, height=18_000_001, sender=ME, receiver=evm.WETH, inner=paid, wrappings=(evm.Wrapping(evm.WETH, ME, -2),)
    )
    upstream.tell(evm.World(1, [funded, put, taken]))
    *moved, _ = [(entry.currency, entry.delta * ETHER) for entry in read(explorer_of('eth', key), ME)[1]]
    assert moved == [
        ('eth', 2),
        ('weth', -2),
        ('eth', -5),
        ('weth', 5),
    ]


@each_kind
def test_tokens_given_to_nobody_by_a_transfer_are_gone(upstream: Server, key: str) -> None:
    """Though Blockscout tells withdrawals in the same way."""
    funded = txn(hash='0x' + 'ef' * 32, height=17_000_000, value=9)
    put = txn(sender=ME, receiver=evm.WETH, value=5, wrappings=(evm.Wrapping(evm.WETH, ME, 5),))
    burnt = txn(
        hash='0x' + 'cd' * 32, height=18_000_001, sender=ME, receiver=evm.WETH, transfers=(evm.Transfer(evm.WETH, ME, evm.NOBODY, 2),)
    )
    upstream.tell(evm.World(1, [funded, put, burnt]))
    holdings, entries = read(explorer_of('eth', key), ME)
    assert sums(entries)['weth'] == holdings['weth'].balance == Decimal(3).scaleb(-18)


@each_kind
def test_a_payment_into_the_contract_that_failed_is_no_token(upstream: Server, key: str) -> None:
    upstream.tell(evm.World(1, [txn(value=9), txn(hash='0x' + 'cd' * 32, sender=ME, receiver=evm.WETH, value=5, failed=True)]))
    assert set(sums(read(explorer_of('eth', key), ME)[1])) == {'eth'}


@pytest.mark.parametrize(
    ('chain', 'contract', 'code'),
    [
        ('bnb', '0xbb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c', 'wbnb'),
        ('pol', '0x0d500b1d8e8ef31e21c99d1db9a6444d3adf1270', 'wpol'),
        ('avax', '0xb31f66aa3c1e785363f0875a1b74e27b85fd66c7', 'wavax'),
        ('eth-optimism', '0x4200000000000000000000000000000000000006', 'weth-optimism'),
        ('eth-base', '0x4200000000000000000000000000000000000006', 'weth-base'),
    ],
)
def test_every_copy_of_the_contract_is_known(chain: str, contract: str, code: str) -> None:
    entries = rows.entries(CHAINS[chain], ME, {'txlist': [row(to=contract, L1FeesPaid='0')]})
    assert {entry.currency: entry.delta * ETHER for entry in entries} == {chain: -27, code: 7}


def test_the_contract_of_arbitrum_lists_its_transfers_itself() -> None:
    entries = rows.entries(CHAINS['eth-arbitrum'], ME, {'txlist': [row(to='0x82af49447d8a07e3bd95bd0d56f35241523fbab1')]})
    assert [entry.currency for entry in entries] == ['eth-arbitrum']


def test_what_a_destroyed_contract_leaves_to_the_contract_is_nobodys_token() -> None:
    left = {'hash': HASH, 'blockNumber': '1', 'timeStamp': str(AT), 'from': ME, 'to': evm.WETH, 'value': '7', 'isError': '0'}
    entries = rows.entries(CHAINS['eth'], ME, {'txlistinternal': [left | {'type': 'suicide', 'contractAddress': ''}]})
    assert [(entry.currency, entry.delta * ETHER) for entry in entries] == [('eth', -7)]


# What is listed and did not happen


def test_what_a_call_paid_that_failed_itself_was_not_paid(upstream: Server) -> None:
    """Etherscan lists the inner calls of a reverted call as if each had succeeded."""
    reverted = (
        evm.Inner(ME, evm.CONTRACT, 3, failed=True, trace='0_1'),
        evm.Inner(evm.CONTRACT, ME, 5 * ETHER, undone=True, trace='0_1_0'),
        evm.Inner(evm.CONTRACT, ME, 7, trace='0_10'),
    )
    upstream.tell(evm.World(1, [txn(value=ETHER), txn(hash='0x' + 'cd' * 32, receiver=evm.CONTRACT, inner=reverted)]))
    holdings, entries = read(explorer_of('eth', 'etherscan'), ME)
    assert sums(entries)['eth'] == holdings['eth'].balance == Decimal('1.000000000000000007')


@each_kind
def test_an_inner_call_that_the_balance_shows_to_be_undone_moved_nothing(upstream: Server, key: str) -> None:
    """Nothing in the list says so: the call that was reverted does not concern the address."""
    undone = (evm.Inner(evm.CONTRACT, ME, 5 * ETHER, undone=True, trace='0_1_0'),)
    paid = (evm.Inner(evm.CONTRACT, ME, 7),)
    later = txn(hash='0x' + 'ef' * 32, height=18_000_009, receiver=evm.CONTRACT, inner=paid)
    upstream.tell(
        evm.World(1, [txn(value=ETHER), txn(hash='0x' + 'cd' * 32, height=18_000_005, receiver=evm.CONTRACT, inner=undone), later])
    )
    holdings, entries = read(explorer_of('eth', key), ME)
    assert sums(entries)['eth'] == holdings['eth'].balance == Decimal('1.000000000000000007')
    assert [entry.reference for entry in entries] == [later.hash, HASH]


def test_a_call_is_not_taken_for_undone_unless_it_alone_explains_the_balance(upstream: Server) -> None:
    twice = (evm.Inner(evm.CONTRACT, ME, 5, undone=True), evm.Inner(evm.CONTRACT, ME, 5))
    upstream.tell(evm.World(1, [txn(value=9), txn(hash='0x' + 'cd' * 32, receiver=evm.CONTRACT, inner=twice)]))
    assert sums(read(explorer_of('eth', 'etherscan'), ME)[1]) == {'eth': Decimal(19).scaleb(-18)}


LOG_OF_THE_COIN = '0xfffffffffffffffffffffffffffffffffffffffe'  # EIP-7708


@pytest.mark.parametrize(('chain', 'contract'), [('eth', LOG_OF_THE_COIN), ('pol', '0x0000000000000000000000000000000000001010')])
def test_the_coin_seen_as_a_token_is_not_counted_again(chain: str, contract: str) -> None:
    paid = row(**{'from': evm.STRANGER, 'to': ME})
    entries = rows.entries(CHAINS[chain], ME, {'txlist': [paid], 'tokentx': [paid | {'contractAddress': contract}]})
    assert [(entry.currency, entry.delta * ETHER) for entry in entries] == [(chain, 7)]


# Fees


def test_gas_alone_is_the_fee_where_nothing_else_is_paid() -> None:
    assert entry_of('eth') == (-27, 20)
    assert entry_of('eth-arbitrum') == (-27, 20)


@pytest.mark.parametrize('chain', ['eth-optimism', 'eth-base'])
def test_a_rollups_fee_has_the_part_for_its_data(chain: str) -> None:
    assert entry_of(chain, L1FeesPaid='100') == (-127, 120)


@pytest.mark.parametrize(
    ('chain', 'changes'),
    [
        ('eth-optimism', {}),
        ('eth-base', {'L1FeesPaid': ''}),
        ('eth', {'gasPrice': ''}),
        ('eth', {'type': '3'}),
        ('eth', {'type': '0x3'}),
    ],
)
def test_a_fee_of_which_the_row_lacks_a_part_is_unknown_and_not_in_the_delta(chain: str, changes: dict[str, str]) -> None:
    assert entry_of(chain, **changes) == (-7, None)


@pytest.mark.parametrize('changes', [{}, {'gasPrice': ''}, {'type': '3'}])
def test_a_receiver_pays_no_fee_whatever_the_row_lacks(changes: dict[str, str]) -> None:
    assert entry_of('eth-base', **{'from': evm.STRANGER, 'to': ME}, **changes) == (7, 0)


# Odd numbers


@pytest.mark.parametrize(
    'odd', ['1e9999999999', '1e18', '-7', '7.0', '0x7', '9' * 5_000, '', None, True, 7.0, Decimal('7.5'), [], '\u0667']
)
@pytest.mark.parametrize('name', ['value', 'gasUsed', 'blockNumber', 'timeStamp'])
def test_what_is_no_number_of_units_is_refused(name: str, odd: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        rows.entries(CHAINS['eth'], ME, {'txlist': [row(**{name: odd})]})


@pytest.mark.parametrize('odd', ['-1', '1.5', '1e3', '0x1', '9' * 100, ''])
def test_a_balance_that_is_no_number_of_units_is_a_failure(upstream: Server, odd: str) -> None:
    upstream.answer = lambda request: as_json({'status': '1', 'message': 'OK', 'result': odd})
    with pytest.raises(Upstream, match='returned a balance of an unexpected shape'):
        read(explorer_of('eth', 'etherscan'), ME)
