"""What the metadata of a transaction on the XRP Ledger changes for an account. Pure: knows the nodes that rippled returns.

https://xrpl.org/docs/references/protocol/transactions/metadata. An issued currency is written `USD.rvYAfWj5…`, with its code, which is
of 3 characters or of 40 hexadecimal digits, and its issuer.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from chalicelib.domain import money
from chalicelib.providers.explorers.explorer import ODD_SHAPE

Row = Mapping[str, Any]

_VALUE = re.compile(r'-?[0-9]{1,100}(\.[0-9]{1,100})?(e[+-]?[0-9]{1,2})?')
_ACCOUNT, _LINE = 'AccountRoot', 'RippleState'


def issued_amount(text: str) -> Decimal:
    """Return an amount of an issued currency: up to 16 digits, perhaps with an exponent. Raises TypeError or ValueError if it is none.

    >>> issued_amount('1234567890123456e-6'), issued_amount('-0.5')
    (Decimal('1234567890.123456'), Decimal('-0.5'))
    """
    if not _VALUE.fullmatch(text):
        raise ValueError('an amount')
    return Decimal(text)


def coin_change(nodes: Sequence[Row], address: str) -> int:
    """Return the change of an account's XRP in drops. Raises one of ODD_SHAPE for nodes of another shape."""
    others = [node for _, node in _each(nodes) if _readable_sides(node, address)]  # trust lines, readable or not
    each_kind = ((kind, node) for each in nodes for kind, node in each.items() if node not in others)
    roots = (each for each in each_kind if each[1]['LedgerEntryType'] == _ACCOUNT and _fields(each[1]).get('Account') == address)
    changes = (_balances(kind, node, '0') for kind, node in roots)
    return sum(money.whole(after) - money.whole(before) for before, after in changes)


def token_change(nodes: Sequence[Row], address: str, contract: str) -> Decimal:
    """Return the change of what an account holds of an issued currency. Raises one of ODD_SHAPE for its line of another shape."""
    changes = []
    for kind, node in _each(nodes):
        sign = _readable_sides(node, address).get(contract)
        if sign is not None:
            if node['LedgerEntryType'] != _LINE:
                raise ValueError('no trust line')
            before, after = (issued_amount(each['value']) for each in _balances(kind, node, {'value': '0'}))
            changes.append(money.multiply(Decimal(sign), money.subtract(after, before)))
    return money.total(changes)


def contracts_in(row: Row, address: str) -> Iterator[str]:
    """Yield the issued currencies of which a transaction touches trust lines of an account, as far as their nodes can be read."""
    try:
        nodes = list(row['meta']['AffectedNodes'])
    except ODD_SHAPE:
        nodes = []
    for _, node in _each(nodes):
        yield from _readable_sides(node, address)


def _each(nodes: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    """Yield nodes with what happened to each; what is none is passed over."""
    for each in nodes:
        for kind, node in each.items() if isinstance(each, dict) else ():
            if isinstance(node, dict):
                yield kind, node


def _readable_sides(node: Row, address: str) -> dict[str, int]:
    """Return what an account may hold by a trust line; nothing of what is none or cannot be read."""
    try:
        return _sides(node, address)
    except ODD_SHAPE:
        return {}


def _fields(node: Row) -> Row:
    """Return the fields of a node after the transaction; a node with changes in its bookkeeping only has none."""
    return node.get('NewFields') or node.get('FinalFields') or {}


def _sides(node: Row, address: str) -> dict[str, int]:
    """Return what an account may hold by a trust line, with the sign of the balance: it is told as the low account sees it."""
    fields = _fields(node)
    if not fields:
        return {}
    low, high = (fields[name]['issuer'] for name in ('LowLimit', 'HighLimit'))
    code = fields['LowLimit']['currency']
    return {f'{code}.{issuer}': sign for holder, issuer, sign in ((low, high, 1), (high, low, -1)) if holder == address}


def _balances(kind: str, node: Row, zero: Any) -> tuple[Any, Any]:
    """Return the balances before and after a node is created, modified or deleted. New nodes lack fields that are zero."""
    fields, previous = _fields(node), node.get('PreviousFields', {})
    if kind == 'CreatedNode':
        return zero, fields.get('Balance', zero)
    if kind == 'DeletedNode':
        return previous.get('Balance', fields.get('Balance', zero)), zero
    if kind != 'ModifiedNode':
        raise ValueError('another kind of change')
    return (previous['Balance'], fields['Balance']) if 'Balance' in previous else (zero, zero)
