"""The blockchains whose addresses can be followed: one record each. Pure data; the explorers are in providers/explorers.

To add a chain: docs/howto/add-a-chain.md.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from chalicelib.domain import currencies, money
from chalicelib.domain.addresses import (
    bitcoin_cash,
    bitcoin_like,
    cardano,
    descriptors,
    evm,
    extended_keys,
    litecoin,
    private_keys,
    solana,
    stellar,
    uris,
    xrp,
)
from chalicelib.domain.addresses.derivation import HdWallet
from chalicelib.domain.addresses.errors import EXTENDED, MALFORMED, PRIVATE, BadAddress

_MAX_ADDRESS_LENGTH = 300  # Base58 decoding takes quadratic time
_MAX_TEXT_LENGTH = 2 * descriptors.MAX_LENGTH  # with what is around an address; the query of a payment URI is taken apart for every chain


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Chain:
    """A blockchain, identified by the code of its coin. A coin that several chains have has a code for each: `eth-base`.

    `reorganisation`: how many of the newest blocks can still be undone; their transactions are read again at each refresh.
    `began`: when its first block was made (epoch seconds).
    `schemes`: URI schemes of payment requests, in lower case with the colon.
    `canonical`: returns the canonical form of an address, or raises BadAddress; the address rules of the chain.
    `private_keys`: a regular expression that matches what may be a private key or seed of the chain.
    `legacy_prefixes`: how pay-to-public-key-hash addresses outside of segwit begin.
    `extended_key_format`: how its extended public keys are written; None if they cannot be followed.
    `evm_id`: the EIP-155 chain id; None if the chain has no Ethereum Virtual Machine.
    `pays_l1_fee`: a transaction also pays for its data on the chain below, which gas does not contain (OP stack).
    """

    currency: str
    reorganisation: int
    began: int
    schemes: tuple[str, ...]
    canonical: Callable[[uris.PaymentRequest], str]
    private_keys: str
    legacy_prefixes: tuple[str, ...] = ()
    extended_key_format: extended_keys.Format | None = None
    evm_id: int | None = None
    pays_l1_fee: bool = False

    def normalise(self, text: str) -> str:
        """Return the canonical form of an address, so that equal addresses are equal strings.

        Accepts surrounding whitespace, and payment URIs (BIP-21, EIP-681, SEP-7, CIP-13, Solana Pay), whose address is returned.
        Extended public keys and descriptors lose their origins and checksum, and those of a single address become that address.
        Raises BadAddress if `text` is no address on the main network.

        >>> CHAINS['btc'].normalise('bitcoin:BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4?amount=1')
        'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4'
        >>> CHAINS['eth'].normalise('0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359')
        '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'
        """
        if len(text) > _MAX_TEXT_LENGTH:
            raise BadAddress(MALFORMED)
        request = uris.parse(text, self.schemes)
        if _PRIVATE_KEY.fullmatch(request.address):
            raise BadAddress(PRIVATE)
        if not request.address.isascii():
            raise BadAddress(MALFORMED)
        if descriptors.has_shape(request.address):
            descriptors.require_public(request.address)
            return descriptors.normalise(self._require_extended_keys(), request.address)
        if len(request.address) > _MAX_ADDRESS_LENGTH:
            raise BadAddress(MALFORMED)
        return self.canonical(request)

    @property
    def has_outputs(self) -> bool:
        """Whether it is made of unspent outputs, as Bitcoin is: each block names the addresses that move in it."""
        return bool(self.legacy_prefixes)

    def is_legacy(self, address: str) -> bool:
        """Whether a canonical address is pay-to-public-key-hash outside of segwit.

        Explorers disagree only on these: some add the outputs paid to the bare public key behind the hash.
        """
        return address.startswith(self.legacy_prefixes)

    def is_hd_wallet(self, text: str) -> bool:
        """Whether a canonical text is an extended public key or a descriptor, not an address."""
        return self.extended_key_format is not None and descriptors.has_shape(text)

    def hd_wallet(self, text: str) -> HdWallet:
        """Return the HD wallet that an extended public key or a descriptor in its canonical form stands for. Raises BadAddress."""
        return descriptors.parse(self._require_extended_keys(), text)

    def breadth(self, text: str) -> descriptors.Breadth:
        """Return the breadth of the HD wallet of such a text, which may be as it is shown."""
        return descriptors.breadth(self._require_extended_keys(), text)

    def _require_extended_keys(self) -> extended_keys.Format:
        if self.extended_key_format is None:
            raise BadAddress(EXTENDED)
        return self.extended_key_format

    def amount(self, units: int) -> Decimal:
        """Return `units` of the coin's smallest unit (satoshi, wei) as an amount of the coin, exactly."""
        return money.scaled(units, currencies.get(self.currency).decimals)


def _evm(currency: str, evm_id: int, *, reorganisation: int, began: int, pays_l1_fee: bool = False) -> Chain:
    return Chain(
        currency=currency,
        reorganisation=reorganisation,
        began=began,
        schemes=('ethereum:',),
        canonical=partial(evm.normalise, evm_id),
        private_keys=evm.PRIVATE_KEYS,
        evm_id=evm_id,
        pays_l1_fee=pays_l1_fee,
    )


CHAINS = {
    chain.currency: chain
    for chain in (
        Chain(
            currency='btc',
            reorganisation=6,
            began=1_231_006_505,
            schemes=('bitcoin:',),
            canonical=partial(bitcoin_like.normalise, bitcoin_like.BITCOIN),
            private_keys=private_keys.wif('5KL'),
            legacy_prefixes=('1',),
            extended_key_format=extended_keys.BITCOIN,
        ),
        Chain(
            currency='ltc',
            reorganisation=12,
            began=1_317_972_665,
            schemes=('litecoin:',),
            canonical=litecoin.normalise,
            private_keys=private_keys.wif('6T'),
            legacy_prefixes=('L',),
            extended_key_format=extended_keys.LITECOIN,
        ),
        Chain(
            currency='doge',
            reorganisation=60,
            began=1_386_325_540,
            schemes=('dogecoin:',),
            canonical=partial(bitcoin_like.normalise, bitcoin_like.DOGECOIN),
            private_keys=private_keys.wif('6Q'),
            legacy_prefixes=('D',),
        ),
        Chain(
            currency='dash',
            reorganisation=12,
            began=1_390_095_618,
            schemes=('dash:',),
            canonical=partial(bitcoin_like.normalise, bitcoin_like.DASH),
            private_keys=private_keys.wif('7X'),
            legacy_prefixes=('X',),
        ),
        Chain(
            currency='bch',
            reorganisation=10,
            began=1_231_006_505,  # it forked from Bitcoin and shares its first blocks
            schemes=('bitcoincash:',),
            canonical=bitcoin_cash.normalise,
            private_keys=private_keys.wif('5KL'),
            legacy_prefixes=('q',),
        ),
        _evm('eth', 1, reorganisation=96, began=1_438_269_973),  # three epochs: a block is final after two
        _evm('etc', 61, reorganisation=400, began=1_438_269_973),  # attacks undid thousands of blocks; exchanges wait even longer
        _evm('pol', 137, reorganisation=256, began=1_590_824_836),
        _evm('bnb', 56, reorganisation=64, began=1_587_390_414),
        _evm('avax', 43114, reorganisation=8, began=1_600_646_400),
        # A rollup's block is final once that of Ethereum is which has its data: 20 minutes of 0.25 and of 2 seconds.
        _evm('eth-arbitrum', 42161, reorganisation=4_800, began=1_622_160_000),
        _evm('eth-optimism', 10, reorganisation=600, began=1_610_582_400, pays_l1_fee=True),  # when its first version began
        _evm('eth-base', 8453, reorganisation=600, began=1_686_789_347, pays_l1_fee=True),
        Chain(
            currency='xrp',
            reorganisation=1,  # validated ledgers are final
            began=1_356_998_400,
            schemes=('xrpl:', 'ripple:'),
            canonical=xrp.normalise,
            private_keys=xrp.PRIVATE_KEYS,
        ),
        Chain(
            currency='xlm',
            reorganisation=1,
            began=1_443_571_200,
            schemes=('web+stellar:',),
            canonical=stellar.normalise,
            private_keys=stellar.PRIVATE_KEYS,
        ),
        Chain(
            currency='sol',
            reorganisation=64,
            began=1_584_368_940,
            schemes=('solana:',),
            canonical=solana.normalise,
            private_keys=solana.PRIVATE_KEYS,
        ),
        Chain(
            currency='ada',
            reorganisation=60,
            began=1_506_203_091,
            schemes=('web+cardano:',),
            canonical=cardano.normalise,
            private_keys=cardano.PRIVATE_KEYS,
        ),
    )
}

# Private keys are refused on every chain alike: one pasted into the wrong field is as secret as any.
_PRIVATE_KEY = re.compile('|'.join(dict.fromkeys((private_keys.COMMON, *(chain.private_keys for chain in CHAINS.values())))))
