"""Horizon, the HTTP API of the Stellar network.

https://developers.stellar.org/docs/data/apis/horizon/api-reference. No API key. The server of the Stellar
Development Foundation allows 3,600 requests an hour for each IP address and keeps one year of history; LOBSTR publishes no limit.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import UpstreamRejected
from chalicelib.providers.explorers import horizon_effects
from chalicelib.providers.explorers.explorer import (
    AddressReport,
    Page,
    checked,
    expected_shape,
    place_of,
    read_rows,
    read_token_holdings,
    string_of,
    unreadable,
)
from chalicelib.providers.explorers.horizon_effects import NATIVE, Row
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_IDS_PER_TRANSACTION = 4_096  # those from a transaction's id on belong to its operations (SEP-35)
_TOO_MANY = 'too many effects'


class _Effects(NamedTuple):
    """The effects on an account by transaction id: all down to the id `oldest`, but for those of the transaction `cut_off`, if any."""

    by_transaction: Mapping[int, list[Row]]
    oldest: int
    cut_off: int | None = None


@dataclass(frozen=True)
class Horizon:
    """Returns XLM and the assets of the catalogue, as strings with seven decimals.

    The delta of a transaction is the sum of its effects on the account, less the fee if the account paid it; failed transactions
    cost a fee too. Only effects tell of transactions that move assets and do not touch the account itself: trades of its offers, and
    payments by contracts. Pages are cursors into a history that never changes, and end early where there are many of these. Of a single
    transaction with more effects than `most_pages_of_one` have, nobody knows what it moves. If the server
    has dropped old ledgers, its transactions do not sum to the balance.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    page: int = 50
    page_of_effects: int = 200
    most_pages_of_effects: int = 10
    most_pages_of_one: int = 50
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See Explorer. An account merged into another holds nothing and keeps its transactions."""
        answer = self._get(http, f'/accounts/{address}')
        account: Any = answer.json() if answer.status != 404 else {'account_id': address, 'balances': []}
        with expected_shape(self.endpoint, 'an account'):
            if account['account_id'] != address:
                raise ValueError('not the requested account')
            rows = account['balances']
            coin = sum(horizon_effects.stroops(row['balance']) for row in rows if row['asset_type'] == NATIVE)
            assets = ((f'{row.get("asset_code")}-{row.get("asset_issuer")}', partial(self._balance, row)) for row in rows)
            tokens, unreadable_balances = read_token_holdings(self.chain, assets)
        holding = Holding(self.chain.currency, self.chain.amount(coin), sent=None, received=None, transactions=None)
        return AddressReport([holding, *tokens], self._pages(http, address, resume), unreadable_balances)

    def _balance(self, row: Row) -> Decimal:
        return self.chain.amount(horizon_effects.stroops(row['balance']))

    def _pages(self, http: Http, address: str, resume: str | None) -> Iterator[Page]:
        cursor = resume
        while True:
            txns = self._records(http, f'/accounts/{address}/transactions', self.page, cursor, include_failed='true')
            with expected_shape(self.endpoint, 'transactions'):
                listed = {money.whole(txn['paging_token']): txn for txn in txns}
                _check_newest_first(list(listed))
                oldest = 0 if len(txns) < self.page else min(listed)
            effects = self._effects(http, address, cursor, listed.keys(), oldest)
            hidden, oldest = self._hidden(http, address, effects, listed.keys())
            with expected_shape(self.endpoint, 'transactions'):
                newest_first = sorted(((token, txn) for token, txn in {**listed, **hidden}.items() if token >= oldest), reverse=True)
                rows = [row for token, txn in newest_first for row in self._rows(txn, token, address, effects, hidden=token in hidden)]
                cursor = str(oldest) if oldest else None
                page = Page.of(rows, cursor)
            yield page
            if cursor is None:
                return

    def _effects(self, http: Http, address: str, cursor: str | None, listed: Collection[int], oldest: int) -> _Effects:
        """Return the effects on an account from those before a cursor on, down to the id `oldest`, 0 for all there are.

        Or down to a later one where there are too many effects for one page of ours.
        """
        by_transaction: dict[int, list[Row]] = {}
        place = None if cursor is None else f'{cursor}-0'
        for number in count(1):
            rows = self._records(http, f'/accounts/{address}/effects', self.page_of_effects, place)
            with expected_shape(self.endpoint, 'effects'):
                operations = [money.whole(row['paging_token'].split('-')[0]) for row in rows]
                _check_newest_first(operations)
                for row, operation in zip(rows, operations, strict=True):
                    transaction = operation - operation % _IDS_PER_TRANSACTION
                    if transaction >= oldest:
                        by_transaction.setdefault(transaction, []).append(row)
                if len(rows) < self.page_of_effects or operations[-1] < oldest:
                    return _Effects(by_transaction, oldest)
                is_much = number >= self.most_pages_of_effects or len(by_transaction.keys() - listed) > self.page
                if is_much and len(by_transaction) > 1:
                    return _Effects(by_transaction, min(by_transaction) + _IDS_PER_TRANSACTION)  # of the last one there may be more
                if number >= self.most_pages_of_one:
                    [cut_off] = by_transaction
                    return _Effects(by_transaction, cut_off, cut_off)
                place = rows[-1]['paging_token']
        raise AssertionError

    def _hidden(self, http: Http, address: str, effects: _Effects, listed: Collection[int]) -> tuple[dict[int, Row], int]:
        """Return the transactions that only effects tell of, each of which takes a request, and the id down to which they are all."""
        unlisted = [token for token in effects.by_transaction if token >= effects.oldest and token not in listed]
        with expected_shape(self.endpoint, 'effects'):
            tokens = [token for token in unlisted if self._may_move(effects, token, address)]
        newest = sorted(tokens, reverse=True)[: self.page]
        hidden = {token: self._transaction(http, effects.by_transaction[token]) for token in newest}
        return hidden, newest[-1] if len(newest) < len(tokens) else effects.oldest

    def _may_move(self, effects: _Effects, token: int, address: str) -> bool:
        rows = effects.by_transaction[token]
        return token == effects.cut_off or any(horizon_effects.may_move(rows, asset) for asset in self._assets(rows, address))

    def _transaction(self, http: Http, effects: Sequence[Row]) -> Row:
        """Return the transaction of effects, which the account's list lacks. Raises Upstream."""
        operation = money.whole(effects[0]['paging_token'].split('-')[0])
        body = self._get(http, f'/operations/{operation}', {'join': 'transactions'}).json()
        with expected_shape(self.endpoint, 'an operation'):
            if money.whole(body['id']) != operation:
                raise ValueError('not the requested operation')
            txn: Row = body['transaction']
            string_of(txn['hash'])
        return txn

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

    def _rows(self, txn: Row, token: int, address: str, listed: _Effects, *, hidden: bool) -> list[Entry | Unreadable]:
        """Return what a transaction changes, by currency; one that is `hidden`, as the account is not touched, none of XLM."""
        at, height = lambda: _epoch(txn['created_at']), lambda: txn['ledger']
        if token == listed.cut_off:
            codes = [self.chain.currency, *(asset.code for asset in currencies.tokens_on(self.chain.currency))]
            return [unreadable(self.chain, string_of(txn['hash']), _TOO_MANY, at=at, height=height, code=code) for code in codes]
        effects = listed.by_transaction.get(token, [])
        tokens = currencies.tokens_by_contract(self.chain.currency)
        assets = {self.chain.currency: NATIVE} | {tokens[asset].code: asset for asset in self._assets(effects, address) if asset in tokens}

        def entry(code: str) -> Entry:
            pays = code == self.chain.currency and string_of(txn['fee_account']) == address
            fee = money.whole(txn['fee_charged']) if pays else 0
            return checked(
                Entry(
                    reference=txn['hash'],
                    n=place_of(code, self.chain),
                    currency=code,
                    delta=self.chain.amount(horizon_effects.moved(effects, assets[code]) - fee),
                    fee=self.chain.amount(fee),
                    at=_epoch(txn['created_at']),
                    height=money.whole(txn['ledger']),
                ),
                self.chain,
            )

        rows = read_rows(entry, assets, self.chain, txn['hash'], at=at, height=height)
        return [row for row in rows if not hidden or isinstance(row, Unreadable) or row.delta]

    def _assets(self, effects: Sequence[Row], address: str) -> list[str]:
        """Return XLM and the assets of the catalogue that effects name; an account holds nothing of what it issues itself."""
        named = horizon_effects.assets_in(effects)
        assets = currencies.tokens_by_contract(self.chain.currency)
        return [NATIVE, *(asset for asset in assets if asset in named and not asset.endswith(f'-{address}'))]


def _epoch(text: str) -> int:
    return int(datetime.strptime(text, '%Y-%m-%dT%H:%M:%SZ').replace(tzinfo=UTC).timestamp())


def _check_newest_first(tokens: Sequence[int]) -> None:
    if list(tokens) != sorted(tokens, reverse=True):
        raise ValueError('not newest first')
