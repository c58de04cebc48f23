"""The rules for Litecoin, Dogecoin and Dash: which of the forms they share with Bitcoin are theirs."""

import pytest
from embit import base58, bech32
from hypothesis import given

from tests.support import addresses
from tests.support.addresses import is_legacy, normalise, refusal, typing_errors

VECTORS = addresses.vectors('addresses')
SEGWIT = next(row['addresses'] for row in addresses.vectors('extended_keys')['derived'] if row['addresses'][0].startswith('ltc1'))
HASH = bytes(range(20))
TAPROOT = bech32.encode('ltc', 1, [7] * 32)
BASE58 = [(currency, address) for currency in ('ltc', 'doge', 'dash') for address in VECTORS[currency]['main']]
VERSIONS = {'btc': (0x00, 0x05), 'ltc': (0x30, 0x32), 'doge': (0x1E, 0x16), 'dash': (0x4C, 0x10)}
SCHEMES = {'ltc': 'litecoin', 'doge': 'dogecoin', 'dash': 'dash'}


@pytest.mark.parametrize(('currency', 'address'), BASE58)
def test_a_base58_address_is_left_as_it_is(currency, address):
    assert normalise(currency, address) == address


@pytest.mark.parametrize('address', [*SEGWIT, TAPROOT])
def test_a_segwit_address_of_litecoin_is_accepted_in_lower_case(address):
    assert normalise('ltc', address.upper()) == normalise('ltc', address) == address


@pytest.mark.parametrize('address', ['LTC1' + SEGWIT[0][4:], SEGWIT[0][:-1] + SEGWIT[0][-1].upper()])
def test_a_segwit_address_of_litecoin_in_mixed_case_is_refused(address):
    assert 'case' in refusal('ltc', address)


@pytest.mark.parametrize(('version', 'encoding'), [(0, bech32.Encoding.BECH32M), (1, bech32.Encoding.BECH32)])
def test_a_segwit_address_of_litecoin_with_the_checksum_of_another_version_is_refused(version, encoding):
    refusal('ltc', bech32.bech32_encode(encoding, 'ltc', [version, *bech32.convertbits(bytes(32), 8, 5)]))


@pytest.mark.parametrize('currency', ['ltc', 'doge', 'dash'])
def test_an_address_of_the_test_network_is_refused(currency):
    for address in VECTORS[currency]['test']:
        assert 'test network' in refusal(currency, address)


def test_a_segwit_address_of_litecoins_test_network_is_refused():
    assert 'test network' in refusal('ltc', bech32.encode('tltc', 0, HASH))


@pytest.mark.parametrize('currency', ['ltc', 'doge', 'dash'])
@pytest.mark.parametrize('other', VERSIONS)
def test_the_version_byte_tells_the_currencies_apart(currency, other):
    for version in VERSIONS[other]:
        address = base58.encode_check(bytes([version]) + HASH)
        assert addresses.accepted(currency, address) == (address if currency == other else None)


@pytest.mark.parametrize('currency', ['doge', 'dash'])
@pytest.mark.parametrize('prefix', ['bc', 'ltc', 'doge', 'dash'])
def test_a_segwit_address_is_refused_where_there_is_no_segwit(currency, prefix):
    assert 'another currency' in refusal(currency, bech32.encode(prefix, 0, HASH))


def test_a_script_address_of_litecoin_that_may_be_one_of_bitcoin_is_refused_with_its_other_form():
    assert 'begins with M' in refusal('ltc', base58.encode_check(b'\x05' + HASH))


def test_a_mistyped_script_address_that_may_be_one_of_bitcoin_is_just_mistyped():
    assert 'character' in refusal('ltc', base58.encode_check(b'\x05' + HASH)[:-1] + '1')


@pytest.mark.parametrize('change_case', [str.lower, str.upper])
def test_an_mweb_address_is_refused_as_what_cannot_be_seen(change_case):
    address = bech32.bech32_encode(bech32.Encoding.BECH32, 'ltcmweb', [0, *bech32.convertbits(bytes(range(66)), 8, 5)])
    assert 'MWEB' in refusal('ltc', change_case(address))


@pytest.mark.parametrize('currency', ['ltc', 'doge', 'dash'])
def test_a_payment_uri_is_reduced_to_its_address(currency):
    address = VECTORS[currency]['main'][0]
    scheme = SCHEMES[currency]
    for uri in (f'{scheme}:{address}', f'{scheme.upper()}:{address}?amount=1.5&label=x', f' {address}?amount=1\n'):
        assert normalise(currency, uri) == address


@pytest.mark.parametrize('currency', ['ltc', 'doge', 'dash'])
def test_a_payment_uri_of_another_currency_is_refused(currency):
    refusal(currency, 'bitcoin:' + VECTORS[currency]['main'][0])


def test_only_pay_to_public_key_hash_is_legacy():
    legacy = [address for currency, address in BASE58 if is_legacy(currency, address)]
    assert {address[0] for address in legacy} == {'L', 'D', 'X'}
    assert not is_legacy('ltc', SEGWIT[0])


@given(typing_errors([address for _, address in BASE58] + SEGWIT))
def test_an_address_with_any_one_character_changed_is_refused(error):
    for currency in ('ltc', 'doge', 'dash'):
        refusal(currency, error)
