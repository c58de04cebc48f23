"""What the rows that explorers list of an address do to it, on Ethereum and the chains that took its machine over.

Pure: knows the rows that Etherscan and Blockscout share, not how they are asked for. Refuses rows of another shape.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.currencies import Currency
from chalicelib.domain.ledgers import Entry
from chalicelib.providers.explorers.explorer import checked

Row = Mapping[str, Any]

_REFERENCE = re.compile('0x[0-9a-f]{64}|GENESIS_[0-9a-fA-F]{40}|(?:block|withdrawal)-[0-9]{1,20}')
_MOVES_NOTHING = ('delegatecall', 'staticcall', 'callcode')  # they show the value of the call around them
_GWEI = 10**9


class RowEffect(NamedTuple):
    """What one row does to one currency of an address, in its smallest unit; `units` include the `fee`."""

    reference: str
    currency: str
    row: Row
    units: int
    fee: int = 0


@lru_cache
def tokens(currency: str) -> Mapping[str, Currency]:
    """Return the catalogue's tokens on the chain of a coin by contract in lower case: it has those of Ethereum."""
    known = currencies.of_kind('token') if currency == 'eth' else ()
    return MappingProxyType({token.contract.lower(): token for token in known if token.contract})


def height_of(row: Row) -> int:
    """Return the number of the block that a row is of."""
    return money.whole(row['blockNumber'])


def entries(chain: Chain, address: str, rows: Mapping[str, Sequence[Row]]) -> list[Entry]:
    """Return what happened to an address by rows of whole blocks, given by the list they are of: newest first.

    One entry for each transaction and currency. `txlist` tells the value and the fee, which failed transactions pay too;
    `txlistinternal` what contracts paid, `tokentx` tokens: those of the catalogue, by contract, where something moved.
    Others are left out: whoever wants to be seen makes tokens and sends them about. Of eth, `txsBeaconWithdrawal` and
    `getminedblocks` tell what no transaction paid. Raises LookupError, TypeError, ValueError, AttributeError for other shapes.
    """
    failed = {_hash(row) for row in rows.get('txlist', ()) if _is_error(row)}
    lasting = {**rows, 'txlistinternal': [row for row in rows.get('txlistinternal', ()) if _hash(row) not in failed]}
    moves = (move for action, listed in lasting.items() for row in listed for move in _MOVES[action](chain, address.lower(), row))
    return sorted((_entry(chain, move) for move in _folded(moves)), key=lambda entry: -entry.height)


def _folded(moves: Iterable[RowEffect]) -> Iterable[RowEffect]:
    """Make one move of those of the same transaction and currency."""
    folded: dict[tuple[str, str], RowEffect] = {}
    for move in moves:
        known = folded.setdefault((move.reference, move.currency), move)
        if known is not move:
            folded[move.reference, move.currency] = known._replace(units=known.units + move.units, fee=known.fee + move.fee)
    return folded.values()


def _entry(chain: Chain, move: RowEffect) -> Entry:
    currency = currencies.get(move.currency)
    entry = Entry(
        reference=move.reference,
        n=0 if move.currency == chain.currency else currency.id,
        currency=move.currency,
        delta=money.scaled(move.units, currency.decimals),
        fee=money.scaled(move.fee, currency.decimals),
        at=money.whole(move.row['timestamp'] if 'timestamp' in move.row else move.row['timeStamp']),
        height=height_of(move.row),
    )
    return checked(entry, chain, _REFERENCE)


def _of_transaction(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    """Who sends pays for the gas, all of it, whatever became of the value."""
    fee = money.whole(row['gasUsed']) * money.whole(row['gasPrice']) if row['from'].lower() == address else 0
    value = 0 if _is_error(row) else money.whole(row['value']) * _direction(row, address)
    return [RowEffect(_hash(row), chain.currency, row, value - fee, fee)]


def _of_inner_call(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    """Blockscout lists a creation with index 0, which is the transaction itself and told in `txlist`."""
    idle = row.get('index') == '0' or row['type'] in _MOVES_NOTHING or row.get('callType') in _MOVES_NOTHING
    value = 0 if idle or _is_error(row) else money.whole(row['value'])
    return [RowEffect(_hash(row), chain.currency, row, value * _direction(row, address))] if value else []


def _of_token(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    """Transfers of nothing are left out: anybody can make one in the name of anybody."""
    token = tokens(chain.currency).get(row['contractAddress'].lower())
    value = money.whole(row['value']) if token is not None else 0
    parties = row['from'].lower(), row['to'].lower()
    direction = (parties[1] == address) - (parties[0] == address)
    return [RowEffect(_hash(row), token.code, row, value * direction)] if token is not None and value else []


def _of_withdrawal(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    return [RowEffect(f'withdrawal-{money.whole(row["withdrawalIndex"])}', chain.currency, row, money.whole(row['amount']) * _GWEI)]


def _of_mined_block(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    return [RowEffect(f'block-{height_of(row)}', chain.currency, row, money.whole(row['blockReward']))]


_MOVES: Mapping[str, Callable[[Chain, str, Row], list[RowEffect]]] = {
    'txlist': _of_transaction,
    'txlistinternal': _of_inner_call,
    'tokentx': _of_token,
    'txsBeaconWithdrawal': _of_withdrawal,
    'getminedblocks': _of_mined_block,
}


def _direction(row: Row, address: str) -> int:
    """Return 1 for value that comes in, -1 for value that goes out, 0 for what an address sends to itself.

    What makes a contract has no receiver but the contract.
    """
    sender, receiver = str(row['from']).lower(), str(row['to'] or row['contractAddress']).lower()
    return (receiver == address) - (sender == address)


def _hash(row: Row) -> str:
    """Return the transaction's hash, for which Blockscout has another name in inner calls."""
    found = row.get('hash') or row['transactionHash']
    return found if found.startswith('GENESIS_') else str(found.lower())


def _is_error(row: Row) -> bool:
    if row['isError'] not in ('0', '1'):
        raise ValueError('whether it failed')
    return bool(row['isError'] == '1')
