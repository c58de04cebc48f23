"""The rules for addresses of Solana."""

import pytest
from embit import base58
from hypothesis import given
from hypothesis import strategies as st

from tests.support import addresses
from tests.support.addresses import normalise

ADDRESSES = addresses.vectors('addresses')['sol']['main']
SYSTEM_PROGRAM, WRAPPED = '1' * 32, 'So11111111111111111111111111111111111111112'


def refusal(text):
    return addresses.refusal('sol', text)


@pytest.mark.parametrize('address', [*ADDRESSES, SYSTEM_PROGRAM, WRAPPED])
def test_an_address_is_left_as_it_is(address):
    assert normalise('sol', address) == address


@pytest.mark.parametrize('uri', ['solana:{}', 'SOLANA:{}?amount=0.01&label=x&spl-token=y', ' {} '])
def test_a_payment_uri_is_reduced_to_its_recipient(uri):
    assert normalise('sol', uri.format(ADDRESSES[0])) == ADDRESSES[0]


@pytest.mark.parametrize('text', ['solana:https://example.com/solana-pay', 'ethereum:' + ADDRESSES[0], 'bonfida.sol', ''])
def test_any_other_uri_or_name_is_refused(text):
    refusal(text)


@pytest.mark.parametrize('length', [20, 31, 33])
def test_another_number_of_bytes_is_refused(length):
    refusal(base58.encode(b'\x07' * length))


@pytest.mark.parametrize('address', ['1' + ADDRESSES[0], ADDRESSES[0][:-2], '0' + ADDRESSES[0][1:], ADDRESSES[0] + ADDRESSES[0]])
def test_a_mutilated_address_is_refused(address):
    refusal(address)


@pytest.mark.parametrize('address', ['1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'])
def test_an_address_of_bitcoin_is_refused_as_one_of_another_currency(address):
    assert 'another currency' in refusal(address)


@given(st.binary(min_size=32, max_size=32))
def test_every_key_has_an_address_that_is_its_own_canonical_form(key):
    address = base58.encode(key)
    assert normalise('sol', f'solana:{address}') == address
