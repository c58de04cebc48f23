"""The keys of ledgers and their texts, which stored data, messages and policies depend on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ledger_keys import AccountKey, AddressKey, HdWalletKey, LedgerKey, LedgerKind, is_ledger_key, parse

ADDRESS = 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu'
HD_WALLET = 'wallet-0123456789abcdef0123456789abcdef01234567'
STORED: list[tuple[str, LedgerKey, LedgerKind]] = [
    (f'LEDGER#btc#{ADDRESS}', AddressKey('btc', ADDRESS), LedgerKind.ADDRESS),
    (f'LEDGER#ltc#{HD_WALLET}', HdWalletKey('ltc', HD_WALLET), LedgerKind.HD_WALLET),
    ('LEDGER#ACCOUNT#u1#000002#000034', AccountKey('u1', 2, 34), LedgerKind.ACCOUNT),
]
WORDS = st.text('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:', min_size=1)
IDS = st.integers(1, 10**7)
KEYS = st.one_of(
    st.builds(AddressKey, st.sampled_from(['btc', 'ltc', 'eth']), WORDS),
    st.builds(HdWalletKey.of_secret, st.sampled_from(['btc', 'ltc']), WORDS),
    st.builds(AccountKey, WORDS, IDS, IDS),
)


@pytest.mark.parametrize(('text', 'key', 'kind'), STORED)
def test_the_text_of_each_kind_is_as_it_is_stored(text: str, key: LedgerKey, kind: LedgerKind) -> None:
    assert key.text == text
    assert parse(text) == key
    assert key.kind is kind


@given(KEYS)
def test_parsing_is_the_inverse_of_the_text(key: LedgerKey) -> None:
    assert parse(key.text) == key
    assert is_ledger_key(key.text)


@given(KEYS, KEYS)
def test_different_keys_have_different_texts(one: LedgerKey, other: LedgerKey) -> None:
    assert (one.text == other.text) == (one == other)


@pytest.mark.parametrize('text', ['USER#u1', '', 'LEDGER#', 'LEDGER#btc', 'LEDGER#btc#a#b', 'LEDGER#ACCOUNT#u1', 'LEDGER#ACCOUNT#u1#x#y'])
def test_what_is_no_key_of_a_ledger_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='not the key of a ledger'):
        parse(text)


def test_a_chain_is_known_of_addresses() -> None:
    assert AddressKey('btc', ADDRESS).chain.currency == 'btc'


@pytest.mark.parametrize(
    ('key', 'coin', 'is_account'),
    [(AddressKey('eth', '0x1'), 'eth', False), (HdWalletKey('btc', HD_WALLET), 'btc', False), (AccountKey('u1', 2, 34), None, True)],
)
def test_an_account_alone_has_no_coin_may_owe_and_is_whole_without_its_past(key: LedgerKey, coin: str | None, is_account: bool) -> None:
    assert (key.coin, key.may_owe, key.is_whole_without_past) == (coin, is_account, is_account)
    assert key.coin is None if key.holdable is None else key.coin in key.holdable
