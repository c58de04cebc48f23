"""One chain as each explorer of unspent outputs tells it, with what each of them counts as an address's."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.providers.explorers import EXPLORERS
from chalicelib.providers.explorers.blockbook import Blockbook
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.bitcoin_chain import COINBASE_PUBLIC_KEY, EARLY_ADDRESS
from tests.support.one_chain import Output, Transaction

Json = dict[str, Any]
Chain = Sequence[Transaction]
Teller = Callable[[Chain, list[str], Mapping[str, str]], Answer]

BY_SCRIPT = frozenset({'p2pkh'})
BY_KEY = frozenset({'p2pkh', 'p2pk'})
BY_ANY_KEY = frozenset({'p2pkh', 'p2pk', 'multisig'})
PAGE = 7
BLOCKBOOKS = [each.endpoint.key for explorers in EXPLORERS.values() for each in explorers if isinstance(each, Blockbook)]
_SCRIPTS = {'p2pkh': '76a914' + '00' * 20 + '88ac', 'p2pk': '21' + '02' * 33 + 'ac', 'data': '6a0568656c6c6f'}


class _Counted:
    """What an explorer counts of an address: outputs of some kinds."""

    def __init__(self, chain: Chain, address: str, kinds: frozenset[str]) -> None:
        self._address, self._kinds = address, kinds
        self.chain = [txn for txn in chain if self.of(txn.made) or self.of(txn.spent)]
        self.received = sum(sum(self.of(txn.made)) for txn in self.chain)
        self.sent = sum(sum(self.of(txn.spent)) for txn in self.chain)

    @property
    def balance(self) -> int:
        return self.received - self.sent

    def of(self, side: Sequence[Output]) -> list[int]:
        return [each.value for each in side if self._address in each.owners and each.kind in self._kinds]

    def change(self, txn: Transaction) -> int:
        return sum(self.of(txn.made)) - sum(self.of(txn.spent))


def _script(output: Output) -> str:
    if output.kind == 'p2pk' and output.owners == (EARLY_ADDRESS,):
        return '41' + COINBASE_PUBLIC_KEY.hex() + 'ac'
    if output.kind == 'multisig':
        return '51' + ''.join('21' + f'{number:02x}' * 33 for number in range(1, len(output.owners) + 1)) + f'5{len(output.owners)}ae'
    return _SCRIPTS[output.kind]


def tell_esplora(chain: Chain, path: list[str], query: Mapping[str, str]) -> Answer:
    """It finds outputs by their script, so that bare keys and multisig have no address."""
    counted = _Counted(chain, path[1], BY_SCRIPT)
    if len(path) == 2:
        sums = {'funded_txo_sum': counted.received, 'spent_txo_sum': counted.sent, 'tx_count': len(counted.chain)}
        return as_json({'address': path[1], 'chain_stats': sums, 'mempool_stats': dict.fromkeys(sums, 0)})
    txids = [txn.txid for txn in counted.chain]
    start = txids.index(path[4]) + 1 if len(path) > 4 else 0
    return as_json([esplora_transaction(txn) for txn in counted.chain[start : start + PAGE]])


def esplora_transaction(txn: Transaction) -> Json:
    return {
        'txid': txn.txid,
        'vin': [{'prevout': _esplora_output(each), 'is_coinbase': False} for each in txn.spent] or [{'prevout': None, 'is_coinbase': True}],
        'vout': [_esplora_output(each) for each in txn.made],
        'fee': txn.fee,
        'status': {'confirmed': True, 'block_height': txn.height, 'block_time': txn.time},
    }


def _esplora_output(output: Output) -> Json:
    address = {'scriptpubkey_address': output.owners[0]} if output.kind == 'p2pkh' else {}
    return {'scriptpubkey': _script(output), 'value': output.value, **address}


def tell_blockchain_info(chain: Chain, path: list[str], query: Mapping[str, str]) -> Answer:
    """It names the addresses of a multisig output one by one, and sums none of it."""
    counted, offset = _Counted(chain, query['active'], BY_KEY), int(query['offset'])
    sums = {'n_tx': len(counted.chain), 'total_received': counted.received, 'total_sent': counted.sent, 'final_balance': counted.balance}
    txns = [blockchain_info_transaction(txn) for txn in counted.chain[offset : offset + PAGE]]
    return as_json({'addresses': [{'address': query['active'], **sums}], 'txs': txns})


def blockchain_info_transaction(txn: Transaction) -> Json:
    return {
        'hash': txn.txid,
        'fee': txn.fee,
        'time': txn.time,
        'block_height': txn.height,
        'inputs': [{'prev_out': _blockchain_info_output(each)} for each in txn.spent] or [{'prev_out': None}],
        'out': [_blockchain_info_output(each) for each in txn.made],
    }


def _blockchain_info_output(output: Output) -> Json:
    names = ('addr', 'addr2')[: len(output.owners)]
    return {'value': output.value, 'script': _script(output), **dict(zip(names, output.owners, strict=True))}


def tell_blockcypher(chain: Chain, path: list[str], query: Mapping[str, str]) -> Answer:
    """It counts multisig outputs for each of their addresses. A page ends with a block."""
    counted, below = _Counted(chain, path[3], BY_ANY_KEY), int(query.get('before', '1000000000'))
    rest = [txn for txn in counted.chain if txn.height < below]
    end = PAGE
    while end < len(rest) and rest[end].height == rest[end - 1].height:
        end += 1
    sums = {'total_received': counted.received, 'total_sent': counted.sent, 'balance': counted.balance, 'unconfirmed_balance': 0}
    return as_json(sums | {'n_tx': len(counted.chain), 'txs': [_blockcypher_transaction(txn) for txn in rest[:end]]})


def _blockcypher_transaction(txn: Transaction) -> Json:
    inputs = [{'output_value': each.value, **_blockcypher_owners(each)} for each in txn.spent] or [{'output_index': -1}]
    return {
        'hash': txn.txid,
        'block_height': txn.height,
        'confirmed': datetime.fromtimestamp(txn.time, UTC).strftime('%Y-%m-%dT%H:%M:%SZ'),
        'fees': txn.fee,
        'vin_sz': len(inputs),
        'vout_sz': len(txn.made),
        'inputs': inputs,
        'outputs': [{'value': each.value, **_blockcypher_owners(each)} for each in txn.made],
    }


def _blockcypher_owners(output: Output) -> Json:
    kinds = {'p2pkh': 'pay-to-pubkey-hash', 'p2pk': 'pay-to-pubkey', 'multisig': 'pay-to-multi-pubkey-hash', 'data': 'null-data'}
    return {'addresses': list(output.owners) or None, 'script_type': kinds[output.kind]}


def tell_blockchair(chain: Chain, path: list[str], query: Mapping[str, str]) -> Answer:
    """It tells the change of an address only."""
    counted, offset = _Counted(chain, path[3], BY_KEY), int(query['offset'].split(',')[0])
    sums = {'balance': counted.balance, 'received': counted.received, 'spent': counted.sent, 'transaction_count': len(counted.chain)}
    txns = [
        {
            'block_id': txn.height,
            'hash': txn.txid,
            'time': datetime.fromtimestamp(txn.time, UTC).strftime('%Y-%m-%d %H:%M:%S'),
            'balance_change': counted.change(txn),
        }
        for txn in counted.chain[offset : offset + PAGE]
    ]
    return as_json({'data': {path[3]: {'address': sums, 'transactions': txns}}, 'context': {'code': 200, 'results': 1}})


def tell_haskoin(chain: Chain, path: list[str], query: Mapping[str, str]) -> Answer:
    """Outputs that it finds no address for have none, multisig among them."""
    counted = _Counted(chain, path[1].removeprefix('bitcoincash:'), BY_KEY)
    if path[2] == 'balance':
        return as_json({'confirmed': counted.balance, 'unconfirmed': 0, 'txs': len(counted.chain), 'received': counted.received})
    offset = int(query['offset'])
    return as_json([haskoin_transaction(txn) for txn in counted.chain[offset : offset + PAGE]])


def haskoin_transaction(txn: Transaction) -> Json:
    return {
        'txid': txn.txid,
        'fee': txn.fee,
        'inputs': [_haskoin_output(each) for each in txn.spent] or [{'coinbase': True, 'value': 0, 'address': None}],
        'outputs': [_haskoin_output(each) for each in txn.made],
        'block': {'height': txn.height, 'position': 1},
        'deleted': False,
        'time': txn.time,
    }


def _haskoin_output(output: Output) -> Json:
    address = f'bitcoincash:{output.owners[0]}' if output.kind in BY_KEY else None
    return {'address': address, 'pkscript': _script(output), 'value': output.value}


def tell_blockbook(chain: Chain, path: list[str], query: Mapping[str, str]) -> Answer:
    """It shows the addresses of all keys of a multisig output, says that they are none, and sums none of it."""
    counted, number = _Counted(chain, path[3], BY_KEY), int(query['page'])
    txns = [blockbook_transaction(txn) for txn in counted.chain[(number - 1) * PAGE : number * PAGE]]
    sums = {
        'page': number,
        'totalPages': -(-len(counted.chain) // PAGE) or 1,
        'balance': str(counted.balance),
        'totalReceived': str(counted.received),
        'totalSent': str(counted.sent),
        'unconfirmedBalance': '0',
        'txs': len(counted.chain),
    }
    return as_json(sums | {'transactions': txns})


def blockbook_transaction(txn: Transaction) -> Json:
    return {
        'txid': txn.txid,
        'vin': [_blockbook_output(each) for each in txn.spent] or [{'n': 0, 'isAddress': False, 'coinbase': '00'}],
        'vout': [_blockbook_output(each) for each in txn.made],
        'blockHeight': txn.height,
        'confirmations': 9,
        'blockTime': txn.time,
        'fees': str(txn.fee),
    }


def _blockbook_output(output: Output) -> Json:
    owners = list(output.owners) or ['OP_RETURN (hello)']
    return {'addresses': owners, 'isAddress': output.kind in BY_KEY, 'value': str(output.value), 'hex': _script(output)}


TELLERS: dict[str, Teller] = {
    **dict.fromkeys(('blockstream', 'mempool', 'litecoinspace'), tell_esplora),
    'blockchain_info': tell_blockchain_info,
    'blockcypher': tell_blockcypher,
    'blockchair': tell_blockchair,
    **dict.fromkeys(('haskoin', 'blockchain_info_bch'), tell_haskoin),
    **dict.fromkeys(BLOCKBOOKS, tell_blockbook),
}
