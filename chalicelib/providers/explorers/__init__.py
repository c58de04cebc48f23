"""The explorers of each chain, in fail-over order. To add one: docs/howto/add-a-chain.md.

Those of chains with an Ethereum Virtual Machine are in evm_chains.py.
"""

from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers.blockbook import Blockbook
from chalicelib.providers.explorers.blockchain_info import BlockchainInfo
from chalicelib.providers.explorers.blockchair import Blockchair
from chalicelib.providers.explorers.blockcypher import BlockCypher
from chalicelib.providers.explorers.blockfrost import Blockfrost
from chalicelib.providers.explorers.blocks import Block, TellsBlocks
from chalicelib.providers.explorers.esplora import Esplora
from chalicelib.providers.explorers.evm_chains import EVM_EXPLORERS
from chalicelib.providers.explorers.explorer import AddressReport, Explorer, Page, StepsDown
from chalicelib.providers.explorers.haskoin import Haskoin
from chalicelib.providers.explorers.horizon import Horizon
from chalicelib.providers.explorers.koios import Koios
from chalicelib.providers.explorers.rippled import Rippled
from chalicelib.providers.explorers.solana_rpc import SolanaRpc
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_HOLDS = ('balances',)
_LISTS = (*_HOLDS, 'transactions')
_SUMS = (*_LISTS, 'sent_received')
_SCRIPTS = (*_SUMS, 'unconfirmed')
_COUNTS = (*_SCRIPTS, 'p2pk_outputs')
_ESPLORA_API = 'https://github.com/Blockstream/esplora/blob/master/API.md'
_HASKOIN_API = 'https://github.com/haskoin/haskoin-store/blob/master/swagger.yaml'
_HASKOIN_HISTORY = '50000 transactions'
_RIPPLED_API = 'https://xrpl.org/docs/references/http-websocket-apis'
_HORIZON_API = 'https://developers.stellar.org/docs/data/apis/horizon/api-reference'
_SOLANA_API = 'https://solana.com/docs/rpc'


def _blockcypher(currency: str) -> BlockCypher:
    return BlockCypher(
        Endpoint('blockcypher', 'https://api.blockcypher.com/v1', min_interval_ms=400, secret='token'),
        UpstreamInfo('BlockCypher', 'https://www.blockcypher.com/dev/bitcoin/', _COUNTS),
        CHAINS[currency],
    )


def _blockchair(currency: str, path: str) -> Blockchair:
    return Blockchair(
        Endpoint('blockchair', 'https://api.blockchair.com', min_interval_ms=2000, secret='key'),
        UpstreamInfo('Blockchair', 'https://blockchair.com/api/docs', _COUNTS),
        CHAINS[currency],
        path,
    )


def _blockbook(currency: str) -> Blockbook:
    return Blockbook(
        Endpoint(f'blockbook_{currency}', '', min_interval_ms=0),
        UpstreamInfo('Blockbook', 'https://github.com/trezor/blockbook/blob/master/docs/api.md', _COUNTS),
        CHAINS[currency],
    )


EXPLORERS: dict[str, tuple[Explorer, ...]] = {
    'btc': (
        Esplora(
            Endpoint('blockstream', 'https://blockstream.info/api', min_interval_ms=250),
            UpstreamInfo('Blockstream Explorer', _ESPLORA_API, _SCRIPTS),
            CHAINS['btc'],
        ),
        Esplora(
            Endpoint('mempool', 'https://mempool.space/api', min_interval_ms=250),
            UpstreamInfo('mempool.space', 'https://mempool.space/docs/api/rest', _SCRIPTS),
            CHAINS['btc'],
        ),
        BlockchainInfo(
            Endpoint('blockchain_info', 'https://blockchain.info', min_interval_ms=1000),
            UpstreamInfo('Blockchain.com Explorer', 'https://www.blockchain.com/explorer/api/blockchain_api', _COUNTS),
        ),
        _blockcypher('btc'),
        _blockchair('btc', 'bitcoin'),
    ),
    'ltc': (
        Esplora(
            Endpoint('litecoinspace', 'https://litecoinspace.org/api', min_interval_ms=250),
            UpstreamInfo('Litecoin Space', _ESPLORA_API, _SCRIPTS),
            CHAINS['ltc'],
            has_small_blocks=True,
        ),
        _blockbook('ltc'),
        _blockcypher('ltc'),
        _blockchair('ltc', 'litecoin'),
    ),
    'doge': (_blockbook('doge'), _blockcypher('doge'), _blockchair('doge', 'dogecoin')),
    'bch': (
        _blockbook('bch'),
        Haskoin(
            Endpoint('haskoin', 'https://api.haskoin.com/bch', min_interval_ms=500),
            UpstreamInfo('Haskoin', _HASKOIN_API, _COUNTS, _HASKOIN_HISTORY),
            CHAINS['bch'],
        ),
        Haskoin(
            Endpoint('blockchain_info_bch', 'https://api.blockchain.info/haskoin-store/bch', min_interval_ms=1000),
            UpstreamInfo('Blockchain.com Haskoin Store', _HASKOIN_API, _COUNTS, _HASKOIN_HISTORY),
            CHAINS['bch'],
        ),
        _blockchair('bch', 'bitcoin-cash'),
    ),
    'dash': (_blockbook('dash'), _blockcypher('dash'), _blockchair('dash', 'dash')),
    **EVM_EXPLORERS,
    'xrp': (
        Rippled(
            Endpoint('xrplcluster', 'https://xrplcluster.com', min_interval_ms=250),
            UpstreamInfo('XRPL Cluster', _RIPPLED_API, (*_LISTS, 'tokens'), reader=2),  # knows issued currencies
            CHAINS['xrp'],
        ),
        Rippled(
            Endpoint('ripple', 'https://s2.ripple.com:51234', min_interval_ms=250),
            UpstreamInfo('Ripple', _RIPPLED_API, (*_LISTS, 'tokens'), reader=2),
            CHAINS['xrp'],
        ),
    ),
    'xlm': (
        Horizon(
            Endpoint('lobstr', 'https://horizon.stellar.lobstr.co', min_interval_ms=500),
            UpstreamInfo('LOBSTR', _HORIZON_API, (*_LISTS, 'tokens'), reader=2),  # knows assets
            CHAINS['xlm'],
        ),
        Horizon(
            Endpoint('stellar', 'https://horizon.stellar.org', min_interval_ms=1000),
            UpstreamInfo('Stellar Development Foundation', _HORIZON_API, (*_LISTS, 'tokens'), history='1 year', reader=2),
            CHAINS['xlm'],
        ),
    ),
    'sol': (
        SolanaRpc(
            Endpoint('solana', 'https://api.mainnet-beta.solana.com', min_interval_ms=1000),
            UpstreamInfo('Solana', _SOLANA_API, (*_LISTS, 'tokens'), reader=2),  # knows tokens
            CHAINS['sol'],
        ),
        SolanaRpc(
            Endpoint('publicnode_sol', 'https://solana-rpc.publicnode.com', min_interval_ms=500),
            UpstreamInfo('PublicNode', _SOLANA_API, (*_HOLDS, 'tokens')),
            CHAINS['sol'],
        ),
    ),
    'ada': (
        Koios(
            Endpoint('koios', 'https://api.koios.rest/api/v1', min_interval_ms=150, secret_header='Authorization: Bearer {}'),
            UpstreamInfo('Koios', 'https://api.koios.rest/', (*_LISTS, 'tokens'), reader=2),  # knows native tokens
            CHAINS['ada'],
        ),
        Blockfrost(
            Endpoint(
                'blockfrost',
                'https://cardano-mainnet.blockfrost.io/api/v0',
                min_interval_ms=150,
                needs_secret=True,
                secret_header='project_id: {}',
            ),
            UpstreamInfo('Blockfrost', 'https://docs.blockfrost.io/', (*_SUMS, 'tokens'), reader=2),
            CHAINS['ada'],
        ),
    ),
}


def explorers_of(currency: str, address: str) -> list[Explorer]:
    """Return the explorers of an address, the best first, without those that lack a server or a required API key here.

    For a legacy address, explorers that count pay-to-public-key outputs come first: the others miss such outputs silently.
    """
    explorers = [explorer for explorer in EXPLORERS[currency] if explorer.endpoint.is_available]
    if CHAINS[currency].is_legacy(address):
        explorers.sort(key=lambda explorer: not explorer.counts_p2pk)
    return explorers


def tellers_of_blocks(currency: str) -> list[TellsBlocks]:
    """Return the explorers of a chain that may be asked for whole blocks here, in fail-over order."""
    available = [explorer for explorer in EXPLORERS[currency] if explorer.endpoint.is_available]
    return [explorer for explorer in available if isinstance(explorer, TellsBlocks) and explorer.may_tell_blocks]


__all__ = ['EXPLORERS', 'AddressReport', 'Block', 'Explorer', 'Page', 'StepsDown', 'TellsBlocks', 'explorers_of', 'tellers_of_blocks']
