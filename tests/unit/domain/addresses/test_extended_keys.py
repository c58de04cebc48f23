"""Derivation of addresses from extended public keys, against the published vectors of BIP-32, BIP-84 and SLIP-132."""

import pytest
from embit import base58
from embit.bip32 import HDKey
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chains import CHAINS
from tests.support import addresses
from tests.support.addresses import accepted, normalise, refusal

VECTORS = addresses.vectors('extended_keys')
DERIVED = VECTORS['derived']
KEYS = sorted({(row['currency'], row['key']) for row in DERIVED})
XPUB, ZPUB = (next(key for _, key in KEYS if key.startswith(start)) for start in ('xpub', 'zpub'))
LITECOINS_OWN = [key for currency, key in KEYS if key[1:4] == 'tub']


def derive(currency, key, branch, index):
    """Return an address of the kind that a key's version means."""
    return CHAINS[currency].hd_wallet(key).kinds[0].branches[branch].address(index)


def is_extended_key(currency, text):
    return accepted(currency, text) == text and CHAINS[currency].is_hd_wallet(text)


def reversioned(version):
    return base58.encode_check(bytes.fromhex(version) + base58.decode_check(XPUB)[4:])


@pytest.mark.parametrize('row', DERIVED, ids=lambda row: f'{row["currency"]} {row["key"][:4]} {row["branch"]}')
def test_the_published_addresses_below_a_key_are_derived(row):
    found = [derive(row['currency'], row['key'], row['branch'], index) for index in range(len(row['addresses']))]
    assert found == row['addresses']


@pytest.mark.parametrize(('currency', 'key'), KEYS, ids=lambda value: value[:4])
def test_a_derived_address_is_canonical(currency, key):
    for branch in (0, 1):
        address = derive(currency, key, branch, 19)
        assert normalise(currency, address) == address


@given(st.sampled_from([0, 1]), st.integers(0, (1 << 31) - 1))
def test_public_derivation_agrees_with_private_derivation(branch, index):
    child = HDKey.from_base58(VECTORS['private']['zprv']).derive([branch, index])
    private_zpub = child.to_public(version=bytes.fromhex('04b24746')).to_base58()
    assert derive('btc', ZPUB, branch, index) == normalise('btc', _address_of(private_zpub))


def _address_of(zpub):
    from embit import script

    return script.p2wpkh(HDKey.from_base58(zpub)).address()


@pytest.mark.parametrize('index', [-1, 1 << 31, 1 << 32])
def test_there_is_no_hardened_or_negative_child(index):
    with pytest.raises(ValueError, match='no such child'):
        derive('btc', XPUB, 0, index)


@pytest.mark.parametrize(('currency', 'key'), KEYS, ids=lambda value: value[:4])
def test_a_key_that_addresses_can_be_derived_from_is_told(currency, key):
    assert is_extended_key(currency, key)


@pytest.mark.parametrize('text', ['', 'xpub', '1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA', XPUB[:-1], XPUB + '1', *VECTORS['private'].values()])
def test_anything_else_is_no_extended_key(text):
    assert not is_extended_key('btc', text)


@pytest.mark.parametrize('text', ['z' * 300_000, 'xpub' + 'z' * 300_000])
def test_a_very_long_text_is_no_extended_key_without_being_decoded(monkeypatch, text):
    decoded = addresses.count_decoded(monkeypatch)
    assert not is_extended_key('btc', text)
    assert decoded == [[], [], []]
    assert not is_extended_key('btc', text[:111])
    assert decoded != [[], [], []]


@pytest.mark.parametrize('currency', ['doge', 'bch', 'eth', 'xrp'])
def test_a_currency_without_derivation_has_no_extended_keys(currency):
    assert not is_extended_key(currency, XPUB)
    assert 'not supported' in refusal(currency, XPUB)


@pytest.mark.parametrize('key', LITECOINS_OWN)
def test_a_key_with_the_version_of_litecoin_is_none_of_bitcoin(key):
    assert 'another currency' in refusal('btc', key)


def test_bitcoins_versions_are_taken_for_litecoin_too_as_its_wallet_programs_write_them():
    assert derive('ltc', XPUB, 0, 0)[0] == 'L'


@pytest.mark.parametrize('key', [*VECTORS['test_networks'], reversioned('043587cf'), reversioned('045f1cf6')])
@pytest.mark.parametrize('currency', ['btc', 'ltc'])
def test_a_key_of_a_test_network_is_refused(currency, key):
    assert 'test network' in refusal(currency, key)


@pytest.mark.parametrize('version', ['0295b43f', '02aa7ed3'])
def test_one_key_of_a_shared_hd_wallet_is_refused_as_addresses_need_all_of_them(version):
    assert 'multisig wallet: enter its output descriptor' in refusal('btc', reversioned(version))


@pytest.mark.parametrize('key', VECTORS['private'].values(), ids=VECTORS['private'].keys())
@pytest.mark.parametrize('currency', ['btc', 'ltc'])
def test_a_private_key_is_refused_as_one(currency, key):
    assert 'private key: never share it' in refusal(currency, key)


@pytest.mark.parametrize('row', VECTORS['invalid']['keys'], ids=lambda row: row['why'])
def test_the_invalid_keys_of_bip32_are_refused(row):
    refusal('btc', row['key'])


@pytest.mark.parametrize('currency', [code for code, chain in CHAINS.items() if chain.extended_key_format is None])
def test_other_currencies_take_no_extended_key_as_an_address(currency):
    assert 'Extended public keys' in addresses.refusal(currency, XPUB)


@pytest.mark.parametrize(('currency', 'key'), KEYS, ids=lambda value: value[:4])
def test_an_extended_key_is_its_own_canonical_form(currency, key):
    assert normalise(currency, f' {key}\n') == key
    assert 'character' in addresses.refusal(currency, f'{key}1')


@given(addresses.typing_errors([key for _, key in KEYS]))
def test_a_key_with_any_one_character_changed_is_refused(key):
    refusal('ltc', key)


def at_level(path, version=None):
    """Return the extended public key of a path below the seed of the vectors of BIP-32."""
    key = HDKey.from_seed(bytes(range(16))).derive(path).to_public()
    return key.to_base58() if version is None else key.to_base58(bytes.fromhex(version))


def branches(key):
    return [branch.name for branch in CHAINS['btc'].hd_wallet(key).kinds[0].branches]


def public_address(path):
    from embit import script

    return script.p2pkh(HDKey.from_seed(bytes(range(16))).derive(path).to_public()).address()


@pytest.mark.parametrize('path', ['m', 'm/0h', 'm/5h', 'm/44h/0h/0h', 'm/84h/0h/7h', 'm/44h/0h/0'])
def test_a_key_that_is_an_accounts_by_its_level_has_receiving_and_change_addresses(path):
    key = at_level(path)
    assert normalise('btc', key) == key
    assert branches(key) == ['p2pkh/0', 'p2pkh/1']
    assert [derive('btc', key, branch, 3) for branch in (0, 1)] == [public_address(f'{path}/{branch}/3') for branch in (0, 1)]


@pytest.mark.parametrize('path', ['m/44h/0h/0h/0', 'm/44h/0h/0h/1', 'm/0', 'm/0h/1'])
def test_addresses_are_right_below_the_key_of_a_chain(path):
    key = at_level(path)
    assert normalise('btc', key) == key
    assert branches(key) == ['p2pkh/0']
    assert derive('btc', key, 0, 3) == public_address(f'{path}/3')


@pytest.mark.parametrize('path', ['m/44h', 'm/49h', 'm/84h', 'm/86h', 'm/84h/0h', 'm/44h/2h', 'm/84h/0h/0h/0/5', 'm/84h/0h/0h/0/0/0'])
def test_a_key_of_another_level_is_refused_with_the_one_to_export(path):
    assert 'export the key of the account' in refusal('btc', at_level(path))


def test_the_key_of_an_account_of_several_is_refused_with_what_to_enter():
    assert 'enter its output descriptor' in refusal('btc', at_level('m/48h/0h/0h/2h'))


def test_only_below_the_key_of_a_whole_seed_finding_nothing_says_nothing():
    assert CHAINS['btc'].hd_wallet(at_level('m')).needs_account_key
    assert not CHAINS['btc'].hd_wallet(at_level('m/84h/0h/0h')).needs_account_key
