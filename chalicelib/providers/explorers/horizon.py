"""Horizon, the HTTP API of the Stellar network.

https://developers.stellar.org/docs/data/apis/horizon/api-reference. No API key. The server of the Stellar
Development Foundation allows 3,600 requests an hour for each IP address and keeps one year of history; LOBSTR publishes no limit.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain import money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import UpstreamRejected
from chalicelib.providers.explorers.explorer import AddressReport, Page, checked, expected_shape, read_row, string_of
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_IDS_PER_TRANSACTION = 4_096  # those from a transaction's id on belong to its operations (SEP-35)
_AMOUNT = re.compile(r'([0-9]{1,12})\.([0-9]{7})')
_NATIVE = 'native'

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Horizon:
    """Returns XLM only, as strings with seven decimals.

    The delta of a transaction is the sum of its effects on the account, less the fee if the account paid it; failed transactions
    cost a fee too. Pages are cursors into a history that never changes. If the server has dropped old ledgers, its transactions
    do not sum to the balance.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    page: int = 50
    page_of_effects: int = 200
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See Explorer. An account merged into another holds nothing and keeps its transactions."""
        answer = self._get(http, f'/accounts/{address}')
        account: Any = answer.json() if answer.status != 404 else {'account_id': address, 'balances': []}
        with expected_shape(self.endpoint, 'an account'):
            if account['account_id'] != address:
                raise ValueError('not the requested account')
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
                read = [self._row(txn, address, effects.pop(token, [])) for txn, token in zip(txns, tokens, strict=True)]
                if any(_moved(rows) for rows in effects.values()):
                    raise ValueError('an effect of no transaction')
                cursor = str(tokens[-1]) if len(tokens) == self.page else None
                page = Page.of(read, cursor)
            yield page
            if cursor is None:
                return

    def _effects(self, http: Http, address: str, tokens: Sequence[int]) -> dict[int, list[Row]]:
        """Return the effects on an account by transaction id, including those of transactions in between."""
        by_transaction: dict[int, list[Row]] = {}
        cursor = f'{tokens[0] + _IDS_PER_TRANSACTION}-0'
        while True:
            rows = self._records(http, f'/accounts/{address}/effects', self.page_of_effects, cursor)
            with expected_shape(self.endpoint, 'effects'):
                operations = [money.whole(row['paging_token'].split('-')[0]) for row in rows]
                _check_newest_first(operations)
                for row, operation in zip(rows, operations, strict=True):
                    transaction = operation - operation % _IDS_PER_TRANSACTION
                    if transaction >= tokens[-1]:
                        by_transaction.setdefault(transaction, []).append(row)
                if len(rows) < self.page_of_effects or operations[-1] < tokens[-1]:
                    return by_transaction
                cursor = rows[-1]['paging_token']

    def _records(self, http: Http, path: str, limit: int, cursor: str | None, **params: str) -> list[Row]:
        """Return records, newest first, or nothing if the account does not exist."""
        place = {'cursor': cursor} if cursor else {}
        answer = self._get(http, path, {'order': 'desc', 'limit': str(limit), **place, **params})
        if answer.status == 404:
            return []
        body = answer.json()
        with expected_shape(self.endpoint, 'a list'):
            records: list[Row] = body['_embedded']['records']
            if not isinstance(records, list) or len(records) > limit:
                raise ValueError('no list, or longer than requested')
            return records

    def _get(self, http: Http, path: str, params: Mapping[str, str] | None = None) -> UpstreamResponse:
        """Send a GET. Raises UpstreamRejected if Horizon calls the address invalid, Upstream if a 404 is not Horizon's own."""
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

    def _row(self, txn: Row, address: str, effects: Sequence[Row]) -> Entry | Unreadable:
        return read_row(
            lambda: self._entry(txn, address, effects),
            self.chain,
            txn['hash'],
            at=lambda: _epoch(txn['created_at']),
            height=lambda: txn['ledger'],
        )

    def _entry(self, txn: Row, address: str, effects: Sequence[Row]) -> Entry:
        fee = money.whole(txn['fee_charged']) if string_of(txn['fee_account']) == address else 0
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
    """Return the change of the account's XLM by these effects, in stroops.

    For the sender of a path payment there is an effect for the payment, and one for each trade on its path, which is left out.
    """
    payers = {_operation(row) for row in effects if row['type'] == 'account_debited'}
    return sum(_change(row) for row in effects if row['type'] != 'trade' or _operation(row) not in payers)


def _operation(row: Row) -> str:
    return str(row['paging_token']).split('-')[0]


def _change(row: Row) -> int:
    """Return the change by one effect. Claimable balances and trades with pools have credits and debits of their own."""
    match string_of(row['type']):
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
    return _stroops(amount) if string_of(asset) == _NATIVE else 0


def _stroops(text: str) -> int:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError('an amount')
    return int(match[1] + match[2])


def _check_newest_first(tokens: Sequence[int]) -> None:
    if list(tokens) != sorted(tokens, reverse=True):
        raise ValueError('not newest first')
