"""The rules for addresses of Stellar, against the published strkeys of SEP-23."""

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import addresses
from tests.support.addresses import normalise, typing_errors

STRKEYS = addresses.vectors('strkeys')
VALID = {key: [strkey for strkey in STRKEYS['valid'] if strkey[0] == key] for key in 'GMPCLB'}
(ACCOUNT,) = VALID['G']


def refusal(text):
    return addresses.refusal('xlm', text)


def strkey(version, payload):
    body = bytes([version]) + payload
    return base64.b32encode(body + binascii.crc_hqx(body, 0).to_bytes(2, 'little')).decode().rstrip('=')


def test_an_accounts_address_is_left_as_it_is():
    assert normalise('xlm', ACCOUNT) == ACCOUNT


@pytest.mark.parametrize('address', VALID['M'])
def test_a_muxed_address_is_refused_as_one_customer_of_an_account(address):
    assert 'shared account' in refusal(address)


@pytest.mark.parametrize('address', [*VALID['P'], *VALID['C'], *VALID['L'], *VALID['B']])
def test_a_valid_strkey_that_is_no_account_is_refused_as_such(address):
    assert 'not the address of an account' in refusal(address)


@pytest.mark.parametrize('address', STRKEYS['invalid'])
def test_the_invalid_strkeys_of_sep23_are_refused(address):
    refusal(address)


@pytest.mark.parametrize('length', [0, 31, 33])
def test_an_account_with_a_key_of_another_length_is_refused(length):
    assert 'character' in refusal(strkey(6 << 3, bytes(length)))


@pytest.mark.parametrize(
    'text', [ACCOUNT.lower(), ACCOUNT + '=', ACCOUNT + '=' * 8, 'G' + ACCOUNT, ACCOUNT[1:], '', 'pay', 'jed*stellar.org']
)
def test_what_is_no_address_is_refused(text):
    refusal(text)


@pytest.mark.parametrize('uri', ['web+stellar:pay?destination={}&amount=120', 'WEB+STELLAR:pay?amount=1&destination={}', ' {} '])
def test_a_payment_request_is_reduced_to_its_destination(uri):
    assert normalise('xlm', uri.format(ACCOUNT)) == ACCOUNT


@pytest.mark.parametrize('uri', ['web+stellar:pay?destination={}&memo=123&memo_type=MEMO_ID', '{}?memo=1'])
def test_a_payment_request_with_a_memo_is_refused(uri):
    assert 'memo' in refusal(uri.format(ACCOUNT))


@pytest.mark.parametrize('uri', ['web+stellar:tx?xdr={}', 'web+stellar:pay?amount=1', 'stellar:pay?destination={}'])
def test_any_other_request_is_refused(uri):
    refusal(uri.format(ACCOUNT))


@given(typing_errors([ACCOUNT, *VALID['M']]))
def test_an_address_with_any_one_character_changed_is_refused(address):
    refusal(address)


@given(st.binary(min_size=32, max_size=32))
def test_every_key_has_an_address_that_is_its_own_canonical_form(key):
    address = strkey(6 << 3, key)
    assert normalise('xlm', address) == address
