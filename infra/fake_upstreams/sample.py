"""The sample upstream: every fake explorer and rate source with sample data. It stores nothing and sends no requests."""

import argparse
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from infra.fake_upstreams import (
    blockchain_info,
    blocks,
    cardano,
    coins,
    esplora,
    evm,
    evm_explorers,
    evm_nodes,
    hd_wallet,
    kraken_account,
    rates,
    solana,
    stellar,
    utxo,
    xrp,
)
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.bitcoin_chain import ADDRESSES as ADDRESSES
from infra.fake_upstreams.bitcoin_chain import BUSY_ADDRESS, TRANSACTIONS, script_of
from infra.fake_upstreams.http_server import Request, Server

Get = Callable[[list[str], dict[str, str]], Answer]
Post = Callable[[list[str], Mapping[str, str], Any], Answer]

_SPENDING = blockchain_info.spending_of(TRANSACTIONS + hd_wallet.TRANSACTIONS)


def respond(request: Request) -> Answer:
    """Answer a request with the sample of the upstream that it names."""
    if request.upstream == 'kraken' and request.path[1:2] == ['private']:
        return kraken_account.SAMPLE.respond(request)
    if request.body is None:
        get = UPSTREAMS.get(request.upstream)
        return get(request.path, request.query) if get else Answer(404, 'no such upstream')
    post = POSTED.get(request.upstream)
    return post(request.path, request.query, request.body) if post else Answer(404, 'no such upstream')


def _answer_esplora(path: list[str], query: dict[str, str]) -> Answer:
    if path[:1] == ['address'] and not _is_address(path[1]):
        return Answer(400, 'Invalid Bitcoin address')
    return esplora.answer('btc', utxo.SAMPLE, path, query)


def _answer_blockchain_info(path: list[str], query: dict[str, str]) -> Answer:
    named = query.get('active', '') if path == ['multiaddr'] else path[-1] if path[:1] == ['rawaddr'] else None
    if named is not None and not _is_address(named):
        return blockchain_info.NOT_FOUND
    return blockchain_info.answer(utxo.SAMPLE, _SPENDING, path, query)


def _is_address(text: str) -> bool:
    try:
        script_of(text)
    except ValueError:
        return False
    return True


def _answer_generic(path: list[str], query: dict[str, str]) -> Answer:
    """What `https://sample.example/balances.json` tells, as a server of one's own does."""
    return as_json({'btc': '0.25', 'usd': '1200.50'}) if path == ['balances.json'] else Answer(404, 'not here')


UPSTREAMS: dict[str, Get] = {
    'generic': _answer_generic,
    'blockstream': _answer_esplora,
    'mempool': _answer_esplora,
    'blockchain_info': _answer_blockchain_info,
    **utxo.UPSTREAMS,
    **evm_explorers.UPSTREAMS,
    **stellar.UPSTREAMS,
    **cardano.UPSTREAMS,
    **rates.UPSTREAMS,
}
UPSTREAMS |= {
    key: blocks.with_blocks(coin, tell, UPSTREAMS[key])
    for key, coin, tell in (
        ('blockstream', 'btc', blocks.tell_esplora),
        ('mempool', 'btc', blocks.tell_esplora),
        ('litecoinspace', 'ltc', blocks.tell_esplora),
        ('haskoin', 'bch', blocks.tell_haskoin),
        ('blockchain_info_bch', 'bch', blocks.tell_haskoin),
        *((f'blockbook_{coin}', coin, blocks.tell_blockbook) for coin in coins.COINS),
    )
}
POSTED: dict[str, Post] = {**evm_nodes.POSTED, **xrp.POSTED, **solana.POSTED, **cardano.POSTED}


# One address with transactions on each chain.
SAMPLE_ADDRESSES: dict[str, str] = {
    'btc': BUSY_ADDRESS,
    **coins.ADDRESSES,
    **dict.fromkeys(evm.WORLDS, evm.ADDRESS),
    'xrp': xrp.ADDRESS,
    'xlm': stellar.ADDRESS,
    'sol': solana.ADDRESS,
    'ada': cardano.ADDRESS,
}


def serve(port: int = 0, host: str = '127.0.0.1', delay: float = 0) -> Server:
    """Return a server that listens, and answers once `serve_forever` runs; every answer waits `delay` seconds.

    Port 0 takes a free one.
    """
    return Server(lambda request: replace(respond(request), delay=delay), host, port)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog='python -m infra.fake_upstreams', description=__doc__)
    parser.add_argument('--port', type=int, default=0, help='default: 0, which picks a free one')
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--delay', type=float, default=0.0, metavar='SECONDS', help='delay before every response')
    parser.add_argument('--addresses', action='store_true', help='print an address of each chain that has transactions, and exit')
    options = parser.parse_args(arguments)
    if options.addresses:
        print('\n'.join(f'{code:12} {address}' for code, address in SAMPLE_ADDRESSES.items()))
        return
    if options.delay < 0:
        parser.error('--delay cannot be negative')
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), serve(options.port, options.host, options.delay) as server:
        print(f'sample upstream at {server.url}', flush=True)
        server.serve_forever()
