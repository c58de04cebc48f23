"""A refused text is told for what it is, whatever currency it was entered for, and what is not recognised keeps its sentence."""

import contextlib
import hashlib

import pytest
from embit import base58, bech32

from chalicelib.domain import recognition
from chalicelib.domain.addresses import bech32 as own_bech32
from chalicelib.domain.addresses import errors, evm, uris
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from tests.support import addresses
from tests.support.calls import count_calls

# One address of each chain, from the chains' own documents and test vectors.
HOMES = {
    'btc': ('bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'a Bitcoin address'),
    'ltc': ('ltc1qjmxnz78nmc8nq77wuxh25n2es7rzm5c2rkk4wh', 'a Litecoin address'),
    'doge': (addresses.vectors('addresses')['doge']['main'][0], 'a Dogecoin address'),
    'dash': (addresses.vectors('addresses')['dash']['main'][0], 'a Dash address'),
    'bch': ('bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a', 'a Bitcoin Cash address'),
    'eth': ('0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359', 'an Ethereum address'),
    'xrp': ('rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh', 'an XRP address'),
    'xlm': (next(key for key in addresses.vectors('strkeys')['valid'] if key[0] == 'G'), 'a Stellar address'),
    'sol': ('9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM', 'a Solana address'),
    'ada': (addresses.vectors('cardano_addresses')['main']['00'], 'a Cardano address'),
}
EVM = [code for code, chain in CHAINS.items() if chain.evm_id is not None]


def told(currency: str, text: str) -> str:
    with pytest.raises(BadAddress) as refused:
        CHAINS[currency].normalise(text)
    return recognition.reason(text, currency, refused.value)


@pytest.mark.parametrize('home', HOMES)
@pytest.mark.parametrize('currency', CHAINS)
def test_an_address_of_another_chain_is_told_with_the_currency_to_add_it_with(home: str, currency: str) -> None:
    address, what = HOMES[home]
    if currency == home or (home == 'eth' and currency in EVM):
        assert CHAINS[currency].normalise(address)
        return

    assert told(currency, address).startswith(f'This is {what}: add it with the currency {home}')
    assert told(currency, f'  {address} ').startswith(f'This is {what}')


def test_an_address_that_several_chains_have_is_told_with_all_of_them() -> None:
    assert told('ltc', '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu') == (
        'This is a Bitcoin address: add it with the currency btc, or with bch if its coins are there'
    )
    for code in EVM[1:]:
        assert code in told('btc', HOMES['eth'][0])


@pytest.mark.parametrize(
    ('currency', 'uri', 'what'),
    [
        ('btc', 'ethereum:0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359', 'an Ethereum address'),
        ('eth', 'bitcoin:1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu?amount=1', 'a Bitcoin address'),
        ('eth', 'ethereum:0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359@137', 'a Polygon address'),
        ('btc', 'litecoin:ltc1qjmxnz78nmc8nq77wuxh25n2es7rzm5c2rkk4wh', 'a Litecoin address'),
    ],
)
def test_a_payment_request_of_another_chain_is_told_as_its_address(currency: str, uri: str, what: str) -> None:
    assert told(currency, uri).startswith(f'This is {what}: add it with')


@pytest.mark.parametrize('currency', ['btc', 'eth', 'xlm', 'sol', 'ada'])
@pytest.mark.parametrize(
    ('name', 'what'),
    [
        ('vitalik.eth', 'an ENS name'),
        ('pay.vitalik.ETH', 'an ENS name'),
        ('ethereum:vitalik.eth', 'an ENS name'),
        ('\U0001f98a.eth', 'an ENS name'),
        ('name.sol', 'a Solana name'),
        ('brad.crypto', 'a name of Unstoppable Domains'),
        ('name.x', 'a name of Unstoppable Domains'),
        ('name.888', 'a name of Unstoppable Domains'),
        ('bob*stellar.org', 'a Stellar federation address'),
        ('bob.smith*pay.stellar.org', 'a Stellar federation address'),
        ('$handle', 'an ADA Handle'),
        ('$my.hand_le-1', 'an ADA Handle'),
        ('alice$example.com', 'a PayString'),
        ('satoshi@walletofsatoshi.com', 'an email or Lightning address'),
        ('muneeb.btc', 'a name'),
        ('some.unknown.domain', 'a name'),
    ],
)
def test_a_name_is_told_as_one(currency: str, name: str, what: str) -> None:
    assert told(currency, name) == f'This is {what}: names are not looked up, enter the address that it stands for'


HASH = hashlib.sha256(b'a transaction').hexdigest()


@pytest.mark.parametrize(
    ('text', 'sentence'),
    [
        (HASH, recognition.HASH),
        ('0x' + HASH, recognition.HASH),
        (HASH.upper(), recognition.HASH),
        (base58.encode(bytes(range(1, 65))), recognition.HASH),  # of Solana
        ('lnbc20m1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypq', recognition.LIGHTNING),
        ('lightning:LNBC20M1PVJLUEZPP5QQQSYQCYQ5RQWZQFQQQSYQCYQ5RQWZQFQQQSYQCYQ5', recognition.LIGHTNING),
        ('lnurl1dp68gurn8ghj7um9wfmxjcm99e3k7mf0v9cxj0m385ekvcenxc6r2c35xvukxefcv5mkvv34', recognition.LIGHTNING),
        ('lnbc1' + 'q' * 600, recognition.LIGHTNING),
        ('0279BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798', recognition.PUBLIC_KEY),
        ('04' + HASH * 2, recognition.PUBLIC_KEY),
        ('https://mempool.space/address/1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', recognition.WEB_PAGE),
        ('monero:44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A', recognition.UNKNOWN_URI),
        ('tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx', recognition.TEST_NETWORK),
        ('mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn', recognition.TEST_NETWORK),
        ('2MzQwSSnBHWHqSAqtTVQ6v47XtaisrJa1Vc', recognition.TEST_NETWORK),
        ('bchtest:qpm2qsznhks23z7629mms6s4cwef74vcwvqn0h829pq', recognition.TEST_NETWORK),
        (addresses.vectors('addresses')['doge']['test'][0], recognition.TEST_NETWORK),
        (bech32.bech32_encode(bech32.Encoding.BECH32, 'addr_test', [0] * 92), recognition.TEST_NETWORK),
        ('TJRabPrwbZy45sbavfcjinPJC18kjpRTv8', 'This address belongs to another currency or to a test network'),  # of Tron
        (bech32.bech32_encode(bech32.Encoding.BECH32, 'cosmos', [1] * 32), 'This address belongs to another currency or to a test network'),
        ('1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMx', 'This is not a valid address: copy it again, a character may be wrong or missing'),
        ('nonsense', 'This is not a valid address: copy it again, a character may be wrong or missing'),
        ('', 'This is not a valid address: copy it again, a character may be wrong or missing'),
    ],
)
def test_what_else_a_text_is_is_told(text: str, sentence: str) -> None:
    assert told('btc', text) == sentence


@pytest.mark.parametrize('currency', ['btc', 'eth', 'sol'])
def test_what_a_chain_says_of_a_text_of_its_own_is_told(currency: str) -> None:
    assert told(currency, addresses.vectors('cardano_addresses')['main']['14']) == (
        'This is a stake address: enter the payment addresses instead, which begin with addr1'
    )


@pytest.mark.parametrize('text', ['5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ', 'abandon ' * 11 + 'about', 'x' * 100_000])
def test_what_is_secret_or_long_keeps_its_sentence(text: str) -> None:
    with pytest.raises(BadAddress) as refused:
        CHAINS['btc'].normalise(text)

    assert recognition.reason(text, 'btc', refused.value) == refused.value.reason


@pytest.mark.parametrize('text', ['lnbc' + '1' * 1_990 + '!', 'a.' * 990 + '!', '1' * 2_000, '$' * 2_000, 'a' * 2_000 + '@'])
def test_nothing_takes_long(text: str) -> None:
    assert told('btc', text[:2_000])


@pytest.mark.parametrize(
    ('owner', 'name', 'text'),
    [
        (evm, 'keccak256', '0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359'),
        (bech32, 'bech32_verify_checksum', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'),
        (bech32, 'bech32_verify_checksum', 'b1' + 'q' * 290),
    ],
)
def test_all_chains_together_work_out_a_checksum_once_for_each_library_at_most(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, text: str
) -> None:
    evm.checksum.cache_clear()
    own_bech32.decode.cache_clear()
    calls = count_calls(monkeypatch, owner, name)
    with contextlib.suppress(BadAddress):
        recognition.chains_of(text)
    assert len(calls) <= (2 if text.startswith('bc1') else 1)  # embit decodes an address of Bitcoin by itself


def test_of_an_endless_text_nothing_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count_calls(monkeypatch, uris, 'parse_qsl')
    assert told('btc', f'bitcoin:1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu?{"a=1&" * 2_000}') == errors.MALFORMED
    assert not calls
