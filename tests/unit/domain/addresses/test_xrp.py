"""The rules for addresses of the XRP Ledger, against the published vectors of X-addresses."""

import pytest
from embit import base58
from hypothesis import given
from hypothesis import strategies as st

from tests.support import addresses
from tests.support.addresses import normalise, typing_errors

VECTORS = addresses.vectors('xrp_addresses')['addresses']
CLASSIC = sorted({row['classic'] for row in VECTORS})
X = [row['x'] for row in VECTORS if row['tag'] is None]
BITCOINS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
OWN = 'rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz'


def encoded(payload):
    return base58.encode_check(payload).translate(str.maketrans(BITCOINS, OWN))


def refusal(text):
    return addresses.refusal('xrp', text)


@pytest.mark.parametrize('address', [*CLASSIC, 'rrrrrrrrrrrrrrrrrrrrrhoLvTp', 'rrrrrrrrrrrrrrrrrrrrBZbvji'])
def test_a_classic_address_is_left_as_it_is(address):
    assert normalise('xrp', address) == address


@pytest.mark.parametrize('row', [row for row in VECTORS if row['tag'] is None], ids=lambda row: row['x'])
def test_an_x_address_without_a_tag_becomes_its_classic_address(row):
    assert normalise('xrp', row['x']) == row['classic']


@pytest.mark.parametrize('row', [row for row in VECTORS if row['tag'] is not None], ids=lambda row: row['x'])
def test_an_x_address_with_a_tag_is_refused_as_one_customer_of_an_account(row):
    assert 'tag' in refusal(row['x'])


@pytest.mark.parametrize('row', VECTORS, ids=lambda row: row['x_test'])
def test_an_x_address_of_the_test_network_is_refused(row):
    assert 'test network' in refusal(row['x_test'])


@pytest.mark.parametrize(
    'end',
    ['020000000000000000', '000100000000000000', '000000000000000001', '010100000000000001', '0100000000', '01000000000000000000'],
)
def test_an_x_address_with_an_unknown_flag_or_bytes_that_must_be_zero_is_refused(end):
    refusal(encoded(b'\x05\x44' + bytes(20) + bytes.fromhex(end)))


@pytest.mark.parametrize('uri', ['xrpl:{}', 'ripple:{}', 'XRPL:{}', 'xrpl:{}?amount=10', ' {}?dt= '])
def test_a_payment_uri_is_reduced_to_its_address(uri):
    assert normalise('xrp', uri.format(CLASSIC[0])) == CLASSIC[0]


@pytest.mark.parametrize('uri', ['{}?dt=123', 'xrpl:{}?amount=10&dt=0', 'RIPPLE:{}?DT=7'])
@pytest.mark.parametrize('address', [CLASSIC[0], X[0]])
def test_a_payment_uri_with_a_destination_tag_is_refused(uri, address):
    assert 'tag' in refusal(uri.format(address))


@pytest.mark.parametrize('version', [0x1C, 0x23, 0x01])
def test_other_things_in_the_same_alphabet_are_refused(version):
    refusal(encoded(bytes([version]) + bytes(range(20))))


@pytest.mark.parametrize('length', [0, 19, 21, 33])
def test_a_payload_of_another_length_is_refused(length):
    refusal(encoded(b'\x00' + bytes(length)))


def test_an_address_in_the_alphabet_of_bitcoin_is_refused_as_one_of_another_currency():
    assert 'another currency' in refusal('1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu')


@given(typing_errors(CLASSIC + X))
def test_an_address_with_any_one_character_changed_is_refused(address):
    refusal(address)


@given(st.binary(min_size=20, max_size=20))
def test_both_forms_of_every_account_are_the_classic_one(account):
    classic = encoded(b'\x00' + account)
    assert normalise('xrp', encoded(b'\x05\x44' + account + bytes(9))) == normalise('xrp', classic) == classic
