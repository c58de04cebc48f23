"""The sample's coins of unspent outputs: whose addresses, and which blocks."""

from typing import NamedTuple


class SampleCoin(NamedTuple):
    """A coin of the sample: the followed address, another one that pays and is paid, and the blocks.

    `height` and `time` are those of the oldest transaction, `block_seconds` the time between two blocks. `path` is Blockchair's
    name of the chain. Addresses are made up: each pays to the hash of a text, for which there is no known key.
    """

    address: str
    stranger: str
    height: int
    block_seconds: int
    path: str
    time: int = 1_704_000_000


COINS = {
    'ltc': SampleCoin(
        address='ltc1qtu28gxsq6qmhxn2kuer799t30wjzz8x2ggdud0',
        stranger='ltc1q3t9y7dnhf7p2vlzs0juujenefqhze3m8k2lydy',
        height=2_600_000,
        block_seconds=150,
        path='litecoin',
    ),
    'doge': SampleCoin(
        address='DR1efjBKTWyM49R9zE3Pp8RWz7CXQw8ZHd',
        stranger='DHnx9SFz7ckB2mWBun7SufC3ad8J27oymE',
        height=5_000_000,
        block_seconds=60,
        path='dogecoin',
    ),
    'dash': SampleCoin(
        address='XbrMibpKESmBLgcxmTaLPcRj4ZPnMuXtLW',
        stranger='XoLhSRyEmv4UehvB35S7DRiEXpygf4v4oa',
        height=2_000_000,
        block_seconds=157,
        path='dash',
    ),
    'bch': SampleCoin(
        address='qqk6q2j0874vwsj7elcayy44rn26fv23acpw64t00v',
        stranger='qz9v5nekwa8c9fnu2p7tnjtx09yzutx8vuu25m8vmh',
        height=820_000,
        block_seconds=600,
        path='bitcoin-cash',
    ),
}
ADDRESSES = {code: coin.address for code, coin in COINS.items()}
STRANGERS = {code: coin.stranger for code, coin in COINS.items()} | {'btc': 'bc1qaxxukj5fgexluc40cvxw4kpsu2vajqlhdfwc0z'}
