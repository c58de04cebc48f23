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
from chalicelib.providers.explorers.explorer import About, Explorer, Page, Reading
from chalicelib.providers.explorers.haskoin import Haskoin
from chalicelib.providers.explorers.horizon import Horizon
from chalicelib.providers.explorers.json_rpc import JsonRpc
from chalicelib.providers.explorers.koios import Koios
from chalicelib.providers.explorers.rippled import Rippled
from chalicelib.providers.explorers.solana_rpc import SolanaRpc
from chalicelib.providers.transport import Host

_HOLDS = ('balances',)
_LISTS = (*_HOLDS, 'transactions')
_SUMS = (*_LISTS, 'sent_received')
_SCRIPTS = (*_SUMS, 'unconfirmed')
_COUNTS = (*_SCRIPTS, 'p2pk_outputs')
_ESPLORA_API = 'https://github.com/Blockstream/esplora/blob/master/API.md'
_BLOCKCYPHER = (
    Host('blockcypher', 'https://api.blockcypher.com/v1', every_ms=400, secret='token'),
    About('BlockCypher', 'https://www.blockcypher.com/dev/bitcoin/', _COUNTS),
)
_BLOCKCHAIR = (
    Host('blockchair', 'https://api.blockchair.com', every_ms=2000, secret='key'),
    About('Blockchair', 'https://blockchair.com/api/docs', _COUNTS),
)
_HASKOIN_API = 'https://github.com/haskoin/haskoin-store/blob/master/swagger.yaml'
_HASKOIN_HISTORY = '50000 transactions'
_BLOCKBOOK = About('Blockbook', 'https://github.com/trezor/blockbook/blob/master/docs/api.md', _COUNTS)
_ETHERSCAN_HOST = Host('etherscan', 'https://api.etherscan.io/v2/api', every_ms=350, secret='apikey', needs_secret=True)
_ETHERSCAN_ABOUT = About('Etherscan', 'https://docs.etherscan.io/api-reference', _LISTS)
_ETHERSCAN = (_ETHERSCAN_HOST, _ETHERSCAN_ABOUT)
_BLOCKSCOUT = About('Blockscout', 'https://docs.blockscout.com/devs/apis/rpc/account', _LISTS)
_NODE_API = 'https://ethereum.org/developers/docs/apis/json-rpc'
_RIPPLED_API = 'https://xrpl.org/docs/references/http-websocket-apis'
_HORIZON_API = 'https://developers.stellar.org/docs/data/apis/horizon/api-reference'
_SOLANA_API = 'https://solana.com/docs/rpc'
_PUBLICNODE = About('PublicNode', _NODE_API, _HOLDS)


def _with_tokens(about: About) -> About:
    return about._replace(capabilities=(*about.capabilities, 'tokens'))


EXPLORERS: dict[str, tuple[Explorer, ...]] = {
    'btc': (
        Esplora(
            Host('blockstream', 'https://blockstream.info/api', every_ms=250),
            About('Blockstream Explorer', 'https://github.com/Blockstream/esplora/blob/master/API.md', _SCRIPTS),
            CHAINS['btc'],
        ),
        Esplora(
            Host('mempool', 'https://mempool.space/api', every_ms=250),
            About('mempool.space', 'https://mempool.space/docs/api/rest', _SCRIPTS),
            CHAINS['btc'],
        ),
        BlockchainInfo(
            Host('blockchain_info', 'https://blockchain.info', every_ms=1000),
            About('Blockchain.com Explorer', 'https://www.blockchain.com/explorer/api/blockchain_api', _COUNTS),
        ),
        BlockCypher(*_BLOCKCYPHER, CHAINS['btc']),
        Blockchair(*_BLOCKCHAIR, CHAINS['btc']),
    ),
    'ltc': (
        Esplora(
            Host('litecoinspace', 'https://litecoinspace.org/api', every_ms=250),
            About('Litecoin Space', _ESPLORA_API, _SCRIPTS),
            CHAINS['ltc'],
        ),
        Blockbook(Host('blockbook_ltc', '', every_ms=0), _BLOCKBOOK, CHAINS['ltc']),
        BlockCypher(*_BLOCKCYPHER, CHAINS['ltc']),
        Blockchair(*_BLOCKCHAIR, CHAINS['ltc']),
    ),
    'doge': (
        Blockbook(Host('blockbook_doge', '', every_ms=0), _BLOCKBOOK, CHAINS['doge']),
        BlockCypher(*_BLOCKCYPHER, CHAINS['doge']),
        Blockchair(*_BLOCKCHAIR, CHAINS['doge']),
    ),
    'bch': (
        Blockbook(Host('blockbook_bch', '', every_ms=0), _BLOCKBOOK, CHAINS['bch']),
        Haskoin(
            Host('haskoin', 'https://api.haskoin.com/bch', every_ms=500),
            About('Haskoin', _HASKOIN_API, _COUNTS, _HASKOIN_HISTORY),
            CHAINS['bch'],
        ),
        Haskoin(
            Host('blockchain_info_bch', 'https://api.blockchain.info/haskoin-store/bch', every_ms=1000),
            About('Blockchain.com Haskoin Store', _HASKOIN_API, _COUNTS, _HASKOIN_HISTORY),
            CHAINS['bch'],
        ),
        Blockchair(*_BLOCKCHAIR, CHAINS['bch']),
    ),
    'dash': (
        Blockbook(Host('blockbook_dash', '', every_ms=0), _BLOCKBOOK, CHAINS['dash']),
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
            Host('blockscout', 'https://eth.blockscout.com/api', every_ms=350, secret='apikey'),
            _with_tokens(_BLOCKSCOUT),
            CHAINS['eth'],
            lists=(*COIN_LISTS, 'tokentx'),
            lists_balances=True,
        ),
        JsonRpc(Host('publicnode', 'https://ethereum.publicnode.com', every_ms=250), _with_tokens(_PUBLICNODE), CHAINS['eth'], 1),
        JsonRpc(
            Host('merkle', 'https://eth.merkle.io', every_ms=250),
            _with_tokens(About('merkle', _NODE_API, _HOLDS)),
            CHAINS['eth'],
            1,
        ),
    ),
    'etc': (
        Etherscan(Host('blockscout_etc', 'https://etc.blockscout.com/api', every_ms=350, secret='apikey'), _BLOCKSCOUT, CHAINS['etc']),
        JsonRpc(Host('rivet', 'https://etc.rivet.link', every_ms=250), About('Rivet', _NODE_API, _HOLDS), CHAINS['etc'], 61),
    ),
    'pol': (
        Etherscan(*_ETHERSCAN, CHAINS['pol'], '137'),
        Etherscan(Host('blockscout_pol', 'https://polygon.blockscout.com/api', every_ms=350, secret='apikey'), _BLOCKSCOUT, CHAINS['pol']),
        JsonRpc(Host('publicnode_pol', 'https://polygon-bor-rpc.publicnode.com', every_ms=250), _PUBLICNODE, CHAINS['pol'], 137),
    ),
    'bnb': (
        Etherscan(*_ETHERSCAN, CHAINS['bnb'], '56'),
        JsonRpc(Host('publicnode_bnb', 'https://bsc-rpc.publicnode.com', every_ms=250), _PUBLICNODE, CHAINS['bnb'], 56),
    ),
    'avax': (
        Etherscan(*_ETHERSCAN, CHAINS['avax'], '43114'),
        JsonRpc(Host('publicnode_avax', 'https://avalanche-c-chain-rpc.publicnode.com', every_ms=250), _PUBLICNODE, CHAINS['avax'], 43114),
    ),
    'xrp': (
        Rippled(Host('xrplcluster', 'https://xrplcluster.com', every_ms=250), About('XRPL Cluster', _RIPPLED_API, _LISTS), CHAINS['xrp']),
        Rippled(Host('ripple', 'https://s2.ripple.com:51234', every_ms=250), About('Ripple', _RIPPLED_API, _LISTS), CHAINS['xrp']),
    ),
    'xlm': (
        Horizon(Host('lobstr', 'https://horizon.stellar.lobstr.co', every_ms=500), About('LOBSTR', _HORIZON_API, _LISTS), CHAINS['xlm']),
        Horizon(
            Host('stellar', 'https://horizon.stellar.org', every_ms=1000),
            About('Stellar Development Foundation', _HORIZON_API, _LISTS, history='1 year'),
            CHAINS['xlm'],
        ),
    ),
    'sol': (
        SolanaRpc(
            Host('solana', 'https://api.mainnet-beta.solana.com', every_ms=1000), About('Solana', _SOLANA_API, _LISTS), CHAINS['sol']
        ),
        SolanaRpc(
            Host('publicnode_sol', 'https://solana-rpc.publicnode.com', every_ms=500),
            About('PublicNode', _SOLANA_API, _HOLDS),
            CHAINS['sol'],
        ),
    ),
    'ada': (
        Koios(
            Host('koios', 'https://api.koios.rest/api/v1', every_ms=150, secret_header='Authorization: Bearer {}'),
            About('Koios', 'https://api.koios.rest/', _LISTS),
            CHAINS['ada'],
        ),
        Blockfrost(
            Host(
                'blockfrost',
                'https://cardano-mainnet.blockfrost.io/api/v0',
                every_ms=150,
                needs_secret=True,
                secret_header='project_id: {}',
            ),
            About('Blockfrost', 'https://docs.blockfrost.io/', _SUMS),
            CHAINS['ada'],
        ),
    ),
}


def explorers_of(currency: str, address: str) -> list[Explorer]:
    """Return the explorers to ask about an address, the best first.

    About a legacy address those come first that count pay-to-public-key outputs: the others miss such outputs silently.
    Those that cannot be asked here, for want of a server or a key, are not among them.
    """
    explorers = [explorer for explorer in EXPLORERS[currency] if explorer.host.can_be_asked]
    if addresses.is_legacy(currency, address):
        explorers.sort(key=lambda explorer: not explorer.counts_p2pk)
    return explorers


__all__ = ['EXPLORERS', 'About', 'Explorer', 'Page', 'Reading', 'explorers_of']
