"""The rules for Bitcoin addresses, against the published vectors of BIP-173 and BIP-350."""

import pytest
from embit import base58, bech32
from hypothesis import given
from hypothesis import strategies as st

from tests.support import addresses
from tests.support.addresses import is_legacy, normalise, typing_errors

BIP173, BIP350 = addresses.vectors('segwit_addresses')['bip173'], addresses.vectors('segwit_addresses')['bip350']

P2PKH = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'
P2SH = '3P14159f73E4gFr7JterCCQh9QjiTjiZrG'
P2WPKH = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
P2WSH = 'bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3'
P2TR = 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0'
ALL_FORMS = (P2PKH, P2SH, P2WPKH, P2WSH, P2TR)

HASH = bytes(range(20))
KEY = bytes(range(1, 33))
WIFS = {
    'bitcoin, uncompressed': base58.encode_check(b'\x80' + KEY),
    'bitcoin, compressed': base58.encode_check(b'\x80' + KEY + b'\x01'),
    'testnet, uncompressed': base58.encode_check(b'\xef' + KEY),
    'testnet, compressed': base58.encode_check(b'\xef' + KEY + b'\x01'),
    'litecoin, compressed': base58.encode_check(b'\xb0' + KEY + b'\x01'),
    'dogecoin, compressed': base58.encode_check(b'\x9e' + KEY + b'\x01'),
}


def is_mainnet(address):
    return address[:3].lower() == 'bc1'


def base58check(version, payload=HASH):
    return base58.encode_check(bytes([version]) + payload)


def extended_key(version):
    return base58.encode_check(bytes.fromhex(version) + b'\x00' * 9 + KEY + b'\x02' + KEY)


def refusal(text):
    return addresses.refusal('btc', text)


@pytest.mark.parametrize('address', ALL_FORMS)
def test_a_canonical_address_is_left_as_it_is(address):
    assert normalise('btc', address) == address


@pytest.mark.parametrize('address', [address for address in BIP350['valid'] if is_mainnet(address)])
def test_the_valid_mainnet_addresses_of_bip350_are_accepted_in_lower_case(address):
    assert normalise('btc', address) == address.lower()


@pytest.mark.parametrize('address', [address for address in BIP350['valid'] + BIP173['valid'] if address.startswith('tb1')])
def test_the_valid_testnet_addresses_of_the_bips_are_refused_as_another_network(address):
    assert 'test network' in refusal(address)


@pytest.mark.parametrize('address', BIP350['invalid'] + BIP173['invalid'])
def test_the_invalid_addresses_of_the_bips_are_refused(address):
    refusal(address)


@pytest.mark.parametrize('text', BIP350['not_addresses'] + BIP173['not_addresses'])
def test_the_other_bech32_strings_of_the_bips_are_refused(text):
    refusal(text)


@pytest.mark.parametrize('address', [address for address in BIP173['valid'] if is_mainnet(address) and address[3] not in 'qQ'])
def test_a_later_witness_version_with_the_first_bech32_checksum_is_refused(address):
    refusal(address)


@pytest.mark.parametrize('length', [2, 20, 26, 40])
def test_a_later_witness_version_may_carry_two_to_forty_bytes(length):
    address = bech32.encode('bc', 2, [7] * length)
    assert normalise('btc', address) == address


@pytest.mark.parametrize('address', [P2WPKH, P2WSH, P2TR])
def test_an_upper_case_segwit_address_is_the_lower_case_one(address):
    assert normalise('btc', address.upper()) == address


@pytest.mark.parametrize('address', ['BC1' + P2WPKH[3:], 'Bc1' + P2WPKH[3:], 'bc1' + P2WPKH[3:].upper(), P2WPKH[:-2] + 'T4'])
def test_a_segwit_address_in_mixed_case_is_refused(address):
    assert 'case' in refusal(address)


@pytest.mark.parametrize('address', [P2PKH, P2SH])
@pytest.mark.parametrize('change_case', [str.lower, str.upper])
def test_the_case_of_a_base58_address_counts(address, change_case):
    refusal(change_case(address))


@pytest.mark.parametrize('space', [' ', '\n', '\r\n', '\t', '\u00a0'])
def test_whitespace_around_an_address_is_dropped(space):
    assert normalise('btc', f'{space}{P2PKH}{space}') == P2PKH


@pytest.mark.parametrize('address', [P2PKH, P2WPKH])
@pytest.mark.parametrize('inside', [' ', '\n', '\u200b', '\x00', '\u0131', '\u212a'])
def test_whitespace_and_foreign_letters_inside_an_address_are_refused(address, inside):
    refusal(address[:10] + inside + address[10:])


@pytest.mark.parametrize('uri', ['bitcoin:{}', 'BITCOIN:{}', 'Bitcoin:{}?amount=0.5&label=rent', '{}?amount=1', ' bitcoin:{} '])
@pytest.mark.parametrize('address', [P2PKH, P2WPKH])
def test_a_payment_uri_is_reduced_to_its_address(uri, address):
    assert normalise('btc', uri.format(address)) == address


def test_an_upper_case_payment_uri_holds_the_lower_case_address():
    assert normalise('btc', f'BITCOIN:{P2WPKH.upper()}?AMOUNT=1') == P2WPKH


@pytest.mark.parametrize('uri', ['litecoin:{}', 'bitcoin:bitcoin:{}', 'bitcoin://{}', 'bitcoin: {}', 'bitcoin:?a={}', 'bitcoincash:{}'])
def test_any_other_uri_is_refused(uri):
    refusal(uri.format(P2PKH))


@pytest.mark.parametrize('text', ['', ' ', '?', 'bitcoin:', '1', 'bc1', '1' * 34, '3QJmnh', 'satoshi', '0x' + 'ab' * 20])
def test_what_is_no_address_at_all_is_refused(text):
    refusal(text)


@pytest.mark.parametrize('length', [301, 200_000])
def test_a_very_long_text_is_refused_without_being_decoded(monkeypatch, length):
    decoded = addresses.count_decoded(monkeypatch)
    refusal('z' * length)
    assert decoded == [[], [], []]
    refusal('z' * 300)
    assert decoded != [[], [], []]


@pytest.mark.parametrize('version', [0x6F, 0xC4, 0x30, 0x32, 0x1E, 0x16, 0x4C, 0x01, 0xFF])
def test_a_base58_address_with_the_version_of_another_network_is_refused(version):
    assert 'another currency' in refusal(base58check(version))


@pytest.mark.parametrize('prefix', ['tb', 'bcrt', 'ltc', 'tltc', 'vtc'])
def test_a_segwit_address_with_the_prefix_of_another_network_is_refused(prefix):
    assert 'another currency' in refusal(bech32.encode(prefix, 0, HASH))


@pytest.mark.parametrize('version', [0x00, 0x05])
@pytest.mark.parametrize('length', [0, 19, 21, 32])
def test_a_base58_payload_of_another_length_is_refused(version, length):
    refusal(base58check(version, bytes(length)))


@pytest.mark.parametrize('address', [P2PKH, P2SH])
def test_a_base58_address_with_a_missing_or_doubled_character_is_refused(address):
    for mutilated in (address[1:], address[:-1], address[0] + address, address + address[-1]):
        refusal(mutilated)


@pytest.mark.parametrize('wif', WIFS.values(), ids=WIFS.keys())
def test_a_private_key_is_refused_as_one(wif):
    assert 'private key: never share it' in refusal(wif)


def test_a_mistyped_private_key_is_still_called_one():
    wif = WIFS['bitcoin, compressed']
    assert 'private key: never share it' in refusal(wif[:-1] + ('1' if wif[-1] != '1' else '2'))


@pytest.mark.parametrize('version', ['0488ade4', '049d7878', '04b2430c', '04358394'])
def test_an_extended_private_key_is_refused_as_a_private_key(version):
    assert 'private key: never share it' in refusal(extended_key(version))


@pytest.mark.parametrize('version', ['0488b21e', '049d7cb2', '04b24746'])
def test_what_is_no_point_on_the_curve_is_no_extended_public_key(version):
    assert 'not a valid address' in refusal(extended_key(version))


def test_a_segwit_address_as_long_as_a_private_key_is_an_address():
    address = bech32.encode('bc', 2, [7] * 26)
    assert len(address) == len(WIFS['bitcoin, compressed'])
    assert normalise('btc', address) == address


def test_a_foreign_segwit_address_as_long_as_a_private_key_is_not_called_one():
    assert 'another currency' in refusal(bech32.encode('tb', 2, [7] * 26))


def test_only_pay_to_public_key_hash_is_legacy():
    assert [address for address in ALL_FORMS if is_legacy('btc', address)] == [P2PKH]


@given(typing_errors(ALL_FORMS))
def test_an_address_with_any_one_character_changed_is_refused(address):
    refusal(address)


@given(st.binary(min_size=20, max_size=20), st.sampled_from([0x00, 0x05]))
def test_every_hash_has_a_base58_address_that_is_its_own_canonical_form(payload, version):
    address = base58check(version, payload)
    assert normalise('btc', f'bitcoin:{address}') == address
