"""The blockchains whose addresses are followed, by the code of their own coin. Pure data; who tells of them is in providers/explorers."""

from typing import NamedTuple


class Chain(NamedTuple):
    """A blockchain; explorers count in the smallest unit of its coin, which the catalogue's `decimals` scale.

    Of the newest `reorganisation` blocks the transactions are read again at each refresh, as they can still be undone.
    `began` (epoch seconds) is when the first block was made: nothing happened before.
    """

    currency: str
    reorganisation: int
    began: int


CHAINS = {
    chain.currency: chain
    for chain in (
        Chain('btc', reorganisation=6, began=1_231_006_505),
        Chain('ltc', reorganisation=12, began=1_317_972_665),
        Chain('doge', reorganisation=60, began=1_386_325_540),
        Chain('dash', reorganisation=12, began=1_390_095_618),
        Chain('bch', reorganisation=10, began=1_231_006_505),  # shares its past with btc
        Chain('eth', reorganisation=96, began=1_438_269_973),  # three epochs; final after two
        Chain('etc', reorganisation=400, began=1_438_269_973),  # was attacked with reorganisations of thousands; exchanges wait longer
        Chain('pol', reorganisation=256, began=1_590_824_836),
        Chain('bnb', reorganisation=64, began=1_587_390_414),
        Chain('avax', reorganisation=8, began=1_600_646_400),
        Chain('xrp', reorganisation=1, began=1_356_998_400),  # validated ledgers are final
        Chain('xlm', reorganisation=1, began=1_443_571_200),
        Chain('sol', reorganisation=64, began=1_584_368_940),
        Chain('ada', reorganisation=60, began=1_506_203_091),
    )
}
