"""The explorers of each chain, in the order in which they are asked."""

from chalicelib.domain import addresses
from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers.blockchain_info import BlockchainInfo
from chalicelib.providers.explorers.esplora import Esplora
from chalicelib.providers.explorers.explorer import About, Explorer, Page, Reading
from chalicelib.providers.transport import Host

EXPLORERS: dict[str, tuple[Explorer, ...]] = {
    'btc': (
        Esplora(
            Host('blockstream', 'https://blockstream.info/api', every_ms=250),
            About('Blockstream Explorer', 'https://github.com/Blockstream/esplora/blob/master/API.md', ('balances', 'transactions')),
            CHAINS['btc'],
        ),
        Esplora(
            Host('mempool', 'https://mempool.space/api', every_ms=250),
            About('mempool.space', 'https://mempool.space/docs/api/rest', ('balances', 'transactions')),
            CHAINS['btc'],
        ),
        BlockchainInfo(
            Host('blockchain_info', 'https://blockchain.info', every_ms=1000),
            About(
                'Blockchain.com Explorer',
                'https://www.blockchain.com/explorer/api/blockchain_api',
                ('balances', 'transactions', 'p2pk_outputs'),
            ),
        ),
    ),
}


def explorers_of(currency: str, address: str) -> list[Explorer]:
    """Return the explorers to ask about an address, the best first.

    About a legacy address those come first that count pay-to-public-key outputs: the others miss such outputs silently.
    """
    explorers = list(EXPLORERS[currency])
    if addresses.is_legacy(currency, address):
        explorers.sort(key=lambda explorer: not explorer.counts_p2pk)
    return explorers


__all__ = ['EXPLORERS', 'About', 'Explorer', 'Page', 'Reading', 'explorers_of']
