"""The sample HD wallet: its addresses are those of its key, and all explorers tell the same of them."""

import hashlib
import json

import pytest
from embit.bip32 import HDKey

from chalicelib.domain.chains import CHAINS
from infra.fake_upstreams import hd_wallet, utxo
from infra.fake_upstreams.http_server import Request
from infra.fake_upstreams.sample import respond


def test_the_key_is_that_of_the_seed() -> None:
    seed = hashlib.sha256(b'CryptFolio sample wallet').digest()
    account = HDKey.from_seed(seed).derive('m/84h/0h/0h').to_public(version=bytes.fromhex('04b24746'))
    assert account.to_base58() == hd_wallet.KEY


@pytest.mark.parametrize(('place', 'address'), hd_wallet.PLACES.items())
def test_the_addresses_are_those_of_the_key(place: tuple[int, int], address: str) -> None:
    assert CHAINS['btc'].hd_wallet(hd_wallet.KEY).kinds[0].branches[place[0]].address(place[1]) == address


@pytest.mark.parametrize('address', hd_wallet.ADDRESSES)
def test_every_explorer_tells_the_same_of_an_address(address: str) -> None:
    stats = json.loads(respond(Request.parse(f'/blockstream/address/{address}')).body)['chain_stats']
    [other] = json.loads(respond(Request.parse(f'/blockchain_info/multiaddr?active={address}')).body)['addresses']
    payments = utxo.SAMPLE.of('btc', address)
    balances = {stats['funded_txo_sum'] - stats['spent_txo_sum'], other['final_balance'], sum(payment.delta for payment in payments)}
    assert len(balances) == 1
    assert stats['tx_count'] == other['n_tx'] == len(payments) > 0


def test_nothing_is_made_of_nothing() -> None:
    assert all(transaction.fee > 0 for transaction in hd_wallet.TRANSACTIONS)
