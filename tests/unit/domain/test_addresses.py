"""What holds for the addresses of every chain: one canonical form, no stranger's address, no key, and sentences that quote nothing."""

import re
import subprocess
import sys

import pytest
from embit import base58, bech32
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from tests.support import addresses
from tests.support.addresses import accepted, is_legacy, normalise, refusal

P2PKH, P2SH = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', '3P14159f73E4gFr7JterCCQh9QjiTjiZrG'
EVM = [code for code, chain in CHAINS.items() if chain.evm_id is not None]
VECTORS = addresses.vectors('addresses')  # of chains whose addresses have but one form
CANONICAL = {
    **{code: VECTORS[code]['main'] for code in VECTORS if code in CHAINS},
    'btc': [P2PKH, P2SH, 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0'],
    'ltc': [*VECTORS['ltc']['main'], 'ltc1qjmxnz78nmc8nq77wuxh25n2es7rzm5c2rkk4wh'],
    'bch': [address.removeprefix('bitcoincash:') for _, address in addresses.vectors('cashaddr')['legacy']],
    'xrp': sorted({row['classic'] for row in addresses.vectors('xrp_addresses')['addresses']}),
    'xlm': [strkey for strkey in addresses.vectors('strkeys')['valid'] if strkey[0] == 'G'],
    'ada': [addresses.vectors('cardano_addresses')['main']['00'], *addresses.vectors('cardano_addresses')['byron']['main']],
    **dict.fromkeys(EVM, addresses.vectors('eip55')['normal']),
}
CHECKED = [code for code in VECTORS if code in CHAINS and 'test' in VECTORS[code]]  # those with a checksum
ADDRESSES = sorted({address for addresses in CANONICAL.values() for address in addresses})
SHARED = {(P2PKH, 'bch'), (P2SH, 'bch')}  # before their past parted, Bitcoin and Bitcoin Cash had the same addresses
STRANGERS = [(home, currency) for home in CANONICAL for currency in CHAINS if currency != home and not {home, currency} <= set(EVM)]

KEY = bytes(range(1, 33))
WORDS = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about'
SECRETS = {
    **{
        f'{name}, {kind}': base58.encode_check(bytes([version]) + KEY + end)
        for name, version in {'bitcoin': 0x80, 'litecoin': 0xB0, 'dogecoin': 0x9E, 'dash': 0xCC, 'a test network': 0xEF}.items()
        for kind, end in {'uncompressed': b'', 'compressed': b'\x01'}.items()
    },
    'encrypted': '6PRVWUbkzzsbcVac2qwfssoUJAN1Xhrg6bNk8J7Nzm5H7kxEbn2Nh2ZoGg',
    'ethereum': KEY.hex(),
    'ethereum, mistyped': '0x' + KEY.hex()[:-1],
    'ethereum, with 0x': '0x' + KEY.hex().upper(),
    'xrp seed': 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb',
    'xrp seed for ed25519': 'sEdTM1uX8pu2do5XvTnutH6HsouMaM2',
    'xrp account key': 'p9JfM6HHi64m6mvB6v5k7G2b1cXzGmYiCNJf6GHPKvFTWdeRVjh',
    'xrp secret numbers': '399150 474506 009147 088773 432160 282843 253738 605430',
    'stellar seed': 'SAVQKOGHY44KG4BYLXEUAT5542L6FHISIPL5P5OF4VML6S7HHC4CZMYQ',
    'solana': base58.encode(KEY + KEY),
    'solana, as its tools write it': str(list(KEY + KEY)),
    'cardano': bech32.bech32_encode(bech32.Encoding.BECH32, 'addr_xsk', bech32.convertbits(KEY * 3, 8, 5)),
    'cardano, with the longest prefix': bech32.bech32_encode(bech32.Encoding.BECH32, 'ed25519bip32_sk', bech32.convertbits(KEY * 3, 8, 5)),
    'words': WORDS,
    '24 words in upper case over two lines': f'{WORDS}\n{WORDS}'.upper(),
    **addresses.vectors('extended_keys')['private'],
}


@pytest.mark.parametrize('currency', CHAINS)
def test_every_chain_is_tested_with_addresses_and_private_keys_of_its_own(currency):
    assert CANONICAL.get(currency), f'add published addresses of {currency} to vectors/addresses.json'
    own = re.compile(CHAINS[currency].private_keys)
    assert any(own.fullmatch(secret) for secret in SECRETS.values()), f'add a published private key of {currency} to SECRETS above'


@pytest.mark.parametrize('currency', CHAINS)
def test_a_canonical_address_is_left_as_it_is_but_for_space_around_it(currency):
    for address in CANONICAL[currency]:
        assert {normalise(currency, text) for text in (address, f' {address}\n', f'\u00a0{address}\t')} == {address}


@pytest.mark.parametrize('currency', CHECKED)
def test_an_address_of_a_test_network_is_refused(currency):
    for address in VECTORS[currency]['test']:
        assert 'test network' in refusal(currency, address)


@pytest.mark.parametrize('currency', CHECKED)
@given(data=st.data())
def test_an_address_with_any_one_character_changed_is_refused(currency, data):
    refusal(currency, data.draw(addresses.typing_errors(VECTORS[currency]['main'])))


@pytest.mark.parametrize(('home', 'currency'), STRANGERS)
def test_an_address_of_another_currency_is_refused(home, currency):
    for address in CANONICAL[home]:
        if (address, currency) not in SHARED:
            refusal(currency, address)


@pytest.mark.parametrize(('address', 'currency'), sorted(SHARED))
def test_an_address_that_bitcoin_shares_becomes_that_of_the_other_chain(address, currency):
    assert normalise(currency, address) != address


@pytest.mark.parametrize('secret', SECRETS.values(), ids=SECRETS.keys())
def test_a_private_key_of_any_currency_is_refused_as_one(secret):
    for currency in CHAINS:
        assert 'private key: never share it' in refusal(currency, f' {secret} ')


@pytest.mark.parametrize('currency', CHAINS)
def test_a_private_key_behind_the_scheme_of_a_uri_is_refused_as_one(currency):
    assert 'private key' in refusal(currency, CHAINS[currency].schemes[0] + SECRETS['bitcoin, compressed'])


@pytest.mark.parametrize('currency', CHAINS)
def test_a_refusal_never_repeats_what_was_given(currency):
    for secret in SECRETS.values():
        for text in (secret, secret[:-3], secret + 'x', f'ethereum:{secret}', f'?{secret}'):
            with pytest.raises(BadAddress) as caught:
                normalise(currency, text)
            assert secret[:6] not in repr(caught.value)
            assert caught.value.__context__ is None


def test_a_refusal_is_a_value_error_that_reads_as_its_reason():
    error = BadAddress('a reason')
    assert isinstance(error, ValueError)
    assert str(error) == error.reason == 'a reason'


@pytest.mark.parametrize('currency', [code for code, chain in CHAINS.items() if chain.extended_key_format is None])
def test_an_extended_public_key_is_refused_with_its_own_hint(currency):
    for row in addresses.vectors('extended_keys')['derived']:
        assert 'Extended public keys are not supported' in refusal(currency, row['key'])


@pytest.mark.parametrize('currency', CHAINS)
@pytest.mark.parametrize('letter', ['z', '1', 'q', 'A', 'a ', '\u0131', '[1,', '?', '&'])
def test_a_very_long_text_is_refused(currency, letter):
    refusal(currency, letter * 100_000)


@pytest.mark.parametrize('currency', ['btc', 'ltc', 'bch', 'ada'])
def test_letters_whose_lower_case_is_that_of_another_are_no_part_of_an_address(currency):
    address = next(address for address in CANONICAL[currency] if address == address.lower() and 'k' in address)
    assert normalise(currency, address.upper()) == address
    refusal(currency, address.upper().replace('K', '\N{KELVIN SIGN}'))


@pytest.mark.parametrize('currency', [*EVM, 'xrp', 'xlm', 'sol', 'ada'])
def test_only_chains_that_pay_to_public_keys_have_legacy_addresses(currency):
    assert not any(is_legacy(currency, address) for address in CANONICAL[currency])


@settings(max_examples=400)
@given(st.sampled_from(sorted(CHAINS)), st.one_of(st.text(), st.from_regex('[!-~]{20,110}', fullmatch=True), st.sampled_from(ADDRESSES)))
def test_any_text_is_either_refused_with_a_fixed_sentence_or_has_a_form_that_stays_the_same(currency, text):
    once = accepted(currency, text)
    if once is None:
        refusal(currency, text)
    else:
        assert normalise(currency, once) == once


def test_no_codec_is_loaded_before_an_address_needs_it():
    script = 'import sys, chalicelib.domain.chains; sys.exit("embit" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', script]).returncode == 0
