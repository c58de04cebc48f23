"""Output descriptors against the published vectors of BIP-380 to 389 and BIP-86, and against a derivation of the tests' own."""

import contextlib

import pytest
from embit.bip32 import HDKey
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import hd_wallets, recognition
from chalicelib.domain.addresses import descriptors, extended_keys
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from tests.support import addresses, bip32
from tests.support.addresses import normalise, refusal
from tests.support.bip32 import Node
from tests.support.calls import count_calls

VECTORS = addresses.vectors('descriptors')
KEYS = addresses.vectors('extended_keys')
ZPUB = next(row['key'] for row in KEYS['derived'] if row['key'].startswith('zpub'))
XPUB = next(row['key'] for row in KEYS['derived'] if row['currency'] == 'btc' and row['key'].startswith('xpub'))
TAPROOT = VECTORS['accounts'][0]['key']
LTUB = next(row['key'] for row in KEYS['derived'] if row['key'].startswith('Ltub'))
ORIGIN = '[73c5da0a/84h/0h/0h]'
# The account that a hardware wallet exports as xpub, whatever its scripts: BIP-84's.
SEGWIT_XPUB = bip32.encode_base58check(bytes.fromhex('0488b21e') + bip32.decode_base58(ZPUB)[4:78])
NUMBERS = st.integers(0, (1 << 31) - 1)
EIGHT = '<0;1;2;3;4;5;6;7>'
WIDEST = f'{XPUB}/{EIGHT}/{"1/" * 7}*'
TOO_BROAD = {
    'key': f'{XPUB}/{"0/" * 240}*',
    'steps before': f'wpkh({XPUB}/{"0/" * 9}*)',
    'steps before and after': f'tr({XPUB}/{"1/" * 4}<0;1>/{"1/" * 4}*)',
    'single address': f'pkh({XPUB}{"/1" * 240})',
    'one of several keys': f'wsh(multi(1,{ZPUB}/0/*,{XPUB}/{"1/" * 9}*))',
    'branches': f'wpkh({XPUB}/<{";".join(map(str, range(9)))}>/*)',
}


def of_depth(depth):
    """Return XPUB as a key of another depth, which is its fifth byte (BIP-32)."""
    raw = bytearray(bip32.decode_base58(XPUB)[:78])
    raw[4] = depth
    return bip32.encode_base58check(bytes(raw))


def hd_wallet(text, currency='btc'):
    return CHAINS[currency].hd_wallet(normalise(currency, text))


def first_branch(text, count, currency='btc'):
    branch = hd_wallet(text, currency).kinds[0].branches[0]
    return [branch.address(index) for index in range(count)]


def with_checksum(text):
    """Return a descriptor with the checksum that BIP-380's own program makes."""
    charset = '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ '
    positions = [charset.index(letter) for letter in text]
    symbols = []
    for start in range(0, len(positions), 3):
        three = positions[start : start + 3]
        symbols += [position & 31 for position in three]
        group = 0
        for position in three:
            group = group * 3 + (position >> 5)
        symbols.append(group)
    checksum = 1
    for symbol in [*symbols, *([0] * 8)]:
        top = checksum >> 35
        checksum = (checksum & 0x7FFFFFFFF) << 5 ^ symbol
        for place, generator in enumerate((0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)):
            checksum ^= generator if top >> place & 1 else 0
    checksum ^= 1
    return f'{text}#' + ''.join('qpzry9x8gf2tvdw0s3jn54khce6mua7l'[checksum >> 5 * (7 - place) & 31] for place in range(8))


@pytest.mark.parametrize('row', VECTORS['single'], ids=lambda row: row['descriptor'][:12])
def test_a_descriptor_of_a_single_script_is_its_address(row):
    assert normalise('btc', row['descriptor']) == bip32.of_script(bytes.fromhex(row['script']))


@pytest.mark.parametrize('row', VECTORS['ranged'], ids=lambda row: row['descriptor'][:12])
def test_the_published_scripts_of_a_descriptor_are_derived(row):
    expected = [bip32.of_script(bytes.fromhex(script)) for script in row['scripts']]
    assert first_branch(row['descriptor'], len(expected)) == expected


@pytest.mark.parametrize('turned', [False, True])
def test_the_published_scripts_of_several_keys_are_derived_in_either_order(turned):
    row = VECTORS['sortedmulti']
    keys = ','.join(row['keys'][::-1] if turned else row['keys'])
    scripts = [bytes.fromhex(script) for script in row['scripts']]
    assert first_branch(f'wsh(sortedmulti({row["threshold"]},{keys}))', 3) == [bip32.p2wsh(script) for script in scripts]
    assert first_branch(f'sh(sortedmulti({row["threshold"]},{keys}))', 3) == [bip32.p2sh(script) for script in scripts]


@pytest.mark.parametrize('row', VECTORS['accounts'], ids=lambda row: row['kind'])
def test_the_published_addresses_of_an_account_are_among_those_of_its_key(row):
    kinds = {kind.script.value: kind.branches for kind in hd_wallet(row['key']).kinds}
    found = [[branch.address(index) for index in range(len(row['branches'][place]))] for place, branch in enumerate(kinds[row['kind']])]
    assert found == row['branches']


def test_bip_84s_account_as_xpub_has_bip_84s_addresses():
    kinds = {kind.script.value: kind.branches for kind in hd_wallet(SEGWIT_XPUB).kinds}
    assert kinds['p2wpkh'][0].address(0) == 'bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu'
    assert kinds['p2wpkh'][1].address(0) == 'bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el'


def test_bip_49s_account_on_the_main_network():
    """Its vector is of a test network: the key hash 38971f73930f6c141d977ac4fd4a727c854935b3 is what both networks share."""
    key = bip32.encode_base58check(bytes.fromhex('049d7cb2') + bip32.decode_base58(KEYS['test_networks'][0])[4:78])
    assert hd_wallet(key).kinds[0].script.value == 'p2sh-p2wpkh'
    assert first_branch(key, 1) == [bip32.p2sh(bytes.fromhex('001438971f73930f6c141d977ac4fd4a727c854935b3'))]


@given(st.sampled_from([XPUB, ZPUB, TAPROOT]), st.sampled_from([0, 1]), NUMBERS)
def test_every_kind_of_address_agrees_with_a_derivation_of_our_own(key, branch, index):
    expected = Node.of(key).below(branch, index).key
    found = {kind.script.value: kind.branches[branch].address(index) for kind in hd_wallet(key).kinds}
    assert found == {
        'p2pkh': bip32.p2pkh(expected),
        'p2sh-p2wpkh': bip32.p2sh_p2wpkh(expected),
        'p2wpkh': bip32.p2wpkh(expected),
        'p2tr': bip32.p2tr(expected),
    }


@given(st.sampled_from([0, 1]), NUMBERS)
def test_litecoins_addresses_agree_with_a_derivation_of_our_own(branch, index):
    expected = Node.of(LTUB).below(branch, index).key
    found = {kind.script.value: kind.branches[branch].address(index) for kind in hd_wallet(LTUB, 'ltc').kinds}
    assert found == {
        'p2pkh': bip32.p2pkh(expected, 0x30),
        'p2sh-p2wpkh': bip32.p2sh_p2wpkh(expected, 0x32),
        'p2wpkh': bip32.p2wpkh(expected, 'ltc'),
    }


@given(st.permutations([XPUB, ZPUB, TAPROOT]), st.integers(1, 3), st.sampled_from([0, 1]), st.integers(0, 10_000))
def test_several_keys_agree_with_a_derivation_of_our_own(keys, threshold, branch, index):
    inner = ','.join(f'{key}/<0;1>/*' for key in keys)
    derived = [Node.of(key).below(branch, index).key for key in keys]
    in_order, ordered = bip32.multisig(threshold, derived), bip32.multisig(threshold, sorted(derived))
    expected = {
        f'wsh(sortedmulti({threshold},{inner}))': bip32.p2wsh(ordered),
        f'wsh(multi({threshold},{inner}))': bip32.p2wsh(in_order),
        f'sh(multi({threshold},{inner}))': bip32.p2sh(in_order),
    }
    for text, address in expected.items():
        assert hd_wallet(text).kinds[0].branches[branch].address(index) == address


@pytest.mark.parametrize(
    ('text', 'kind'),
    [
        (f'pkh({XPUB}/<0;1>/*)', 'p2pkh'),
        (f'wpkh({XPUB}/<0;1>/*)', 'p2wpkh'),
        (f'sh(wpkh({XPUB}/<0;1>/*))', 'p2sh-p2wpkh'),
        (f'tr({XPUB}/<0;1>/*)', 'p2tr'),
        (f"[73c5da0a/84'/0'/0']{XPUB}", 'p2pkh'),
        (f'wpkh([73c5da0a/84H/0H/0H]{XPUB}/<1;0>/*)', 'p2wpkh'),
        (with_checksum(f'wpkh({ORIGIN}{XPUB}/<0;1>/*)'), 'p2wpkh'),
        (f'{ORIGIN}{XPUB}/<0;1>/*', 'p2pkh'),
    ],
)
def test_every_spelling_of_an_account_is_one_hd_wallet_that_begins_with_the_kind_it_names(text, kind):
    found = hd_wallet(text)
    assert found.identity == hd_wallet(XPUB).identity
    assert found.kinds[0].script.value == kind
    assert sorted(branch.name for branch in found.branches) == sorted(branch.name for branch in hd_wallet(XPUB).branches)
    assert found.kinds[0].branches[0].name == f'{kind}/0'


def test_as_many_branches_and_steps_and_as_deep_a_key_as_may_be():
    assert len(hd_wallet(f'wpkh({XPUB}/<{";".join(map(str, range(8)))}>/{"1/" * 7}*)').kinds[0].branches) == 8
    assert first_branch(f'wpkh({of_depth(253)}/<0;1>/*)', 1) == first_branch(f'wpkh({XPUB}/<0;1>/*)', 1)


@pytest.mark.parametrize('text', TOO_BROAD.values(), ids=TOO_BROAD)
def test_nothing_is_derived_of_more_steps_or_branches_than_may_be(text, monkeypatch):
    derived = count_calls(monkeypatch, HDKey, 'child')
    assert 'of up to eight steps each' in refusal('btc', text)
    assert not derived


def test_what_earlier_releases_stored_of_more_steps_is_still_read():
    deep = Node.of(XPUB).below(*[1] * 240, 5, 0).key
    assert CHAINS['btc'].hd_wallet(f'wpkh({XPUB}/{"1/" * 240}<5;6>/*)').kinds[0].branches[0].address(0) == bip32.p2wpkh(deep)


def test_of_more_keys_than_may_be_none_is_decoded(monkeypatch):
    decoded = count_calls(monkeypatch, extended_keys, 'parse')
    assert 'Only descriptors' in refusal('btc', f'sh(multi(1,{",".join([XPUB] * 16)}))')
    assert not decoded


@pytest.mark.parametrize(
    'text',
    [
        XPUB,
        f'bitcoin:{WIDEST}?amount=1',
        f'{ORIGIN}{XPUB}/{"1/" * 7}*',
        f'wpkh({XPUB}/{"1/" * 7}{EIGHT}/*)',
        f'pkh({XPUB}{"/1" * 8})',
        f'wsh(sortedmulti(1,{WIDEST},{ZPUB}/2/{EIGHT}/*))',
        f'wsh(multi(1,{",".join([WIDEST] * 20)}))',
        *TOO_BROAD.values(),
    ],
    ids=range(7 + len(TOO_BROAD)),
)
def test_to_read_and_identify_a_text_derives_no_more_than_its_work(text, monkeypatch):
    descriptors.parse.cache_clear()
    derived = count_calls(monkeypatch, HDKey, 'child')
    with contextlib.suppress(BadAddress):
        [chain, *_] = recognition.chains_of(text)
        hd_wallets.identify(chain, normalise(chain, text))
    assert len(derived) <= descriptors.work(text)


def test_a_descriptor_of_one_branch_is_that_branchs_key():
    chain = HDKey.from_base58(XPUB).child(1).to_base58()
    assert hd_wallet(f'wpkh({XPUB}/1/*)').identity == hd_wallet(chain).identity == hd_wallet(f'wpkh({chain}/*)').identity
    assert hd_wallet(f'wpkh({XPUB}/1/*)').identity != hd_wallet(f'wpkh({XPUB}/0/*)').identity


def test_the_order_of_several_keys_matters_where_they_are_not_sorted():
    inner, turned = f'{XPUB}/<0;1>/*,{ZPUB}/<0;1>/*', f'{ZPUB}/<0;1>/*,{XPUB}/<0;1>/*'
    assert hd_wallet(f'wsh(sortedmulti(2,{inner}))').identity == hd_wallet(f'wsh(sortedmulti(2,{turned}))').identity
    different = [f'wsh(multi(2,{inner}))', f'wsh(multi(2,{turned}))', f'wsh(sortedmulti(1,{inner}))', f'sh(sortedmulti(2,{inner}))']
    assert len({hd_wallet(text).identity for text in (*different, f'wsh(sortedmulti(2,{inner}))')}) == 5


def test_of_a_descriptor_only_the_ends_of_its_keys_are_shown():
    text = with_checksum(f'wsh(sortedmulti(2,{ORIGIN}{XPUB}/<0;1>/*,{ZPUB}/<0;1>/*))')
    short = [f'{key[:12]}…{key[-8:]}' for key in (XPUB, ZPUB)]
    assert hd_wallet(text).shown == f'wsh(sortedmulti(2,{short[0]}/<0;1>/*,{short[1]}/<0;1>/*))'
    assert hd_wallet(f'wpkh({ORIGIN}{XPUB}/<0;1>/*)').shown == f'wpkh({short[0]}/<0;1>/*)'


def test_origin_and_checksum_are_dropped():
    assert normalise('btc', with_checksum(f'wpkh({ORIGIN}{XPUB}/<0;1>/*)')) == f'wpkh({XPUB}/<0;1>/*)'
    assert normalise('btc', f' {ORIGIN}{ZPUB}\n') == ZPUB


def test_a_right_checksum_is_one_of_the_published_ones_and_a_wrong_one_is_refused():
    row = VECTORS['checksum']
    assert with_checksum(row['payload']) == f'{row["payload"]}#{row["right"]}'
    assert 'Only descriptors' in refusal('btc', f'{row["payload"]}#{row["right"]}')
    right = with_checksum(f'wpkh({XPUB}/<0;1>/*)')
    for wrong in (*(f'{row["payload"]}#{text}' for text in row['wrong']), right[:-1] + ('q' if right[-1] != 'q' else 'p')):
        assert 'checksum of this descriptor is wrong' in refusal('btc', wrong)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        (f'wpkh({XPUB}/0h/*)', 'hardened'),
        (f"wpkh({XPUB}/<0;1>/*')", 'hardened'),
        (f'wpkh({XPUB}/<0h;1h>/*)', 'hardened'),
        (f'wpkh({XPUB}/2147483648/*)', 'hardened'),
        (f'tr({XPUB}/<0;1>/*,pk({XPUB}/2/*))', 'not a valid address'),
        (f'wsh({XPUB})', 'Only descriptors'),
        (f'wsh(pk({XPUB}/0/*))', 'Only descriptors'),
        (f'pk({XPUB}/0/*)', 'Only descriptors'),
        ('addr(1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu)', 'Only descriptors'),
        ('combo(', 'Only descriptors'),
        (f'wsh(sortedmulti(3,{XPUB}/*,{ZPUB}/*))', 'Only descriptors'),
        (f'wsh(sortedmulti(0,{XPUB}/*,{ZPUB}/*))', 'Only descriptors'),
        (f'wsh(sortedmulti(a,{XPUB}/*,{ZPUB}/*))', 'Only descriptors'),
        (f'sh(multi(16,{",".join([XPUB] * 16)}))', 'Only descriptors'),
        (f'wpkh({XPUB}/<0;0>/*)', 'Only descriptors'),
        (f'wpkh({XPUB}/<0;1>/<2;3>/*)', 'Only descriptors'),
        (f'wpkh({XPUB}/<0;1>)', 'Only descriptors'),
        (VECTORS['mismatched'], 'Only descriptors'),
        (f'wpkh({XPUB}/<>/*)', 'not a valid address'),
        (f'wpkh({XPUB}/0>/*)', 'not a valid address'),
        (f'wpkh({XPUB}/<0/*)', 'not a valid address'),
        (f'wpkh({XPUB}/<0;>/*)', 'not a valid address'),
        (f'wpkh([deadbef/0h]{XPUB}/*)', 'not a valid address'),
        (f'wpkh([deadbeef/0h/*]{XPUB}/*)', 'not a valid address'),
        (f'wpkh([deadbeef/0h/]{XPUB}/*)', 'not a valid address'),
        (f'wpkh({XPUB[:-1]}/*)', 'not a valid address'),
        (f'wpkh({LTUB}/*)', 'another currency'),
        ('wpkh()', 'not a valid address'),
        ('tr(a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5b)', 'not a valid address'),
        (f'wpkh({XPUB}/{"0/" * 2_000}*)', 'Only descriptors'),
        (f'wpkh({XPUB}/<{";".join(map(str, range(9)))}>/*)', 'up to eight branches'),
        (f'wpkh({XPUB}/<0;1>/{"1/" * 8}*)', 'up to eight branches'),
        (f'wsh(sortedmulti(1,{ZPUB}/*,{XPUB}/<{";".join(map(str, range(400)))}>/{"1/" * 200}*))', 'up to eight branches'),
        (f'wpkh({XPUB}/{"1/" * 252}*)', 'not a valid address'),
        (f'{XPUB}/{"1/" * 252}*', 'not a valid address'),
        (f'wpkh({of_depth(255)}/*)', 'not a valid address'),
        (f'wpkh({of_depth(254)}/<0;1>/*)', 'not a valid address'),
        (f'wsh(sortedmulti(1,{XPUB}/0/*,{of_depth(254)}/1/*))', 'not a valid address'),
    ],
)
def test_what_is_no_descriptor_that_can_be_followed_is_refused(text, words):
    assert words in refusal('btc', text)


@pytest.mark.parametrize('private', [*KEYS['private'].values(), 'L4rK1yDtCWekvXuE6oXD9jCYfFNV2cWRpVuPLBcCU2z8TrisoyY1'])
@pytest.mark.parametrize(
    'around', ['wpkh({}/<0;1>/*)', '[73c5da0a/84h/0h/0h]{}', 'wsh(sortedmulti(1,' + XPUB + '/*,{}/*))#q', 'tr({})', '{}/0/*']
)
def test_a_private_key_inside_is_refused_as_one(private, around):
    for currency in ('btc', 'ltc', 'eth'):
        assert 'private key: never share it' in refusal(currency, around.format(private))


@pytest.mark.parametrize('currency', ['doge', 'eth', 'xrp'])
def test_a_currency_without_derivation_has_no_descriptors(currency):
    assert 'not supported for this currency' in refusal(currency, f'wpkh({XPUB}/<0;1>/*)')


def test_taproot_is_bitcoins():
    assert 'Only descriptors' in refusal('ltc', f'tr({LTUB}/<0;1>/*)')
    assert first_branch(f'wpkh({LTUB}/<0;1>/*)', 1, 'ltc') == [bip32.p2wpkh(Node.of(LTUB).below(0, 0).key, 'ltc')]


@given(st.text(alphabet="()[],'/*<;>#shwpktrmulti0123456789abcdefX ", max_size=60))
def test_any_text_that_looks_like_one_is_refused_with_a_fixed_sentence(text):
    refusal('btc', f'wpkh({text}')
