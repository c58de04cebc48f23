"""Who tells a sample history of XRP, Stellar, Solana and Cardano in the format of which explorer."""

from collections.abc import Callable

from infra.fake_upstreams import cardano, solana, stellar, xrp
from infra.fake_upstreams.account_chains import Event, World
from infra.fake_upstreams.answer import Answer
from tests.support.account_explorers import Request

ADDRESSES = {'xrp': xrp.ADDRESS, 'xlm': stellar.ADDRESS, 'sol': solana.ADDRESS, 'ada': cardano.ADDRESS}
TOKENS = {'xrp': xrp.TOKENS, 'xlm': stellar.TOKENS, 'sol': solana.TOKENS, 'ada': cardano.TOKENS}
NAMES_ADDRESS: dict[str, Callable[[Event], bool]] = {'xlm': stellar.names_account, 'sol': solana.names_owner}
TELLERS: dict[str, Callable[[World, Request], Answer]] = {
    'xrplcluster': lambda world, request: xrp.tell_rippled(world, request.path, request.query, request.body),
    'lobstr': lambda world, request: stellar.tell_horizon(world, request.path, request.query),
    'solana': lambda world, request: solana.tell_node(world, request.path, request.query, request.body),
    'koios': lambda world, request: cardano.tell_koios(world, request.path, request.query, request.body),
    'blockfrost': lambda world, request: cardano.tell_blockfrost(world, request.path, request.query),
}
TELLERS |= {'ripple': TELLERS['xrplcluster'], 'stellar': TELLERS['lobstr'], 'publicnode_sol': TELLERS['solana']}
