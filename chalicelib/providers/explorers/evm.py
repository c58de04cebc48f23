"""The entries that the rows of explorers amount to, on chains with an Ethereum Virtual Machine.

Pure: knows the rows of Etherscan and Blockscout, not how they are requested. Rejects rows of another shape.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import combinations
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.currencies import Currency
from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.providers.explorers.explorer import ODD, ODD_SHAPE, checked, place_of, unreadable

Row = Mapping[str, Any]

_REFERENCE = re.compile('0x[0-9a-f]{64}|GENESIS_[0-9a-fA-F]{40}|(?:block|withdrawal)-[0-9]{1,20}')
_DESTROYED = ('suicide', 'selfdestruct')
_MOVES_NOTHING = ('delegatecall', 'staticcall', 'callcode')  # they repeat the value of the enclosing call
_GWEI = 10**9
_NOBODY = '0x' + 40 * '0'
_MOST_UNDONE, _MOST_COMBINED = 3, 40  # calls, and calls among which they are looked for
_BLOBS = ('3', '0x3', 3)  # the type of transactions that also pay for blobs (EIP-4844)

Rows = Mapping[str, Sequence[Row]]


class RowEffect(NamedTuple):
    """The change of one currency of an address by one row, in the smallest unit.

    `units` includes the `fee`, but nothing of it where that is unknown: None.
    """

    reference: str
    currency: str
    row: Row
    units: int
    fee: int | None = 0


@lru_cache
def tokens(currency: str) -> Mapping[str, Currency]:
    """Return the catalogue's tokens on the chain of a coin, by contract in lower case."""
    return MappingProxyType({token.contract.lower(): token for token in currencies.tokens_on(currency) if token.contract})


def height_of(row: Row) -> int:
    """Return the block number of a row. Raises ValueError if it is none."""
    height = money.whole(row['blockNumber'])
    if height < 0:
        raise ValueError('no block')
    return height


def units(value: object) -> int:
    """Return a number of smallest units. Raises ValueError if it is none, or negative."""
    number = money.whole(value)
    if number < 0:
        raise ValueError('a negative amount')
    return number


def without_odd(chain: Chain, address: str, rows: Rows) -> tuple[Rows, list[Unreadable]]:
    """Return rows that can be read, and the transactions one of whose rows cannot.

    What is left of such a transaction would be a wrong change of a currency, so none of its rows for that currency is kept: a transfer
    of a token costs that token, any other row the coin. Raises one of ODD_SHAPE if it cannot even be told which transaction a row is of.
    """
    readable: dict[str, Sequence[Row]] = {action: list(listed) for action, listed in rows.items()}
    readable['tokentx'] = [row for row in rows.get('tokentx', ()) if row['contractAddress'].lower() in tokens(chain.currency)]
    odd: dict[tuple[str, str], Unreadable] = {}
    for action, listed in readable.items():
        for row in listed:
            if not _has_shape(chain, address.lower(), action, row):
                odd_row = _odd_row(chain, action, row)
                odd[odd_row.currency, odd_row.reference] = odd_row
    for action in ('txlist', 'txlistinternal', 'tokentx'):
        kept = [row for row in readable.get(action, ()) if (_code_of(chain, action, row), _hash(row)) not in odd]
        readable[action] = kept
    return readable, list(odd.values())


def _has_shape(chain: Chain, address: str, action: str, row: Row) -> bool:
    try:
        for move in _MOVES[action](chain, address, row):
            _entry(chain, move)
        if action in ('txlist', 'txlistinternal'):
            _parties(row)
    except ODD_SHAPE:
        return False
    return True


def _odd_row(chain: Chain, action: str, row: Row) -> Unreadable:
    reference = _hash(row)
    if not _REFERENCE.fullmatch(reference):
        raise ValueError('not a transaction')
    code = _code_of(chain, action, row)
    return unreadable(chain, reference, ODD, at=lambda: _time_of(row), height=lambda: height_of(row), code=code)


def _code_of(chain: Chain, action: str, row: Row) -> str:
    """Return the currency that a row may change: that of the token that it transfers, or the chain's coin."""
    return tokens(chain.currency)[row['contractAddress'].lower()].code if action == 'tokentx' else chain.currency


def entries(chain: Chain, address: str, rows: Rows) -> list[Entry]:
    """Return the entries of an address, newest first, given the rows of whole blocks by the list that they come from.

    There is one entry for each transaction and currency. `txlist` has values and fees, which failed transactions pay too;
    `txlistinternal` payments by contracts; `tokentx` transfers of tokens. Only tokens of the catalogue count, and only where
    something moved: anyone can create tokens and send them around as advertising. For eth, `txsBeaconWithdrawal` and
    `getminedblocks` have income without a transaction. An entry whose fee is None lacks it in its delta.
    Raises LookupError, TypeError, ValueError or AttributeError for rows of another shape.
    """
    mine = address.lower()
    done = {**rows, 'txlistinternal': [*_lasting(rows)]}
    wrapping = [*_wrapping(chain, mine, done)]
    done['tokentx'] = [*_without(wrapping, chain, mine, rows.get('tokentx', ()))]
    moves = (move for action, listed in done.items() for row in listed for move in _MOVES[action](chain, mine, row))
    return sorted((_entry(chain, move) for move in _folded([*moves, *wrapping])), key=lambda entry: -entry.height)


def _lasting(rows: Rows) -> Iterator[Row]:
    """Yield the inner calls that were not undone: neither their transaction failed nor a call in which they were made.

    Only the call that fails is listed as an error, not what it had done before.
    """
    failed = {_hash(row) for row in rows.get('txlist', ()) if _is_error(row)}
    inner = rows.get('txlistinternal', ())
    undone = {(_hash(row), str(row['traceId'])) for row in inner if _is_error(row) and row.get('traceId')}
    for row in inner:
        place = str(row.get('traceId') or '').split('_')
        around = (('_'.join(place[:end])) for end in range(1, len(place)))
        if _hash(row) not in failed and not any((_hash(row), call) in undone for call in around):
            yield row


def without_undone(chain: Chain, address: str, rows: Rows, excess: Decimal) -> Rows:
    """Return rows without the inner calls that explain by how much the coin's entries sum to more than its balance.

    What a call did that was reverted later is listed as done. That it was not shows the balance, to the last digit. Returns `rows` if
    none of them, or one as well as another, would explain it.
    """
    calls = [(row, chain.amount(move.units)) for row in _lasting(rows) for move in _of_inner_call(chain, address.lower(), row)]
    for number in range(1, _MOST_UNDONE + 1 if len(calls) <= _MOST_COMBINED else 2):
        explanations = [few for few in combinations(calls, number) if money.total(units for _, units in few) == excess]
        if len(explanations) == 1:
            undone = [row for row, _ in explanations[0]]
            return {**rows, 'txlistinternal': [row for row in rows['txlistinternal'] if not any(row is one for one in undone)]}
        if explanations:
            break
    return rows


def _wrapping(chain: Chain, address: str, rows: Rows) -> Iterator[RowEffect]:
    """Yield what coins paid to and by contracts like WETH9 change of the token, of which those make no Transfer event.

    Whoever pays coins to such a contract gets as many tokens, whatever is called, and whom it pays had as many taken.
    """
    wrappers = {contract: token for contract, token in tokens(chain.currency).items() if token.wraps_the_coin}
    for action in ('txlist', 'txlistinternal'):
        for row in rows.get(action, ()):
            sender, receiver = _parties(row)
            token = wrappers.get(receiver if sender == address else sender)
            for move in _MOVES[action](chain, address, row) if token is not None and row.get('type') not in _DESTROYED else ():
                paid = move.units + (move.fee or 0)
                if paid and token is not None:
                    yield RowEffect(move.reference, token.code, row, -paid)


def _without(wrapping: Iterable[RowEffect], chain: Chain, address: str, transfers: Iterable[Row]) -> Iterator[Row]:
    """Yield the transfers of tokens but those by which Blockscout tells what `wrapping` tells: from and to nobody."""
    wrapped = Counter((move.reference, move.currency, move.units) for move in wrapping)
    for row in transfers:
        for move in _of_token(chain, address, row) if _NOBODY in _parties(row) else ():
            key = move.reference, move.currency, move.units
            if wrapped[key]:
                wrapped[key] -= 1
                break
        else:
            yield row


def _folded(moves: Iterable[RowEffect]) -> Iterable[RowEffect]:
    """Merge the moves of the same transaction and currency."""
    folded: dict[tuple[str, str], RowEffect] = {}
    for move in moves:
        known = folded.setdefault((move.reference, move.currency), move)
        if known is not move:
            fee = None if known.fee is None or move.fee is None else known.fee + move.fee
            folded[move.reference, move.currency] = known._replace(units=known.units + move.units, fee=fee)
    return folded.values()


def _entry(chain: Chain, move: RowEffect) -> Entry:
    currency = currencies.get(move.currency)
    entry = Entry(
        reference=move.reference,
        n=place_of(move.currency, chain),
        currency=move.currency,
        delta=money.scaled(move.units, currency.decimals),
        fee=None if move.fee is None else money.scaled(move.fee, currency.decimals),
        at=_time_of(move.row),
        height=height_of(move.row),
    )
    return checked(entry, chain, _REFERENCE)


def _of_transaction(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    """The sender pays for all gas, even if the transaction failed."""
    fee = _fee(chain, row) if row['from'].lower() == address else 0
    value = 0 if _is_error(row) else units(row['value']) * _direction(row, address)
    return [RowEffect(_hash(row), chain.currency, row, value - (fee or 0), fee)]


def _fee(chain: Chain, row: Row) -> int | None:
    """Return the fee that the sender of a transaction paid, None where its row does not tell all of it."""
    l1_fee = row.get('L1FeesPaid', '') if chain.pays_l1_fee else '0'
    if row['gasPrice'] == '' or l1_fee == '' or row.get('type') in _BLOBS:
        return None
    return units(row['gasUsed']) * units(row['gasPrice']) + units(l1_fee)


def _of_inner_call(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    """Blockscout lists the creation of a contract with index 0, but that is the transaction itself, which is in `txlist`."""
    idle = row.get('index') == '0' or row['type'] in _MOVES_NOTHING or row.get('callType') in _MOVES_NOTHING
    value = 0 if idle or _is_error(row) else units(row['value'])
    return [RowEffect(_hash(row), chain.currency, row, value * _direction(row, address))] if value else []


def _of_token(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    """Transfers of zero are left out: anyone can make one in anyone's name."""
    token = tokens(chain.currency).get(row['contractAddress'].lower())
    value = units(row['value']) if token is not None else 0
    parties = row['from'].lower(), row['to'].lower()
    direction = (parties[1] == address) - (parties[0] == address)
    return [RowEffect(_hash(row), token.code, row, value * direction)] if token is not None and value else []


def _of_withdrawal(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    return [RowEffect(f'withdrawal-{money.whole(row["withdrawalIndex"])}', chain.currency, row, units(row['amount']) * _GWEI)]


def _of_mined_block(chain: Chain, address: str, row: Row) -> list[RowEffect]:
    return [RowEffect(f'block-{height_of(row)}', chain.currency, row, units(row['blockReward']))]


_MOVES: Mapping[str, Callable[[Chain, str, Row], list[RowEffect]]] = {
    'txlist': _of_transaction,
    'txlistinternal': _of_inner_call,
    'tokentx': _of_token,
    'txsBeaconWithdrawal': _of_withdrawal,
    'getminedblocks': _of_mined_block,
}


def _direction(row: Row, address: str) -> int:
    """Return 1 for incoming value, -1 for outgoing value, 0 for what an address sends to itself.

    The receiver of a transaction that creates a contract is the contract.
    """
    sender, receiver = _parties(row)
    return (receiver == address) - (sender == address)


def _parties(row: Row) -> tuple[str, str]:
    return str(row['from']).lower(), str(row['to'] or row['contractAddress']).lower()


def _time_of(row: Row) -> int:
    return money.whole(row['timestamp'] if 'timestamp' in row else row['timeStamp'])


def _hash(row: Row) -> str:
    """Return the transaction's hash, which Blockscout calls `transactionHash` in inner calls."""
    reference = row.get('hash') or row['transactionHash']
    return reference if reference.startswith('GENESIS_') else str(reference.lower())


def _is_error(row: Row) -> bool:
    if row['isError'] not in ('0', '1'):
        raise ValueError('neither failed nor not')
    return bool(row['isError'] == '1')
