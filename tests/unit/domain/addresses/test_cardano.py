"""The rules for addresses of Cardano, against the published vectors of CIP-19 and addresses of the Byron era."""

import zlib

import pytest
from embit import base58, bech32
from hypothesis import given
from hypothesis import strategies as st

from tests.support import addresses
from tests.support.addresses import normalise, typing_errors

CIP19 = addresses.vectors('cardano_addresses')
PAYMENT = [address for kind, address in CIP19['main'].items() if int(kind) < 8]
STAKE = [address for kind, address in CIP19['main'].items() if int(kind) > 8]
BYRON = CIP19['byron']
ROOT = b'\x83\x58\x1c' + bytes(range(28))


def refusal(text):
    return addresses.refusal('ada', text)


def shelley(payload, prefix='addr', encoding=bech32.Encoding.BECH32):
    return bech32.bech32_encode(encoding, prefix, bech32.convertbits(payload, 8, 5))


def byron(inner, check=None):
    check = b'\x1a' + zlib.crc32(inner).to_bytes(4, 'big') if check is None else check
    return base58.encode(b'\x82\xd8\x18\x58' + bytes([len(inner)]) + inner + check)


@pytest.mark.parametrize('address', PAYMENT + BYRON['main'])
def test_an_address_that_payments_go_to_is_left_as_it_is(address):
    assert normalise('ada', address) == address


@pytest.mark.parametrize('address', PAYMENT)
def test_an_upper_case_shelley_address_is_the_lower_case_one(address):
    assert normalise('ada', address.upper()) == address


@pytest.mark.parametrize('address', STAKE)
def test_a_stake_address_is_refused_with_what_to_give_instead(address):
    assert 'stake address' in refusal(address)


@pytest.mark.parametrize('address', [*CIP19['test'].values(), *BYRON['test'], byron(ROOT + b'\xa2\x01\x41\x00\x02\x41\x00\x00')])
def test_an_address_of_a_test_network_is_refused(address):
    assert 'test network' in refusal(address)


def test_an_address_whose_bytes_name_a_test_network_is_refused():
    assert 'test network' in refusal(shelley(b'\x60' + bytes(28)))


@pytest.mark.parametrize('address', CIP19['invalid'] + CIP19['keys_and_scripts'] + BYRON['invalid'])
def test_invalid_addresses_and_what_is_no_address_are_refused(address):
    refusal(address)


@pytest.mark.parametrize(
    'payload',
    [b'', b'\x01' + bytes(55), b'\x01' + bytes(57), b'\x61' + bytes(27), b'\x61' + bytes(29), b'\x81' + bytes(28), b'\xe1' + bytes(28)],
)
def test_a_payload_of_another_kind_or_length_is_refused(payload):
    refusal(shelley(payload))


@pytest.mark.parametrize('pointer', ['000000', '8100ff0000', '81802a8f7f00'])
def test_a_pointer_is_three_numbers_of_seven_bits_a_byte(pointer):
    address = shelley(b'\x41' + bytes(28) + bytes.fromhex(pointer))
    assert normalise('ada', address) == address


@pytest.mark.parametrize('pointer', ['', '0000', '00000000', '000081', '80' * 12 + '000000'])
def test_any_other_pointer_is_refused(pointer):
    refusal(shelley(b'\x41' + bytes(28) + bytes.fromhex(pointer)))


def test_a_shelley_address_with_the_later_checksum_is_refused():
    refusal(shelley(b'\x61' + bytes(28), encoding=bech32.Encoding.BECH32M))


@pytest.mark.parametrize('address', ['ADDR1' + PAYMENT[0][5:], PAYMENT[0][:-1] + PAYMENT[0][-1].upper()])
def test_a_shelley_address_in_mixed_case_is_refused(address):
    assert 'case' in refusal(address)


@pytest.mark.parametrize('attributes', ['a0', 'a101581e581c' + '07' * 28, 'a10155' + '54' + '07' * 20])
@pytest.mark.parametrize('kind', ['00', '02'])
def test_a_byron_address_may_carry_a_derivation_path_and_be_for_redemption(attributes, kind):
    address = byron(ROOT + bytes.fromhex(attributes + kind))
    assert normalise('ada', address) == address


@pytest.mark.parametrize('inner', [ROOT[:-1] + b'\xa0\x00', ROOT + b'\xa0\x01', ROOT + b'\xa0', ROOT + b'\xa0\x00\x00', b'\x00', b''])
def test_a_byron_address_of_another_shape_is_refused(inner):
    refusal(byron(inner))


@pytest.mark.parametrize('check', [b'', b'\x1a\x00\x00\x00\x00', b'\x1b' + bytes(8), b'\xff'])
def test_a_byron_address_with_a_wrong_checksum_is_refused(check):
    refusal(byron(ROOT + b'\xa0\x00', check))


@pytest.mark.parametrize(('root', 'check'), [(132_827, '196a0c'), (6_153_619, '18b8'), (2_751_462_306, '05')])
def test_the_checksum_of_a_byron_address_is_as_short_as_cbor_writes_it(root, check):
    inner = b'\x83\x58\x1c' + root.to_bytes(28, 'big') + b'\xa0\x00'
    address = byron(inner, bytes.fromhex(check))
    assert normalise('ada', address) == address
    refusal(byron(inner))


@pytest.mark.parametrize('text', [base58.encode(b'\x82\xd8\x18\x58'), base58.encode(b'\x82\xd8\x18\x58\x05'), 'Ae2', 'addr1', 'addr', ''])
def test_a_beginning_of_an_address_is_refused(text):
    refusal(text)


@pytest.mark.parametrize('uri', ['web+cardano:{}', 'WEB+CARDANO:{}?amount=3.5', ' {} '])
@pytest.mark.parametrize('address', [PAYMENT[0], BYRON['main'][0]])
def test_a_payment_uri_is_reduced_to_its_address(uri, address):
    assert normalise('ada', uri.format(address)) == address


@pytest.mark.parametrize('uri', ['web+cardano://stake?COSD', 'web+cardano://claim/v1?code=x', 'cardano:{}'])
def test_any_other_uri_is_refused(uri):
    refusal(uri.format(PAYMENT[0]))


@given(typing_errors(PAYMENT + BYRON['main']))
def test_an_address_with_any_one_character_changed_is_refused(address):
    refusal(address)


@given(st.binary(min_size=28, max_size=28), st.sampled_from([b'\x61', b'\x71']))
def test_every_hash_has_an_address_that_is_its_own_canonical_form(payload, header):
    address = shelley(header + payload)
    assert normalise('ada', address) == address
