"""The rules for Bitcoin Cash addresses, against the published vectors of CashAddr and of its types that take tokens."""

import pytest
from embit import base58, bech32
from hypothesis import given
from hypothesis import strategies as st

from tests.support import addresses
from tests.support.addresses import is_legacy, normalise, typing_errors

VECTORS = addresses.vectors('cashaddr')
SIZED = VECTORS['sized'] + VECTORS['tokens']['sized']
FORMS = {(0, 20): 0, (1, 20): 1, (1, 32): 1, (2, 20): 0, (3, 20): 1, (3, 32): 1}  # to the type without tokens
OURS = [row for row in SIZED if row['address'].startswith('bitcoincash:') and (row['type'], row['size']) in FORMS]
OTHERS = [row['address'] for row in SIZED if row not in OURS]
P2PKH, P2SH, P2SH32 = (
    next(bare for bare in (row['address'].split(':')[1] for row in OURS) if bare[:2] in start)
    for start in (('qr', 'qp', 'qz'), ('pp', 'pr', 'pz'), ('pv', 'pd', 'pw'))
)


def refusal(text):
    return addresses.refusal('bch', text)


def plain_of(row):
    """The published address of the same script that takes no tokens, without its prefix."""
    wanted = (FORMS[row['type'], row['size']], row['hash'])
    return next(other['address'].split(':')[1] for other in OURS if (other['type'], other['hash']) == wanted)


@pytest.mark.parametrize('row', OURS, ids=lambda row: row['address'])
def test_every_form_of_a_published_address_becomes_the_one_that_takes_no_tokens_without_prefix(row):
    bare = row['address'].split(':')[1]
    forms = (row['address'], row['address'].upper(), bare, bare.upper(), f' {row["address"]}?amount=1 ')
    assert {normalise('bch', form) for form in forms} == {plain_of(row)}


def test_the_published_vectors_hold_types_with_and_without_tokens():
    assert {row['type'] for row in OURS} == {0, 1, 2, 3}


@pytest.mark.parametrize(('legacy', 'address'), VECTORS['legacy'])
def test_a_legacy_address_becomes_its_cashaddr(legacy, address):
    bare = address.removeprefix('bitcoincash:')
    assert normalise('bch', legacy) == normalise('bch', f'bitcoincash:{legacy}') == normalise('bch', address) == bare


@pytest.mark.parametrize('address', OTHERS + VECTORS['without_payload'])
def test_the_published_addresses_of_other_networks_types_and_sizes_are_refused(address):
    refusal(address)


@pytest.mark.parametrize('address', [address for address in OTHERS if address.startswith(('bchtest:', 'bchreg:'))])
def test_an_address_of_a_test_network_is_refused_as_one(address):
    assert 'test network' in refusal(address)


@pytest.mark.parametrize('address', ['ecash:qzg7fqptr7sxtgngrskvrh5qgm28ycx4v5mwzgldd7', 'qzg7fqptr7sxtgngrskvrh5qgm28ycx4v5mwzgldd7'])
def test_an_address_of_ecash_is_refused(address):
    refusal(address)


@pytest.mark.parametrize('version', [0x6F, 0xC4, 0x30, 0x32, 0x1E, 0x1C, 0x28])
def test_a_base58_address_with_the_version_of_another_network_is_refused(version):
    assert 'another currency' in refusal(base58.encode_check(bytes([version]) + bytes(20)))


def test_a_base58_payload_of_another_length_is_refused():
    refusal(base58.encode_check(bytes(22)))


def test_bits_left_over_must_be_zero():
    assert 'character' in refusal('qqqqzqsrqszsvpcgpy9qkrqdpc83qygjzdts9jxwcr')


def test_a_segwit_address_of_bitcoin_is_refused():
    assert 'another currency' in refusal(bech32.encode('bc', 0, bytes(20)))


@pytest.mark.parametrize('address', [P2PKH[:20] + P2PKH[20:].upper(), P2PKH[0].upper() + P2PKH[1:]])
def test_an_address_in_mixed_case_is_refused(address):
    assert 'case' in refusal(address)


@pytest.mark.parametrize('uri', [':{}', 'bitcoincash::{}', 'bitcoincash:bitcoincash:{}', 'bitcoin:{}', 'bitcoincash'])
def test_any_other_uri_is_refused(uri):
    refusal(uri.format(P2PKH))


def test_only_pay_to_public_key_hash_is_legacy():
    assert [address for address in (P2PKH, P2SH, P2SH32) if is_legacy('bch', address)] == [P2PKH]


@given(typing_errors([P2PKH, P2SH, P2SH32, VECTORS['legacy'][0][0], VECTORS['legacy'][3][0]]))
def test_an_address_with_any_one_character_changed_is_refused(address):
    refusal(address)


@given(st.binary(min_size=20, max_size=20), st.sampled_from([0x00, 0x05]))
def test_every_legacy_address_has_a_canonical_form_that_is_its_own(payload, version):
    address = normalise('bch', base58.encode_check(bytes([version]) + payload))
    assert normalise('bch', address) == normalise('bch', f'bitcoincash:{address}') == address


def test_an_address_that_begins_like_an_extended_private_key_is_none():
    """One in 32,768 does."""
    assert normalise('bch', '17T6JpgDVVDBm32ACteAvYEi6qkirxD4jA').startswith('qprv')
