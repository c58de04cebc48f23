"""The explorers of each chain, in the order in which they are asked."""

from chalicelib.domain import addresses
from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers.blockbook import Blockbook
from chalicelib.providers.explorers.blockchain_info import BlockchainInfo
from chalicelib.providers.explorers.blockchair import Blockchair
from chalicelib.providers.explorers.blockcypher import BlockCypher
from chalicelib.providers.explorers.blockfrost import Blockfrost
from chalicelib.providers.explorers.esplora import Esplora
from chalicelib.providers.explorers.etherscan import COIN_LISTS, Etherscan
from chalicelib.providers.explorers.explorer import AddressReport, Explorer, Page
from chalicelib.providers.explorers.haskoin import Haskoin
from chalicelib.providers.explorers.horizon import Horizon
from chalicelib.providers.explorers.json_rpc import JsonRpc
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
_BLOCKCYPHER = (
    Endpoint('blockcypher', 'https://api.blockcypher.com/v1', min_interval_ms=400, secret='token'),
    UpstreamInfo('BlockCypher', 'https://www.blockcypher.com/dev/bitcoin/', _COUNTS),
)
_BLOCKCHAIR = (
    Endpoint('blockchair', 'https://api.blockchair.com', min_interval_ms=2000, secret='key'),
    UpstreamInfo('Blockchair', 'https://blockchair.com/api/docs', _COUNTS),
)
_HASKOIN_API = 'https://github.com/haskoin/haskoin-store/blob/master/swagger.yaml'
_HASKOIN_HISTORY = '50000 transactions'
_BLOCKBOOK = UpstreamInfo('Blockbook', 'https://github.com/trezor/blockbook/blob/master/docs/api.md', _COUNTS)
_ETHERSCAN_HOST = Endpoint('etherscan', 'https://api.etherscan.io/v2/api', min_interval_ms=350, secret='apikey', needs_secret=True)
_ETHERSCAN_ABOUT = UpstreamInfo('Etherscan', 'https://docs.etherscan.io/api-reference', _LISTS)
_ETHERSCAN = (_ETHERSCAN_HOST, _ETHERSCAN_ABOUT)
_BLOCKSCOUT = UpstreamInfo('Blockscout', 'https://docs.blockscout.com/devs/apis/rpc/account', _LISTS)
_NODE_API = 'https://ethereum.org/developers/docs/apis/json-rpc'
_RIPPLED_API = 'https://xrpl.org/docs/references/http-websocket-apis'
_HORIZON_API = 'https://developers.stellar.org/docs/data/apis/horizon/api-reference'
_SOLANA_API = 'https://solana.com/docs/rpc'
_PUBLICNODE = UpstreamInfo('PublicNode', _NODE_API, _HOLDS)


def _with_tokens(info: UpstreamInfo) -> UpstreamInfo:
    return info._replace(capabilities=(*info.capabilities, 'tokens'))


EXPLORERS: dict[str, tuple[Explorer, ...]] = {
    'btc': (
        Esplora(
            Endpoint('blockstream', 'https://blockstream.info/api', min_interval_ms=250),
            UpstreamInfo('Blockstream Explorer', 'https://github.com/Blockstream/esplora/blob/master/API.md', _SCRIPTS),
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
        BlockCypher(*_BLOCKCYPHER, CHAINS['btc']),
        Blockchair(*_BLOCKCHAIR, CHAINS['btc']),
    ),
    'ltc': (
        Esplora(
            Endpoint('litecoinspace', 'https://litecoinspace.org/api', min_interval_ms=250),
            UpstreamInfo('Litecoin Space', _ESPLORA_API, _SCRIPTS),
            CHAINS['ltc'],
        ),
        Blockbook(Endpoint('blockbook_ltc', '', min_interval_ms=0), _BLOCKBOOK, CHAINS['ltc']),
        BlockCypher(*_BLOCKCYPHER, CHAINS['ltc']),
        Blockchair(*_BLOCKCHAIR, CHAINS['ltc']),
    ),
    'doge': (
        Blockbook(Endpoint('blockbook_doge', '', min_interval_ms=0), _BLOCKBOOK, CHAINS['doge']),
        BlockCypher(*_BLOCKCYPHER, CHAINS['doge']),
        Blockchair(*_BLOCKCHAIR, CHAINS['doge']),
    ),
    'bch': (
        Blockbook(Endpoint('blockbook_bch', '', min_interval_ms=0), _BLOCKBOOK, CHAINS['bch']),
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
        Blockchair(*_BLOCKCHAIR, CHAINS['bch']),
    ),
    'dash': (
        Blockbook(Endpoint('blockbook_dash', '', min_interval_ms=0), _BLOCKBOOK, CHAINS['dash']),
        BlockCypher(*_BLOCKCYPHER, CHAINS['dash']),
        Blockchair(*_BLOCKCHAIR, CHAINS['dash']),
    ),
    'eth': (
        Etherscan(
            _ETHERSCAN_HOST,
            _with_tokens(_ETHERSCAN_ABOUT),
            CHAINS['eth'],
            '1',
            (*COIN_LISTS, 'tokentx', 'txsBeaconWithdrawal', 'getminedblocks'),
        ),
        Etherscan(
            Endpoint('blockscout', 'https://eth.blockscout.com/api', min_interval_ms=350, secret='apikey'),
            _with_tokens(_BLOCKSCOUT),
            CHAINS['eth'],
            lists=(*COIN_LISTS, 'tokentx'),
            lists_balances=True,
        ),
        JsonRpc(
            Endpoint('publicnode', 'https://ethereum.publicnode.com', min_interval_ms=250), _with_tokens(_PUBLICNODE), CHAINS['eth'], 1
        ),
        JsonRpc(
            Endpoint('merkle', 'https://eth.merkle.io', min_interval_ms=250),
            _with_tokens(UpstreamInfo('merkle', _NODE_API, _HOLDS)),
            CHAINS['eth'],
            1,
        ),
    ),
    'etc': (
        Etherscan(
            Endpoint('blockscout_etc', 'https://etc.blockscout.com/api', min_interval_ms=350, secret='apikey'), _BLOCKSCOUT, CHAINS['etc']
        ),
        JsonRpc(
            Endpoint('rivet', 'https://etc.rivet.link', min_interval_ms=250), UpstreamInfo('Rivet', _NODE_API, _HOLDS), CHAINS['etc'], 61
        ),
    ),
    'pol': (
        Etherscan(*_ETHERSCAN, CHAINS['pol'], '137'),
        Etherscan(
            Endpoint('blockscout_pol', 'https://polygon.blockscout.com/api', min_interval_ms=350, secret='apikey'),
            _BLOCKSCOUT,
            CHAINS['pol'],
        ),
        JsonRpc(Endpoint('publicnode_pol', 'https://polygon-bor-rpc.publicnode.com', min_interval_ms=250), _PUBLICNODE, CHAINS['pol'], 137),
    ),
    'bnb': (
        Etherscan(*_ETHERSCAN, CHAINS['bnb'], '56'),
        JsonRpc(Endpoint('publicnode_bnb', 'https://bsc-rpc.publicnode.com', min_interval_ms=250), _PUBLICNODE, CHAINS['bnb'], 56),
    ),
    'avax': (
        Etherscan(*_ETHERSCAN, CHAINS['avax'], '43114'),
        JsonRpc(
            Endpoint('publicnode_avax', 'https://avalanche-c-chain-rpc.publicnode.com', min_interval_ms=250),
            _PUBLICNODE,
            CHAINS['avax'],
            43114,
        ),
    ),
    'xrp': (
        Rippled(
            Endpoint('xrplcluster', 'https://xrplcluster.com', min_interval_ms=250),
            UpstreamInfo('XRPL Cluster', _RIPPLED_API, _LISTS),
            CHAINS['xrp'],
        ),
        Rippled(
            Endpoint('ripple', 'https://s2.ripple.com:51234', min_interval_ms=250),
            UpstreamInfo('Ripple', _RIPPLED_API, _LISTS),
            CHAINS['xrp'],
        ),
    ),
    'xlm': (
        Horizon(
            Endpoint('lobstr', 'https://horizon.stellar.lobstr.co', min_interval_ms=500),
            UpstreamInfo('LOBSTR', _HORIZON_API, _LISTS),
            CHAINS['xlm'],
        ),
        Horizon(
            Endpoint('stellar', 'https://horizon.stellar.org', min_interval_ms=1000),
            UpstreamInfo('Stellar Development Foundation', _HORIZON_API, _LISTS, history='1 year'),
            CHAINS['xlm'],
        ),
    ),
    'sol': (
        SolanaRpc(
            Endpoint('solana', 'https://api.mainnet-beta.solana.com', min_interval_ms=1000),
            UpstreamInfo('Solana', _SOLANA_API, _LISTS),
            CHAINS['sol'],
        ),
        SolanaRpc(
            Endpoint('publicnode_sol', 'https://solana-rpc.publicnode.com', min_interval_ms=500),
            UpstreamInfo('PublicNode', _SOLANA_API, _HOLDS),
            CHAINS['sol'],
        ),
    ),
    'ada': (
        Koios(
            Endpoint('koios', 'https://api.koios.rest/api/v1', min_interval_ms=150, secret_header='Authorization: Bearer {}'),
            UpstreamInfo('Koios', 'https://api.koios.rest/', _LISTS),
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
            UpstreamInfo('Blockfrost', 'https://docs.blockfrost.io/', _SUMS),
            CHAINS['ada'],
        ),
    ),
}


def explorers_of(currency: str, address: str) -> list[Explorer]:
    """Return the explorers to ask about an address, the best first.

    About a legacy address those come first that count pay-to-public-key outputs: the others miss such outputs silently.
    Those that cannot be asked here, for want of a server or a key, are not among them.
    """
    explorers = [explorer for explorer in EXPLORERS[currency] if explorer.endpoint.can_be_asked]
    if addresses.is_legacy(currency, address):
        explorers.sort(key=lambda explorer: not explorer.counts_p2pk)
    return explorers


__all__ = ['EXPLORERS', 'AddressReport', 'Explorer', 'Page', 'explorers_of']
