"""The sample upstream: answers over HTTP as Bitcoin explorers do, for the sample chain alone. Keeps nothing and asks nobody."""

import argparse
import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from infra.fake_upstreams import account_upstreams, cardano, evm, hd_wallet, rates, solana, stellar, utxo, xrp
from infra.fake_upstreams.answer import Answer
from infra.fake_upstreams.bitcoin_chain import ADDRESSES as ADDRESSES
from infra.fake_upstreams.bitcoin_chain import (
    BUSY_ADDRESS,
    COINBASE_SCRIPT,
    TIP_HEIGHT,
    TIP_TIME,
    TRANSACTIONS,
    Coin,
    Output,
    Transaction,
    block_hash,
    script_of,
)

ESPLORA_PAGE = 25
MULTIADDR_PAGE = 100
RAWADDR_PAGE = 50
FINAL_SEQUENCE = 0xFFFFFFFF
NO_INDEX = 0xFFFFFFFF

EVERY_TRANSACTION = TRANSACTIONS + hd_wallet.TRANSACTIONS  # of one address: oldest first

# What a script begins and ends with, its Esplora type, and how Esplora spells it around the bytes between.
SCRIPTS = (
    ('41', 'ac', 'p2pk', 'OP_PUSHBYTES_65 {} OP_CHECKSIG'),
    ('76a914', '88ac', 'p2pkh', 'OP_DUP OP_HASH160 OP_PUSHBYTES_20 {} OP_EQUALVERIFY OP_CHECKSIG'),
    ('a914', '87', 'p2sh', 'OP_HASH160 OP_PUSHBYTES_20 {} OP_EQUAL'),
    ('0014', '', 'v0_p2wpkh', 'OP_0 OP_PUSHBYTES_20 {}'),
    ('5120', '', 'v1_p2tr', 'OP_PUSHNUM_1 OP_PUSHBYTES_32 {}'),
)

Json = dict[str, Any]
Owner = Callable[[Output], str | None]


class RefusedError(Exception):
    """The request is answered with `answer` instead."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


class Entry(NamedTuple):
    """One transaction as it touches an address: the values received and sent, in satoshi, output by output."""

    transaction: Transaction
    received: list[int]
    sent: list[int]

    @property
    def delta(self) -> int:
        return sum(self.received) - sum(self.sent)


def history(address: str, owner: Owner) -> list[Entry]:
    """What touches a sample address, newest first, with `owner` telling to whom the explorer attributes an output.

    Any other address has no history, the other parties of the sample too: the rest of theirs is not told here, so it would not add up.
    """
    if address not in (*ADDRESSES, *hd_wallet.ADDRESSES):
        return []
    entries = []
    for transaction in reversed(EVERY_TRANSACTION):
        received = [output.value for output in transaction.outputs if owner(output) == address]
        sent = [coin.output.value for coin in transaction.spent if owner(coin.output) == address]
        if received or sent:
            entries.append(Entry(transaction, received, sent))
    return entries


def respond(url: str) -> Answer:
    """The answer to `GET url`, a path whose first part is an upstream's key, with its query."""
    parts = urlsplit(url)
    _, upstream, *path = parts.path.split('/')
    if upstream not in UPSTREAMS:
        return Answer(404, 'no such upstream')
    try:
        return UPSTREAMS[upstream](path, dict(parse_qsl(parts.query)))
    except RefusedError as refused:
        return refused.answer


def respond_to_post(url: str, body: bytes) -> Answer:
    """The answer to `POST url` with a body of JSON."""
    parts = urlsplit(url)
    _, upstream, *path = parts.path.split('/')
    if upstream in account_upstreams.POSTED:
        return account_upstreams.POSTED[upstream](path, dict(parse_qsl(parts.query)), json.loads(body))
    if upstream not in POSTED:
        return Answer(404, 'no such upstream')
    return POSTED[upstream](path, json.loads(body))


def _json(value: Any) -> Answer:
    return Answer(200, json.dumps(value, separators=(',', ':')), 'application/json')


def _require_address(address: str, on_failure: Answer) -> None:
    try:
        script_of(address)
    except ValueError:
        raise RefusedError(on_failure) from None


def _size(transaction: Transaction) -> int:
    """In bytes, without unlocking scripts: nobody signed the sample."""
    inputs = 41 * len(transaction.spent) if transaction.spent else 41 + len(COINBASE_SCRIPT)
    return 10 + inputs + sum(9 + len(output.script) for output in transaction.outputs)


def _answer_esplora(path: list[str], query: dict[str, str]) -> Answer:
    """The Esplora HTTP API: https://github.com/Blockstream/esplora/blob/master/API.md"""
    match path:
        case ['address', address, *rest]:
            _require_address(address, Answer(400, 'Invalid Bitcoin address'))
            return _answer_esplora_address(address, rest)
        case ['tx', txid]:
            return _answer_esplora_transaction(txid)
        case ['blocks', 'tip', 'height']:
            return Answer(200, str(TIP_HEIGHT))
    raise RefusedError(Answer(404, 'endpoint does not exist'))


def _answer_esplora_address(address: str, rest: list[str]) -> Answer:
    entries = history(address, _esplora_owner)
    match rest:
        case []:
            return _json(_esplora_statistics(address, entries))
        case ['txs'] | ['txs', 'chain'] | ['txs', 'chain', '']:
            return _json(_esplora_page(entries))
        case ['txs', 'chain', last_seen]:
            places = [place for place, entry in enumerate(entries) if entry.transaction.txid == last_seen]
            return _json(_esplora_page(entries[places[0] + 1 :] if places else []))
        case ['txs', 'mempool']:
            return _json([])
    raise RefusedError(Answer(404, 'endpoint does not exist'))


def _answer_esplora_transaction(txid: str) -> Answer:
    if len(txid) != 64 or not set(txid) <= set('0123456789abcdef'):
        return Answer(400, 'Invalid hex string')
    for transaction in EVERY_TRANSACTION:
        if transaction.txid == txid:
            return _json(_esplora_transaction(transaction))
    return Answer(404, 'Transaction not found')


def _esplora_owner(output: Output) -> str | None:
    """Esplora looks an address up by its script, so what pays to a public key belongs to no address."""
    kind, _ = _describe_script(output.script)
    return None if kind == 'p2pk' else output.address


def _esplora_statistics(address: str, entries: list[Entry]) -> Json:
    received = [value for entry in entries for value in entry.received]
    sent = [value for entry in entries for value in entry.sent]
    return {
        'address': address,
        'chain_stats': _esplora_counts(received, sent, len(entries)),
        'mempool_stats': _esplora_counts([], [], 0),
    }


def _esplora_counts(received: list[int], sent: list[int], transactions: int) -> Json:
    return {
        'funded_txo_count': len(received),
        'funded_txo_sum': sum(received),
        'spent_txo_count': len(sent),
        'spent_txo_sum': sum(sent),
        'tx_count': transactions,
    }


def _esplora_page(entries: list[Entry]) -> list[Json]:
    return [_esplora_transaction(entry.transaction) for entry in entries[:ESPLORA_PAGE]]


def _esplora_transaction(transaction: Transaction) -> Json:
    size = _size(transaction)
    return {
        'txid': transaction.txid,
        'version': 1,
        'locktime': 0,
        'vin': [_esplora_input(coin) for coin in transaction.spent] or [_esplora_coinbase()],
        'vout': [_esplora_output(output) for output in transaction.outputs],
        'size': size,
        'weight': 4 * size,
        'fee': transaction.fee,
        'status': {
            'confirmed': True,
            'block_height': transaction.height,
            'block_hash': block_hash(transaction.height),
            'block_time': transaction.time,
        },
    }


def _esplora_input(coin: Coin) -> Json:
    return {
        'txid': coin.txid,
        'vout': coin.number,
        'prevout': _esplora_output(coin.output),
        'scriptsig': '',
        'scriptsig_asm': '',
        'is_coinbase': False,
        'sequence': FINAL_SEQUENCE,
    }


def _esplora_coinbase() -> Json:
    return {
        'txid': '0' * 64,
        'vout': NO_INDEX,
        'prevout': None,
        'scriptsig': COINBASE_SCRIPT.hex(),
        'scriptsig_asm': 'OP_PUSHBYTES_4 ffff001d OP_PUSHBYTES_1 20',
        'is_coinbase': True,
        'sequence': FINAL_SEQUENCE,
    }


def _esplora_output(output: Output) -> Json:
    kind, asm = _describe_script(output.script)
    owner = _esplora_owner(output)
    return {
        'scriptpubkey': output.script.hex(),
        'scriptpubkey_asm': asm,
        'scriptpubkey_type': kind,
        **({'scriptpubkey_address': owner} if owner else {}),
        'value': output.value,
    }


def _describe_script(script: bytes) -> tuple[str, str]:
    text = script.hex()
    for start, end, kind, asm in SCRIPTS:
        if text.startswith(start) and text.endswith(end):
            return kind, asm.format(text.removeprefix(start).removesuffix(end))
    raise ValueError(f'no sample pays to {text}')


def _answer_blockchain_info(path: list[str], query: dict[str, str]) -> Answer:
    """The part of https://www.blockchain.com/explorer/api/blockchain_api that tells of one address."""
    match path:
        case ['multiaddr']:
            return _answer_multiaddr(query)
        case ['rawaddr', address]:
            return _answer_rawaddr(address, query)
    raise RefusedError(Answer(404, 'Not Found'))


def _answer_multiaddr(query: dict[str, str]) -> Answer:
    address = query.get('active', '')
    _require_address(address, _blockchain_info_error())
    entries = history(address, _blockchain_info_owner)
    totals = _totals(entries)
    return _json(
        {
            'addresses': [{'address': address, **totals}],
            'wallet': {**totals, 'n_tx_filtered': len(entries)},
            'txs': _blockchain_info_page(address, entries, _page(query, 'n', MULTIADDR_PAGE), every_output=False),
            'info': {'latest_block': _latest_block()},
            'recommend_include_fee': True,
        }
    )


def _answer_rawaddr(address: str, query: dict[str, str]) -> Answer:
    _require_address(address, _blockchain_info_error())
    entries = history(address, _blockchain_info_owner)
    unspent = sum(len(entry.received) - len(entry.sent) for entry in entries)
    return _json(
        {
            'address': address,
            **_totals(entries),
            'n_unredeemed': unspent,
            'txs': _blockchain_info_page(address, entries, _page(query, 'limit', RAWADDR_PAGE), every_output=True),
        }
    )


def _blockchain_info_error() -> Answer:
    body = {'error': 'not-found-or-invalid-arg', 'message': 'Item not found or argument invalid'}
    return Answer(400, json.dumps(body), 'application/json')


def _page(query: dict[str, str], size_name: str, largest: int) -> slice:
    size, offset = query.get(size_name, str(RAWADDR_PAGE)), query.get('offset', '0')
    if not (size.isdecimal() and offset.isdecimal()):
        raise RefusedError(_blockchain_info_error())
    return slice(int(offset), int(offset) + min(int(size), largest))


def _blockchain_info_owner(output: Output) -> str | None:
    return output.address


def _totals(entries: list[Entry]) -> Json:
    received = sum(sum(entry.received) for entry in entries)
    sent = sum(sum(entry.sent) for entry in entries)
    return {'final_balance': received - sent, 'n_tx': len(entries), 'total_received': received, 'total_sent': sent}


def _latest_block() -> Json:
    return {'hash': block_hash(TIP_HEIGHT), 'height': TIP_HEIGHT, 'time': TIP_TIME, 'block_index': TIP_HEIGHT}


def _blockchain_info_page(address: str, entries: list[Entry], page: slice, *, every_output: bool) -> list[Json]:
    """`multiaddr` leaves out what an incoming transaction pays to others, `rawaddr` does not."""
    balance = sum(entry.delta for entry in entries[page.start :])
    rendered = []
    for entry in entries[page]:
        outputs = list(enumerate(entry.transaction.outputs))
        if not every_output and not entry.sent:
            outputs = [(index, output) for index, output in outputs if output.address == address]
        rendered.append({**_blockchain_info_transaction(entry.transaction, outputs), 'result': entry.delta, 'balance': balance})
        balance -= entry.delta
    return rendered


def _blockchain_info_transaction(transaction: Transaction, outputs: Iterable[tuple[int, Output]]) -> Json:
    size = _size(transaction)
    return {
        'hash': transaction.txid,
        'ver': 1,
        'vin_sz': max(1, len(transaction.spent)),
        'vout_sz': len(transaction.outputs),
        'size': size,
        'weight': 4 * size,
        'fee': transaction.fee,
        'relayed_by': '0.0.0.0',
        'lock_time': 0,
        'tx_index': _tx_index(transaction.txid),
        'double_spend': False,
        'time': transaction.time,
        'block_index': transaction.height,
        'block_height': transaction.height,
        'inputs': _blockchain_info_inputs(transaction),
        'out': [_blockchain_info_output(transaction.txid, index, output) for index, output in outputs],
    }


def _blockchain_info_inputs(transaction: Transaction) -> list[Json]:
    if not transaction.spent:
        return [_blockchain_info_input(0, COINBASE_SCRIPT, _blockchain_info_nothing(transaction))]
    return [_blockchain_info_input(index, b'', _blockchain_info_output(*coin)) for index, coin in enumerate(transaction.spent)]


def _blockchain_info_input(index: int, script: bytes, prev_out: Json) -> Json:
    return {'sequence': FINAL_SEQUENCE, 'witness': '', 'script': script.hex(), 'index': index, 'prev_out': prev_out}


def _blockchain_info_nothing(coinbase: Transaction) -> Json:
    """What a coinbase spends: an output without address or value."""
    spending = [{'tx_index': _tx_index(coinbase.txid), 'n': 0}]
    return {'type': 0, 'spent': True, 'value': 0, 'spending_outpoints': spending, 'n': NO_INDEX, 'tx_index': 0, 'script': ''}


def _blockchain_info_output(txid: str, index: int, output: Output) -> Json:
    spending = SPENDING.get((txid, index))
    return {
        'type': 0,
        'spent': spending is not None,
        'value': output.value,
        'spending_outpoints': [spending] if spending else [],
        'n': index,
        'tx_index': _tx_index(txid),
        'script': output.script.hex(),
        'addr': output.address,
    }


def _tx_index(txid: str) -> int:
    return int(txid[:13], 16)


def _spending() -> dict[tuple[str, int], Json]:
    return {
        (coin.txid, coin.number): {'tx_index': _tx_index(transaction.txid), 'n': place}
        for transaction in EVERY_TRANSACTION
        for place, coin in enumerate(transaction.spent)
    }


SPENDING = _spending()
UPSTREAMS: dict[str, Callable[[list[str], dict[str, str]], Answer]] = (
    {
        'blockstream': _answer_esplora,
        'mempool': _answer_esplora,
        'blockchain_info': _answer_blockchain_info,
    }
    | utxo.UPSTREAMS
    | evm.UPSTREAMS
    | account_upstreams.UPSTREAMS
    | rates.UPSTREAMS
)
# One address with transactions on each chain.
SAMPLE_ADDRESSES: dict[str, str] = {
    'btc': BUSY_ADDRESS,
    **utxo.ADDRESSES,
    **dict.fromkeys(evm.WORLDS, evm.ADDRESS),
    'xrp': xrp.ADDRESS,
    'xlm': stellar.ADDRESS,
    'sol': solana.ADDRESS,
    'ada': cardano.ADDRESS,
}
POSTED: dict[str, Callable[[list[str], Any], Answer]] = {**evm.POSTED}  # those asked by POST, by key


class _Server(ThreadingHTTPServer):
    delay = 0.0


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._send(respond(self.path))

    def do_POST(self) -> None:
        self._send(respond_to_post(self.path, self.rfile.read(int(self.headers['Content-Length']))))

    def _send(self, answer: Answer) -> None:
        time.sleep(self.server.delay)
        body = answer.body.encode()
        # A caller that gave up waiting is no fault of this side.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(answer.status)
            self.send_header('Content-Type', answer.content_type)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the caller's log tells the story."""


def serve(port: int = 0, host: str = '127.0.0.1', delay: float = 0.0) -> ThreadingHTTPServer:
    """Bound and listening; it answers once the caller runs `serve_forever`.

    Port 0 takes a free one. Every answer waits `delay` seconds.
    """
    server = _Server((host, port), _Handler)
    server.delay = delay
    return server


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog='python -m infra.fake_upstreams', description=__doc__)
    parser.add_argument('--port', type=int, default=0, help='0, the default, takes a free one')
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--delay', type=float, default=0.0, metavar='SECONDS', help='wait before every answer')
    parser.add_argument('--addresses', action='store_true', help='print an address of each chain that has transactions, and exit')
    options = parser.parse_args(arguments)
    if options.addresses:
        print('\n'.join(f'{code:5} {address}' for code, address in SAMPLE_ADDRESSES.items()))
        return
    if options.delay < 0:
        parser.error('--delay cannot be negative')
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), serve(options.port, options.host, options.delay) as server:
        print(f'sample upstream at http://{options.host}:{server.server_port}', flush=True)
        server.serve_forever()
