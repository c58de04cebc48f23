"""What an HD wallet is called, how far it is looked for, and its parts told as one."""

import hashlib
from decimal import Decimal

import pytest
from embit import base58

from chalicelib.domain import hd_wallets
from chalicelib.domain.addresses.derivation import ScriptBranches
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.hd_wallets import Flow, SourcedEntry
from chalicelib.domain.ledger_keys import AddressKey, HdWalletKey, LedgerKind
from chalicelib.domain.ledgers import Entry, Holding
from tests.support import addresses

KEYS = sorted({(row['currency'], row['key']) for row in addresses.vectors('extended_keys')['derived']})
ZPUB = next(key for currency, key in KEYS if currency == 'btc' and key.startswith('zpub'))
ADDRESS = 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu'
UNUSED = Holding('btc', Decimal(0), Decimal(0), Decimal(0), 0, Decimal(0))


def told(delta: str, fee: str | None = '0', *, reference: str = 'a', at: int = 5, height: int = 7, source: str = 'mempool') -> SourcedEntry:
    return SourcedEntry(Entry(reference, 0, 'btc', Decimal(delta), None if fee is None else Decimal(fee), at, height), source)


def test_an_address_is_shown_and_named_as_it_is() -> None:
    assert hd_wallets.identify('btc', ADDRESS) == (ADDRESS, AddressKey('btc', ADDRESS), ())


@pytest.mark.parametrize(('currency', 'key'), KEYS)
def test_of_a_key_only_the_beginning_and_the_end_are_shown(currency: str, key: str) -> None:
    found = hd_wallets.identify(currency, key)
    assert found.shown == f'{key[:12]}…{key[-8:]}'
    assert found.key.kind is LedgerKind.HD_WALLET
    assert key[4:] not in repr(found)


def test_a_key_is_another_hd_wallet_in_another_currency_and_one_hd_wallet_with_any_version() -> None:
    payload = base58.decode_check(ZPUB)[4:]
    respelled = [base58.encode_check(bytes.fromhex(version) + payload) for version in ('0488b21e', '049d7cb2', '04b24746')]
    names = {hd_wallets.identify('btc', key).key.text for key in respelled}
    litecoins = {hd_wallets.identify('ltc', key).key.text for key in (*respelled, base58.encode_check(bytes.fromhex('019da462') + payload))}
    assert len(names) == len(litecoins) == 1
    assert {name.split('wallet-')[1] for name in names}.isdisjoint(name.split('wallet-')[1] for name in litecoins)
    assert all(len(name.split('#')[2]) == len('wallet-') + 40 for name in names | litecoins)


def test_the_names_that_earlier_releases_gave_an_hd_wallet_are_known() -> None:
    name = 'wallet-' + hashlib.sha256(f'btc{ZPUB}'.encode()).hexdigest()[:40]
    assert HdWalletKey('btc', name) in hd_wallets.identify('btc', ZPUB).formerly


@pytest.mark.parametrize('currency', ['btc', 'ltc', 'doge'])
def test_no_address_is_called_like_an_hd_wallet(currency: str) -> None:
    assert hd_wallets.identify(currency, ADDRESS).key.kind is LedgerKind.ADDRESS


@pytest.mark.parametrize(
    ('used', 'expected'),
    [
        ([], 20),
        ([False] * 20, 20),
        ([True] + [False] * 19, 21),
        ([False] * 19 + [True], 40),
        ([True] * 3 + [False] * 20, 23),
        ([False] * 40, 40),
    ],
)
def test_a_branch_reaches_twenty_beyond_the_last_used_address_and_never_back(used: list[bool], expected: int) -> None:
    assert hd_wallets.reach(used) == expected


def kinds() -> tuple[ScriptBranches, ...]:
    return CHAINS['btc'].hd_wallet(ZPUB).kinds


def test_the_meant_kind_is_derived_on_both_branches_and_the_others_on_the_first_until_they_are_used() -> None:
    names = [branch.name for kind in kinds() for branch in kind.branches]
    unused = hd_wallets.reach_of_branches(kinds(), dict.fromkeys(names, ()))
    assert unused.counts == dict.fromkeys(names, 0) | {'p2wpkh/0': 20, 'p2wpkh/1': 20, 'p2sh-p2wpkh/0': 20, 'p2pkh/0': 20, 'p2tr/0': 20}
    used = {name: [False] * count for name, count in unused.counts.items()} | {'p2tr/0': [False, True, *([False] * 18)]}
    assert hd_wallets.reach_of_branches(kinds(), used, 30).counts == {
        'p2wpkh/0': 30, 'p2wpkh/1': 30, 'p2sh-p2wpkh/0': 30, 'p2sh-p2wpkh/1': 0, 'p2pkh/0': 30, 'p2pkh/1': 0, 'p2tr/0': 32, 'p2tr/1': 30,
    }  # fmt: skip


def test_an_hd_wallet_has_no_more_addresses_than_it_may_and_says_so() -> None:
    names = [branch.name for kind in kinds() for branch in kind.branches]
    used = dict.fromkeys(names, ()) | {'p2wpkh/0': [True] * 9_500}
    reach = hd_wallets.reach_of_branches(kinds(), used, 1_000)
    assert reach.is_capped
    assert sum(reach.counts.values()) == hd_wallets.MOST_DERIVED
    assert not hd_wallets.reach_of_branches(kinds(), dict.fromkeys(names, ()), 1_000).is_capped


@pytest.mark.parametrize('name', ['balance', 'sent', 'received', 'transactions', 'unconfirmed'])
def test_an_address_is_used_once_anything_happened_to_it(name: str) -> None:
    assert hd_wallets.is_used([UNUSED._replace(**{name: 1})])


@pytest.mark.parametrize('holding', [UNUSED, Holding('btc', Decimal(0), None, None, None)])
def test_an_address_to_which_nothing_happened_is_not_used(holding: Holding) -> None:
    assert not hd_wallets.is_used([holding])
    assert not hd_wallets.is_used([])


def test_a_transaction_of_two_own_addresses_with_change_is_one_entry_with_its_fee_once() -> None:
    [merged] = hd_wallets.merge([told('-3', '0.1'), told('-2', '0.1'), told('1.4')]).values()
    assert (merged.entry.delta, merged.entry.fee) == (Decimal('-3.6'), Decimal('0.1'))


def test_what_was_sent_is_summed_to_the_digit() -> None:
    sent = Decimal('12345678901.123456789012345678')
    assert hd_wallets.flow([told(f'-{sent}').entry]).sent == sent


def test_a_transfer_inside_the_hd_wallet_costs_the_fee_and_nothing_else() -> None:
    [merged] = hd_wallets.merge([told('-3', '0.1'), told('2.9')]).values()
    assert merged.entry.delta == -merged.entry.fee == Decimal('-0.1')


@pytest.mark.parametrize(
    ('fees', 'expected'),
    [
        (('0', '0'), '0'),
        ((None, '0'), None),
        (('0', None, '0.2'), '0.2'),
        ((None, None), None),
        (('0.2', None), '0.2'),
        ((None, '0', '0'), None),
    ],
)
def test_a_fee_is_known_if_any_part_knows_it_and_none_only_if_all_do(fees: tuple[str | None, ...], expected: str | None) -> None:
    for order in (fees, fees[::-1]):
        [merged] = hd_wallets.merge(told('1', fee) for fee in order).values()
        assert merged.entry.fee == (None if expected is None else Decimal(expected))


def test_times_and_heights_that_differ_do_not_depend_on_the_order() -> None:
    both = [told('1', at=5, height=8), told('1', at=6, height=7)]
    assert {next(iter(hd_wallets.merge(order).values())).entry[-2:] for order in (both, both[::-1])} == {(5, 8)}


def test_what_several_explorers_told_is_ours() -> None:
    assert hd_wallets.source(['mempool', 'mempool']) == 'mempool'
    assert hd_wallets.source(['mempool', 'blockstream']) == 'cryptfolio'
    assert hd_wallets.source([]) == hd_wallets.source([None]) == 'cryptfolio'
    [merged] = hd_wallets.merge([told('1'), told('1', source='blockstream')]).values()
    assert merged.source == 'cryptfolio'


def test_what_came_in_less_what_went_out_is_the_sum() -> None:
    merged = hd_wallets.merge([told('5'), told('-2', '0.1', reference='b'), told('-1', '0.1', reference='c'), told('0.9', reference='c')])
    assert hd_wallets.flow(one.entry for one in merged.values()) == Flow(3, Decimal('2.1'), Decimal(5))


def test_what_is_unconfirmed_is_known_only_if_it_is_known_of_each_part() -> None:
    flow = Flow(0, Decimal(0), Decimal(0))
    derived = [UNUSED._replace(unconfirmed=Decimal(1)), UNUSED._replace(unconfirmed=Decimal('-0.5'))]
    assert hd_wallets.merge_holdings('btc', derived, flow).unconfirmed == Decimal('0.5')
    assert hd_wallets.merge_holdings('btc', [*derived, UNUSED._replace(unconfirmed=None)], flow).unconfirmed is None
