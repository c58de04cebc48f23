"""The explorers of each chain with an Ethereum Virtual Machine, in fail-over order: those that list transactions, then nodes.

Which plan of Etherscan has which chain: https://docs.etherscan.io/supported-chains. Routescan needs no key and has few chains; the
instances of Blockscout need none either, as long as each lasts. The API of Blockscout for all chains needs a key, which is free.
"""

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers.etherscan import COIN_LISTS, TOKEN_LIST, Etherscan
from chalicelib.providers.explorers.explorer import Explorer
from chalicelib.providers.explorers.json_rpc import JsonRpc
from chalicelib.providers.upstream import FREE, PAID, Endpoint, UpstreamInfo

_HOLDS = ('balances',)
_NODE_API = 'https://ethereum.org/developers/docs/apis/json-rpc'
_BLOCKSCOUT_API = 'https://docs.blockscout.com/devs/apis/rpc/account'
_READER = 2  # knows contracts like WETH9, and which inner calls were undone
_ROUTESCAN_PAGE = 500  # it times out on longer ones


def _etherscan(currency: str, *more_lists: str, plan: str = FREE) -> Etherscan:
    return Etherscan(
        Endpoint('etherscan', 'https://api.etherscan.io/v2/api', min_interval_ms=350, secret='apikey', needs_secret=True),
        UpstreamInfo('Etherscan', 'https://docs.etherscan.io/api-reference', _lists(currency), reader=_READER, plan=plan),
        CHAINS[currency],
        multichain=True,
        lists=(*_actions(currency), *more_lists),
    )


def _blockscout(currency: str, key: str, url: str) -> Etherscan:
    return Etherscan(
        Endpoint(key, url, min_interval_ms=350, secret='apikey'),
        UpstreamInfo('Blockscout', _BLOCKSCOUT_API, _lists(currency), reader=_READER),
        CHAINS[currency],
        lists=_actions(currency),
        lists_balances=_has_tokens(currency),
    )


def _blockscout_pro(currency: str) -> Etherscan:
    return Etherscan(
        Endpoint('blockscout_pro', 'https://api.blockscout.com', min_interval_ms=350, secret='apikey', needs_secret=True),
        UpstreamInfo('Blockscout PRO', 'https://docs.blockscout.com/devs/pro-api', _lists(currency), reader=_READER),
        CHAINS[currency],
        path='/{}/api',
        lists=_actions(currency),
        lists_balances=_has_tokens(currency),
    )


def _routescan(currency: str) -> Etherscan:
    return Etherscan(
        Endpoint('routescan', 'https://api.routescan.io', min_interval_ms=600, secret='apikey'),
        UpstreamInfo('Routescan', 'https://routescan.io/documentation', _lists(currency), reader=_READER),
        CHAINS[currency],
        path='/v2/network/mainnet/evm/{}/etherscan/api',
        lists=_actions(currency),
        page=_ROUTESCAN_PAGE,
    )


def _node(currency: str, key: str, title: str, url: str) -> JsonRpc:
    capabilities = (*_HOLDS, 'tokens') if _has_tokens(currency) else _HOLDS
    return JsonRpc(Endpoint(key, url, min_interval_ms=250), UpstreamInfo(title, _NODE_API, capabilities), CHAINS[currency])


def _lists(currency: str) -> tuple[str, ...]:
    return (*_HOLDS, 'transactions', 'tokens') if _has_tokens(currency) else (*_HOLDS, 'transactions')


def _actions(currency: str) -> tuple[str, ...]:
    return (*COIN_LISTS, TOKEN_LIST) if _has_tokens(currency) else COIN_LISTS


def _has_tokens(currency: str) -> bool:
    return bool(currencies.tokens_on(currency))


EVM_EXPLORERS: dict[str, tuple[Explorer, ...]] = {
    'eth': (
        _etherscan('eth', 'txsBeaconWithdrawal', 'getminedblocks'),
        _blockscout('eth', 'blockscout', 'https://eth.blockscout.com/api'),
        _routescan('eth'),
        _blockscout_pro('eth'),
        _node('eth', 'publicnode', 'PublicNode', 'https://ethereum-rpc.publicnode.com'),
        _node('eth', 'drpc', 'dRPC', 'https://eth.drpc.org'),
        _node('eth', 'merkle', 'merkle', 'https://eth.merkle.io'),
    ),
    'etc': (
        _blockscout('etc', 'blockscout_etc', 'https://etc.blockscout.com/api'),
        _node('etc', 'rivet', 'Rivet', 'https://etc.rivet.link'),
    ),
    'pol': (
        _etherscan('pol'),
        _blockscout('pol', 'blockscout_pol', 'https://polygon.blockscout.com/api'),
        _blockscout_pro('pol'),
        _node('pol', 'publicnode_pol', 'PublicNode', 'https://polygon-bor-rpc.publicnode.com'),
        _node('pol', 'drpc_pol', 'dRPC', 'https://polygon.drpc.org'),
    ),
    'bnb': (
        _etherscan('bnb', plan=PAID),
        _node('bnb', 'publicnode_bnb', 'PublicNode', 'https://bsc-rpc.publicnode.com'),
        _node('bnb', 'drpc_bnb', 'dRPC', 'https://bsc.drpc.org'),
    ),
    'avax': (
        _etherscan('avax', plan=PAID),
        _routescan('avax'),
        _node('avax', 'publicnode_avax', 'PublicNode', 'https://avalanche-c-chain-rpc.publicnode.com'),
        _node('avax', 'avalanche', 'Avalanche', 'https://api.avax.network/ext/bc/C/rpc'),
    ),
    'eth-arbitrum': (
        _etherscan('eth-arbitrum'),
        _blockscout('eth-arbitrum', 'blockscout_arbitrum', 'https://arbitrum.blockscout.com/api'),
        _blockscout_pro('eth-arbitrum'),
        _node('eth-arbitrum', 'publicnode_arbitrum', 'PublicNode', 'https://arbitrum-one-rpc.publicnode.com'),
        _node('eth-arbitrum', 'arbitrum', 'Arbitrum', 'https://arb1.arbitrum.io/rpc'),
    ),
    'eth-optimism': (
        _etherscan('eth-optimism', plan=PAID),
        _routescan('eth-optimism'),
        _blockscout('eth-optimism', 'blockscout_optimism', 'https://explorer.optimism.io/api'),
        _blockscout_pro('eth-optimism'),
        _node('eth-optimism', 'publicnode_optimism', 'PublicNode', 'https://optimism-rpc.publicnode.com'),
        _node('eth-optimism', 'optimism', 'Optimism', 'https://mainnet.optimism.io'),
    ),
    'eth-base': (
        _etherscan('eth-base', plan=PAID),
        _blockscout('eth-base', 'blockscout_base', 'https://base.blockscout.com/api'),
        _blockscout_pro('eth-base'),
        _node('eth-base', 'publicnode_base', 'PublicNode', 'https://base-rpc.publicnode.com'),
        _node('eth-base', 'base', 'Base', 'https://mainnet.base.org'),
    ),
}
