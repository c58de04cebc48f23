"""Explorers with Etherscan's API: Etherscan and Routescan for many chains, Blockscout for one chain each, or by one key for all.

https://docs.etherscan.io/api-reference: one API key for all chains; the free plan allows 3 requests a second, 100,000 a day and lists
of 1,000 rows, on selected chains. https://docs.blockscout.com/devs/apis/rpc: 3 requests a second without a key.
https://routescan.io/documentation: 2 requests a second without a key. Errors have status 200.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Blame, Upstream, UpstreamNotAsked, UpstreamRejected
from chalicelib.providers.explorers import evm
from chalicelib.providers.explorers.explorer import ODD_SHAPE, AddressReport, Page, expected_shape, refuse_rejected
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

COIN_LISTS = ('txlist', 'txlistinternal')
TOKEN_LIST = 'tokentx'

_WINDOW = 10_000  # rows that can be paged through below one end block
_SMALL_PAGE = 50
_NEWEST = 999_999_999  # higher than any block
_THROTTLED = re.compile('rate limit|too many requests|max calls per sec|temporarily unavailable', re.IGNORECASE)
_REFUSALS = (
    (re.compile('invalid address', re.IGNORECASE), UpstreamRejected, 'says that the address is invalid', Blame.REQUEST),
    (re.compile('not supported for this chain', re.IGNORECASE), UpstreamNotAsked, 'needs a paid plan for this chain: set {}', Blame.KEY),
    (re.compile('chain not supported', re.IGNORECASE), UpstreamNotAsked, 'does not cover this chain', Blame.REQUEST),
    (re.compile('api key', re.IGNORECASE), Upstream, 'rejects our API key, or demands one: set {}', Blame.KEY),
    (re.compile('deprecated', re.IGNORECASE), Upstream, 'no longer answers at this address', Blame.HOST),
)


class Settled(NamedTuple):
    """What the coin's entries up to a block sum to, as they were read earlier."""

    height: int
    sum: Decimal


NOTHING_SETTLED = Settled(-1, money.ZERO)


@dataclass(frozen=True)
class Etherscan:
    """Returns the coin of a chain and, if `lists` has `tokentx`, the catalogue's tokens there. Amounts are strings of integers.

    `multichain`: the endpoint serves several chains and expects a chain id as a parameter; it is put into `path` where that has `{}`.
    `lists_balances`: it lists all tokens held at once. `tells_tokens`: it is asked for balances of tokens.
    The lists of an address are merged block by block: a page consists of the blocks that every list covers completely, and
    `resume` is the block from which the next page goes down. Counts and totals are not available. A transaction that arrives
    between two requests makes the sum wrong until the next refresh. Some changes are not listed, so such ledgers do not
    reconcile: uncle rewards. What a reverted call paid is listed though it was taken back: left out where the balance shows it.
    """

    endpoint: Endpoint
    info: UpstreamInfo
    chain: Chain
    multichain: bool = False
    path: str = ''
    lists: tuple[str, ...] = COIN_LISTS
    lists_balances: bool = False
    first_page: int = 100  # enough for new transactions
    page: int = 1_000
    counts_p2pk: bool = False
    tells_tokens: bool = True
    settled: Settled = NOTHING_SETTLED

    def without_tokens(self) -> 'Etherscan':
        """Return the same explorer, but asked only for the balance of the coin."""
        return replace(self, tells_tokens=False)

    def above(self, settled: Settled) -> 'Etherscan':
        """Return the same explorer for a reader that takes only what is above a block."""
        return replace(self, settled=settled)

    def in_smaller_steps(self) -> 'Etherscan':
        return replace(self, first_page=min(self.first_page, _SMALL_PAGE), page=_SMALL_PAGE)

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See Explorer. Tokens join `holdings` when their first transfer is read, before its page is yielded."""
        balances = _Balances(self, http, address)
        balances.add(held_codes)
        return AddressReport(balances.holdings, self._pages(http, address, resume, balances))

    def _pages(self, http: Http, address: str, resume: str | None, balances: '_Balances') -> Iterator[Page]:
        lists = {action: _List(self, http, action, address) for action in self.lists}
        end = int(resume) if resume else _NEWEST
        total = self.settled.sum
        while True:
            for listed in lists.values():
                listed.reach_below(end)
            floor = max(listed.floor for listed in lists.values())
            with expected_shape(self.endpoint, 'transactions'):
                taken: evm.Rows = {action: listed.take_above(floor) for action, listed in lists.items()}
                rows, entries, odd = self._readable(address, taken)
                total = money.add(total, self._sum(entries))
                if not odd and resume is None and floor <= self.settled.height < end and total != balances.coin:
                    rows = evm.without_undone(self.chain, address, rows, money.subtract(total, balances.coin))
                    entries = evm.entries(self.chain, address, rows)
                page = Page.of([*entries, *odd], str(floor) if floor >= 0 else None)
            balances.add({entry.currency for entry in entries})
            end = floor
            yield page
            if end < 0:
                return

    def _readable(self, address: str, rows: evm.Rows) -> tuple[evm.Rows, list[Entry], list[Unreadable]]:
        """Return rows that can be read, their entries, and the transactions that cannot be read."""
        try:
            return rows, evm.entries(self.chain, address, rows), []
        except ODD_SHAPE:
            readable, odd = evm.without_odd(self.chain, address, rows)
            return readable, evm.entries(self.chain, address, readable), odd

    def _sum(self, entries: list[Entry]) -> Decimal:
        """Return by how much entries change the coin's balance above what is settled."""
        return money.total(one.delta for one in entries if one.currency == self.chain.currency and one.height > self.settled.height)

    def query(self, http: Http, action: str, address: str, **params: str) -> Any:
        """Return the result of an action of the module `account`, an empty list if there are no rows. Raises Upstream for errors."""
        network = {'chainid': str(self.chain.evm_id)} if self.multichain else {}
        answer = http.get(
            self.endpoint,
            self.path.format(self.chain.evm_id),
            {**network, 'module': 'account', 'action': action, 'address': address, **params},
        )
        refuse_rejected(answer)
        body = answer.json()
        with expected_shape(self.endpoint, 'an envelope'):
            status, message, result = body['status'], body['message'], body['result']
            is_empty = result == [] and message.startswith('No ')
        if status != '1' and not is_empty:
            raise self._refusal(f'{message} {result}')
        return result

    def _refusal(self, text: str) -> Upstream:
        if _THROTTLED.search(text):
            return Upstream(self.endpoint.key, 'rate-limits us', throttled=True)
        for pattern, kind, reason, blame in _REFUSALS:
            if pattern.search(text):
                return kind(self.endpoint.key, reason.format(self.endpoint.secret_setting), blame=blame)
        return Upstream(self.endpoint.key, 'returned an error')


class _Balances:
    """The holdings of the currencies requested so far, without tokens of which nothing is held."""

    def __init__(self, explorer: Etherscan, http: Http, address: str) -> None:
        self._explorer, self._http, self._address = explorer, http, address
        self._requested = {explorer.chain.currency}
        self.holdings = [self._holding(explorer.chain.currency, explorer.query(http, 'balance', address, tag='latest'))]
        if explorer.lists_balances and explorer.tells_tokens:
            self._add_listed(explorer.query(http, 'tokenlist', address))

    @property
    def coin(self) -> Decimal:
        return self.holdings[0].balance

    def add(self, codes: Collection[str]) -> None:
        """Add the holdings of those tokens among `codes` that have not been requested yet."""
        for code in sorted(set(codes) - self._requested) if self._explorer.tells_tokens else ():
            token = currencies.get(code)
            if token.contract is not None:
                units = self._explorer.query(self._http, 'tokenbalance', self._address, contractaddress=token.contract, tag='latest')
                self._append(code, units)

    def _add_listed(self, rows: list[Mapping[str, Any]]) -> None:
        known = evm.tokens(self._explorer.chain.currency)
        with expected_shape(self._explorer.endpoint, 'tokens'):
            for row in rows:
                token = known.get(row['contractAddress'].lower())
                if token is not None:
                    self._append(token.code, row['balance'])

    def _append(self, code: str, units: Any) -> None:
        holding = self._holding(code, units)
        self._requested.add(code)
        if holding.balance:
            self.holdings.append(holding)

    def _holding(self, code: str, units: Any) -> Holding:
        with expected_shape(self._explorer.endpoint, 'a balance'):
            balance = money.scaled(evm.units(units), currencies.get(code).decimals)
        return Holding(code, balance, sent=None, received=None, transactions=None)


class _List:
    """One list of an address, newest first, as far as it has been read: complete for the blocks above `floor`."""

    def __init__(self, explorer: Etherscan, http: Http, action: str, address: str) -> None:
        self._explorer, self._http, self._action, self._address = explorer, http, action, address
        self._rows: list[evm.Row] = []
        self.floor = _NEWEST

    def reach_below(self, end: int) -> None:
        """Read at least a page from block `end` down, unless that is done.

        Raises Upstream if that block alone has more rows than can be paged through.
        """
        if self.floor < end:
            return
        size = self._explorer.first_page if end == _NEWEST else self._explorer.page
        self._rows = []
        for number in range(1, _WINDOW // size + 1):
            page = self._page(end, number, size)
            self._rows += [row for row in page if evm.height_of(row) <= end]
            if len(page) < size:
                self.floor = -1
                return
            if self._rows and evm.height_of(self._rows[-1]) < end:
                self.floor = evm.height_of(self._rows[-1])
                return
        raise Upstream(self._explorer.endpoint.key, 'has more in one block than it lists')

    def take_above(self, floor: int) -> list[evm.Row]:
        """Remove and return the rows of blocks above `floor`."""
        taken = [row for row in self._rows if evm.height_of(row) > floor]
        self._rows = [row for row in self._rows if evm.height_of(row) <= floor]
        return taken

    def _page(self, end: int, number: int, size: int) -> list[evm.Row]:
        """Return a page of up to `size` rows, newest first; `getminedblocks` ignores the end block."""
        params = {'startblock': '0', 'endblock': str(end), 'page': str(number), 'offset': str(size), 'sort': 'desc'}
        rows: list[evm.Row] = self._explorer.query(self._http, self._action, self._address, **params)
        with expected_shape(self._explorer.endpoint, 'a list'):
            heights = [evm.height_of(row) for row in rows]
            if len(rows) > size or heights != sorted(heights, reverse=True):
                raise ValueError('not as requested')
        return rows
