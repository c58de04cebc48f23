"""Horizon, the HTTP API of the Stellar network.

https://developers.stellar.org/docs/data/apis/horizon/api-reference. No key. The Stellar Development Foundation's allows 3,600 requests
an hour for each IP address and keeps one year of history; LOBSTR's publishes no number.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import UpstreamRejected
from chalicelib.providers.explorers.explorer import AddressReport, Page, checked, expected_shape
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_IN_A_TRANSACTION = 4_096  # numbers from that of a transaction on that are its operations' (SEP-35)
_AMOUNT = re.compile(r'([0-9]{1,12})\.([0-9]{7})')
_NATIVE = 'native'

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Horizon:
    """Tells XLM, as texts with seven places; other assets are not told of.

    A transaction's delta is what its effects on the account say, less the fee if the account paid that, which failed transactions
    cost too. Pages are cursors into a history that never changes. A server that dropped old ledgers lists less than makes the
    balance, which the sum shows.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    page: int = 50
    page_of_effects: int = 200
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held: Collection[str] = ()) -> AddressReport:
        """See Explorer. An account that was merged into another holds nothing and keeps its transactions."""
        answer = self._get(http, f'/accounts/{address}')
        account: Any = answer.json() if answer.status != 404 else {'account_id': address, 'balances': []}
        with expected_shape(self.endpoint, 'an account'):
            if account['account_id'] != address:
                raise ValueError('not the account asked for')
            stroops = sum(_stroops(row['balance']) for row in account['balances'] if row['asset_type'] == _NATIVE)
        holding = Holding(self.chain.currency, self.chain.amount(stroops), sent=None, received=None, transactions=None)
        return AddressReport([holding], self._pages(http, address, resume))

    def _pages(self, http: Http, address: str, resume: str | None) -> Iterator[Page]:
        cursor = resume
        while True:
            txns = self._records(http, f'/accounts/{address}/transactions', self.page, cursor, include_failed='true')
            with expected_shape(self.endpoint, 'transactions'):
                tokens = [money.whole(txn['paging_token']) for txn in txns]
                _check_newest_first(tokens)
            effects = self._effects(http, address, tokens) if tokens else {}
            with expected_shape(self.endpoint, 'transactions'):
                entries = [self._entry(txn, address, effects.pop(token, [])) for txn, token in zip(txns, tokens, strict=True)]
                if any(_moved(rows) for rows in effects.values()):
                    raise ValueError('an effect of no transaction')
            cursor = str(tokens[-1]) if len(tokens) == self.page else None
            yield Page(entries, cursor)
            if cursor is None:
                return

    def _effects(self, http: Http, address: str, tokens: Sequence[int]) -> dict[int, list[Row]]:
        """Return the effects of transactions and whatever came between them, by transaction."""
        found: dict[int, list[Row]] = {}
        cursor = f'{tokens[0] + _IN_A_TRANSACTION}-0'
        while True:
            rows = self._records(http, f'/accounts/{address}/effects', self.page_of_effects, cursor)
            with expected_shape(self.endpoint, 'effects'):
                operations = [money.whole(row['paging_token'].split('-')[0]) for row in rows]
                _check_newest_first(operations)
                for row, operation in zip(rows, operations, strict=True):
                    transaction = operation - operation % _IN_A_TRANSACTION
                    if transaction >= tokens[-1]:
                        found.setdefault(transaction, []).append(row)
                if len(rows) < self.page_of_effects or operations[-1] < tokens[-1]:
                    return found
                cursor = rows[-1]['paging_token']

    def _records(self, http: Http, path: str, limit: int, cursor: str | None, **params: str) -> list[Row]:
        """Return records, newest first; none where there is no such account."""
        place = {'cursor': cursor} if cursor else {}
        answer = self._get(http, path, {'order': 'desc', 'limit': str(limit), **place, **params})
        if answer.status == 404:
            return []
        body = answer.json()
        with expected_shape(self.endpoint, 'a list'):
            records: list[Row] = body['_embedded']['records']
            if not isinstance(records, list) or len(records) > limit:
                raise ValueError('no list, or more than asked for')
            return records

    def _get(self, http: Http, path: str, params: Mapping[str, str] | None = None) -> UpstreamResponse:
        """Ask. Raises UpstreamRejected where Horizon cannot read the address, Upstream for a 404 that is not its own."""
        answer = http.get(self.endpoint, path, params)
        if answer.status not in (400, 404):
            return answer
        problem = UpstreamResponse(answer.key, 200, answer.text).json()
        with expected_shape(self.endpoint, 'an error'):
            if answer.status == 400 and problem['extras']['invalid_field'] == 'account_id':
                raise UpstreamRejected(self.endpoint.key, 'says that the address is invalid')
            if answer.status == 404 and not problem['type'].endswith('/not_found'):
                raise ValueError('another error')
        return answer

    def _entry(self, txn: Row, address: str, effects: Sequence[Row]) -> Entry:
        fee = money.whole(txn['fee_charged']) if txn['fee_account'] == address else 0
        entry = Entry(
            reference=txn['hash'],
            n=0,
            currency=self.chain.currency,
            delta=self.chain.amount(_moved(effects) - fee),
            fee=self.chain.amount(fee),
            at=_epoch(txn['created_at']),
            height=money.whole(txn['ledger']),
        )
        return checked(entry, self.chain)


def _epoch(text: str) -> int:
    return int(datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(tzinfo=UTC).timestamp())


def _moved(effects: Sequence[Row]) -> int:
    """Return what effects add to the account's XLM.

    Who sends a path payment is told what was sent, and then of each trade on the way, which moves nothing of its own.
    """
    payers = {_operation(row) for row in effects if row['type'] == 'account_debited'}
    return sum(_change(row) for row in effects if row['type'] != 'trade' or _operation(row) not in payers)


def _operation(row: Row) -> str:
    return str(row['paging_token']).split('-')[0]


def _change(row: Row) -> int:
    """Return what one effect adds. Claimable balances and trades with pools are told as credits and debits beside."""
    match row['type']:
        case 'account_created':
            return _stroops(row['starting_balance'])
        case 'account_credited':
            return _native(row['asset_type'], row['amount'])
        case 'account_debited':
            return -_native(row['asset_type'], row['amount'])
        case 'trade':
            return _native(row['bought_asset_type'], row['bought_amount']) - _native(row['sold_asset_type'], row['sold_amount'])
        case 'liquidity_pool_deposited':
            return -sum(_native(reserve['asset'], reserve['amount']) for reserve in row['reserves_deposited'])
        case 'liquidity_pool_withdrew':
            return sum(_native(reserve['asset'], reserve['amount']) for reserve in row['reserves_received'])
    return 0


def _native(asset: str, amount: str) -> int:
    return _stroops(amount) if asset == _NATIVE else 0


def _stroops(text: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError('an amount')
    return int(found[1] + found[2])


def _check_newest_first(tokens: Sequence[int]) -> None:
    if list(tokens) != sorted(tokens, reverse=True):
        raise ValueError('not newest first')
