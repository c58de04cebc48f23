"""Servers of the XRP Ledger: rippled and Clio, over JSON-RPC.

https://xrpl.org/docs/references/http-websocket-apis, `account_info`, `account_lines` and `account_tx`. No API key. Public servers publish
no limit and slow down persistent clients; https://xrpl.org/docs/tutorials/public-servers says which of them keep the whole history.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.explorers import rippled_nodes
from chalicelib.providers.explorers.explorer import (
    AddressReport,
    Page,
    checked,
    expected_shape,
    place_of,
    read_rows,
    read_token_holdings,
    string_of,
)
from chalicelib.providers.explorers.rippled_nodes import Row
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

_FIRST_PAGE = 20  # enough for new transactions
_PAGE = 200
_MOST_PAGES_OF_LINES = 25  # an account has a few; who issues something has as many as people hold it
_LINES = 400  # of a page, as many as public servers return
_NEWEST = -1  # the newest validated ledger of the server
_EPOCH = 946_684_800  # 2000-01-01: the ledger counts seconds from here
_REFERENCE = re.compile('[0-9A-F]{64}')
_MOST_OF_A_MARKER = 1_000
_RATE_LIMITED = ('slowDown', 'tooBusy')
_TOO_MANY = 'too many trust lines'


class _Lines(NamedTuple):
    """Trust lines of an account: all of them, or as many as are read of one that has too many."""

    rows: list[Row]
    is_whole: bool


@dataclass(frozen=True)
class Rippled:
    """Returns XRP, in drops as strings, and the issued currencies of the catalogue, as decimals, from validated ledgers.

    Balances and transactions are read up to the same ledger, so none can arrive in between. Those that move no XRP of the account
    are entries of it too. If the server lacks old ledgers, its transactions do not sum to the balance.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    counts_p2pk: bool = False

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See Explorer. A deleted account holds nothing and keeps its transactions."""
        account = self._query(http, 'account_info', account=address, ledger_index='validated')
        with expected_shape(self.endpoint, 'an account'):
            ledger, drops = (_NEWEST, 0) if account is None else _balance(account, address)
            owns_nothing = account is None or account['account_data'].get('OwnerCount') == 0
            lines = _Lines([], is_whole=True) if owns_nothing else self._lines(http, address, ledger)
            issued = [(f'{line.get("currency")}.{line.get("account")}', partial(_issued_balance, line)) for line in lines.rows]
            tokens, unreadable = read_token_holdings(self.chain, issued)
        if not lines.is_whole:
            seen = {contract for contract, _ in issued}
            unseen = {
                contract: token for contract, token in currencies.tokens_by_contract(self.chain.currency).items() if contract not in seen
            }
            unreadable += [Unreadable(token.code, contract, _TOO_MANY) for contract, token in unseen.items()]
        holding = Holding(self.chain.currency, self.chain.amount(drops), sent=None, received=None, transactions=None)
        return AddressReport([holding, *tokens], self._pages(http, address, ledger, json.loads(resume) if resume else None), unreadable)

    def _lines(self, http: Http, address: str, ledger: int) -> _Lines:
        """Return the trust lines of an account at a ledger, or the first of them."""
        lines: list[Row] = []
        place: dict[str, Any] = {}
        for _ in range(_MOST_PAGES_OF_LINES):
            result = self._query(http, 'account_lines', account=address, ledger_index=ledger, limit=_LINES, **place)
            with expected_shape(self.endpoint, 'trust lines'):
                if result is None or result['account'] != address:
                    raise ValueError('not what was requested')
                lines += _list(result['lines'])
                after = result.get('marker')
            if after is None:
                return _Lines(lines, is_whole=True)
            if place.get('marker') == after:
                raise Upstream(self.endpoint.key, 'returned a page that leads back to itself')
            place = {'marker': after}
        return _Lines(lines, is_whole=False)

    def _pages(self, http: Http, address: str, ledger: int, marker: Any) -> Iterator[Page]:
        more = True
        while more:
            before = marker
            page, marker = self._page(http, address, ledger, before)
            more = marker is not None
            if more and marker == before:
                raise Upstream(self.endpoint.key, 'returned a page that leads back to itself')
            yield page

    def _page(self, http: Http, address: str, ledger: int, marker: Any) -> tuple[Page, Any]:
        place = {'limit': _FIRST_PAGE} if marker is None else {'limit': _PAGE, 'marker': marker}
        result = self._query(http, 'account_tx', account=address, ledger_index_min=-1, ledger_index_max=ledger, forward=False, **place)
        if result is None:
            return Page([], None), None
        with expected_shape(self.endpoint, 'transactions'):
            rows = [read for row in _list(result['transactions']) for read in self._rows(row, address)]
            heights = [row.height for row in rows if row.height is not None]
            if heights != sorted(heights, reverse=True):
                raise ValueError('not newest first')
            after = result.get('marker')
            return Page.of(rows, None if after is None else _written(after)), after

    def _query(self, http: Http, method: str, **params: Any) -> Mapping[str, Any] | None:
        """Return the result of a method, None if the account does not exist. Raises Upstream for errors, whose status is 200."""
        body = http.post(self.endpoint, '', {'method': method, 'params': [{'api_version': 1, **params}]}).json()
        with expected_shape(self.endpoint, 'an envelope'):
            result: Mapping[str, Any] = body['result']
            error = result.get('error')
            if error is None and result['status'] != 'success':
                raise ValueError('neither error nor success')
        if error not in (None, 'actNotFound'):
            raise self._refusal(error)
        return result if error is None else None

    def _refusal(self, error: Any) -> Upstream:
        if error == 'actMalformed':
            return UpstreamRejected(self.endpoint.key, 'says that the address is invalid')
        if error in _RATE_LIMITED:
            return Upstream(self.endpoint.key, 'rate-limits us', throttled=True)
        return Upstream(self.endpoint.key, 'returned an error')

    def _rows(self, row: Row, address: str) -> list[Entry | Unreadable]:
        """Return what a transaction changes, by currency."""
        tokens = currencies.tokens_by_contract(self.chain.currency)
        contracts = {tokens[contract].code: contract for contract in rippled_nodes.contracts_in(row, address) if contract in tokens}
        return read_rows(
            lambda code: self._entry(row, address, code, contracts.get(code)),
            [self.chain.currency, *sorted(contracts)],
            self.chain,
            row['tx']['hash'],
            at=lambda: _EPOCH + money.whole(row['tx']['date']),
            height=lambda: row['tx']['ledger_index'],
            known=_REFERENCE,
        )

    def _entry(self, row: Row, address: str, code: str, contract: str | None) -> Entry:
        """Net one currency of a transaction: XRP if there is no `contract`.

        The sender pays the fee even if it fails, or a delegate who sends on behalf of another (XLS-75).
        """
        txn, nodes = row['tx'], row['meta']['AffectedNodes']
        if row['validated'] is not True:
            raise ValueError('not validated')
        pays = contract is None and string_of(txn.get('Delegate', txn['Account'])) == address
        drops = rippled_nodes.coin_change(nodes, address) if contract is None else 0
        entry = Entry(
            reference=txn['hash'],
            n=place_of(code, self.chain),
            currency=code,
            delta=self.chain.amount(drops) if contract is None else rippled_nodes.token_change(nodes, address, contract),
            fee=self.chain.amount(money.whole(txn['Fee'])) if pays else money.ZERO,
            at=_EPOCH + money.whole(txn['date']),
            height=money.whole(txn['ledger_index']),
        )
        return checked(entry, self.chain, _REFERENCE)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError('no list')
    return value


def _written(marker: Any) -> str:
    """Return a marker as it is kept, whatever the server put into it. Raises ValueError if that is much."""
    text = json.dumps(marker)
    if len(text) > _MOST_OF_A_MARKER:
        raise ValueError('too long')
    return text


def _issued_balance(line: Row) -> Decimal:
    """Return the balance of a trust line. Raises ValueError for one that the account owes to the issuer."""
    balance = rippled_nodes.issued_amount(line['balance'])
    if balance < 0:
        raise ValueError('owed to the issuer')
    return balance


def _balance(result: Mapping[str, Any], address: str) -> tuple[int, int]:
    """Return the index of the validated ledger, and the account's balance there in drops, including reserves."""
    account = result['account_data']
    if result['validated'] is not True or account['Account'] != address:
        raise ValueError('not what was requested')
    return money.whole(result['ledger_index']), money.whole(account['Balance'])
