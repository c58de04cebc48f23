"""The rules for addresses of Ethereum and its like, against the published vectors of EIP-55 and of Keccak-256."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.addresses.keccak import keccak256
from chalicelib.domain.chains import CHAINS
from tests.support import addresses
from tests.support.addresses import accepted, normalise, refusal

EVM_IDS = {
    'eth': 1,
    'etc': 61,
    'pol': 137,
    'bnb': 56,
    'avax': 43114,
    'eth-arbitrum': 42161,
    'eth-optimism': 10,
    'eth-base': 8453,
}
EIP55 = addresses.vectors('eip55')
ADDRESSES = EIP55['all_caps'] + EIP55['all_lower'] + EIP55['normal']
ADDRESS = EIP55['normal'][0]


def test_chain_ids_are_those_of_eip155():
    ids = {code: chain.evm_id for code, chain in CHAINS.items() if chain.evm_id is not None}
    assert ids == EVM_IDS, 'add the chain id from https://chainlist.org to EVM_IDS above'


@pytest.mark.parametrize('address', ADDRESSES)
def test_the_addresses_of_eip55_are_canonical_on_every_chain(address):
    assert {normalise(currency, address) for currency in EVM_IDS} == {address}


@pytest.mark.parametrize('address', ADDRESSES)
def test_an_address_in_one_case_gets_its_checksum(address):
    digits = address[2:]
    forms = (f'0x{digits.lower()}', f'0x{digits.upper()}', f'0X{digits.upper()}')
    assert {normalise('eth', form) for form in forms} == {address}


def test_an_address_with_the_case_of_any_one_letter_changed_is_refused():
    letters = [position for position, letter in enumerate(ADDRESS) if letter.isalpha() and letter != 'x']
    for position in letters:
        refusal('eth', ADDRESS[:position] + ADDRESS[position].swapcase() + ADDRESS[position + 1 :])


def test_an_address_with_any_one_digit_changed_is_refused():
    for position in range(2, len(ADDRESS)):
        for digit in set('0123456789abcdefABCDEF') - {ADDRESS[position]}:
            refusal('eth', ADDRESS[:position] + digit + ADDRESS[position + 1 :])


@pytest.mark.parametrize('text', [ADDRESS[2:], ADDRESS[:-1], ADDRESS + '0', 'xdc' + ADDRESS[2:], '0x' + 'g' * 40, '0x', 'vitalik.eth', ''])
def test_what_is_no_address_is_refused(text):
    refusal('eth', text)


@pytest.mark.parametrize('uri', ['ethereum:{}', 'ETHEREUM:{}', 'ethereum:pay-{}', 'ethereum:{}?value=2.014e18&gas=10', ' {} '])
def test_a_payment_uri_is_reduced_to_its_address(uri):
    assert {normalise(currency, uri.format(ADDRESS)) for currency in EVM_IDS} == {ADDRESS}


@pytest.mark.parametrize('currency', EVM_IDS)
def test_a_payment_uri_may_name_no_chain_but_its_own(currency):
    taken = [chain for chain, number in EVM_IDS.items() if accepted(currency, f'ethereum:{ADDRESS}@{number}?value=1')]
    assert taken == [currency]


@pytest.mark.parametrize('chain', ['11155111', '01', '', '1@1'])
def test_a_payment_uri_with_any_other_chain_is_refused(chain):
    refusal('eth', f'ethereum:{ADDRESS}@{chain}')


@pytest.mark.parametrize('path', ['/transfer', '@1/transfer', '/'])
def test_a_request_to_call_a_contract_is_refused_as_its_address_is_not_the_accounts(path):
    assert 'contract' in refusal('eth', f'ethereum:{ADDRESS}{path}?address=0x8e23ee67d1332ad560396262c48ffbb01f93d052&uint256=1')


@pytest.mark.parametrize('address', addresses.vectors('addresses')['avax_other_chains'])
def test_an_address_of_another_chain_of_avalanche_is_refused(address):
    assert '0x' in refusal('avax', address)
    assert '0x' in refusal('avax', address[2:])


def test_an_address_of_the_chain_that_bnb_left_is_refused():
    assert '0x' in refusal('bnb', 'bnb1grpf0955h0ykzq3ar5nmum7y6gdfl6lxfn46h2')


@given(st.binary(min_size=20, max_size=20))
def test_every_account_has_one_address(account):
    address = normalise('eth', '0x' + account.hex())
    assert address.lower() == '0x' + account.hex()
    assert normalise('eth', address) == address


@pytest.mark.parametrize(
    ('message', 'digest'),
    [
        (b'', 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'),
        (b'abc', '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'),
        (b'testing', '5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02'),
        (bytes(135), '29e3704feeca7fb9ba229f0fa04d9b36449cf3ad6e1d85d9cfff3a10df9abc3e'),
        (bytes(136), '3a5912a7c5faa06ee4fe906253e339467a9ce87d533c65be3c15cb231cdb25f9'),
        (bytes(300), '347b017cb0632f78c0c51dfedd8e31b8d2c31e5bf282c1e8c370e45ef8b0f7f0'),
    ],
)
def test_keccak_256_gives_the_known_digests(message, digest):
    assert keccak256(message).hex() == digest
