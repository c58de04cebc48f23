"""An explorer of a chain with an Ethereum Virtual Machine whose word on tokens and fees is checked with a node of the chain.

The sum of transfers is no witness of itself: a token that came without an event would be neither in the list nor in the sum. A node is
asked for all tokens of the catalogue at the first download and daily, and in between for those that the ledger holds or that moved.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from chalicelib import clock, errors
from chalicelib.domain import currencies, money
from chalicelib.domain.ledgers import NOTHING, Entry, Holding, Unreadable
from chalicelib.models import Cursor, Ledger
from chalicelib.providers.explorers import AddressReport, Explorer, Page, explorers_of
from chalicelib.providers.explorers.etherscan import NOTHING_SETTLED, Etherscan, Settled
from chalicelib.providers.explorers.json_rpc import JsonRpc, TokenBalances
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo
from chalicelib.services.ledgers import policy
from chalicelib.services.ledgers.upstream_gate import UpstreamGate, foreseen

log = logging.getLogger(__name__)

NOT_CONFIRMED = 'no node told the balance'

Answer = TypeVar('Answer')


def with_witness(explorer: Explorer, ledger: Ledger, gate: UpstreamGate) -> 'Explorer | Witnessed':
    """Return an explorer whose word on tokens and fees is checked, or itself if it is a node, or its chain has no tokens."""
    tokens = [token.code for token in currencies.tokens_on(ledger.address_key.currency)]
    return Witnessed(explorer, ledger, gate, tokens) if isinstance(explorer, Etherscan) and tokens else explorer


@dataclass
class Witnessed:
    """Explores as `explorer` does, with the balances of tokens, and the fees that it does not tell, from a node.

    Where no node can be asked, the balances of tokens are the explorer's, and the ledger says that they are unconfirmed.
    """

    explorer: Etherscan
    ledger: Ledger
    gate: UpstreamGate
    tokens: Collection[str]
    _asked: set[str] = field(default_factory=set)
    _fails: bool = False

    @property
    def endpoint(self) -> Endpoint:
        return self.explorer.endpoint

    @property
    def info(self) -> UpstreamInfo:
        return self.explorer.info

    @property
    def counts_p2pk(self) -> bool:
        return self.explorer.counts_p2pk

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """See Explorer. The balances of tokens join `holdings` before the first page that it yields."""
        self._asked, self._fails = set(), False
        codes = {*held_codes, *(row.currency for row in self.ledger.unreadable_balances)} & {*self.tokens}
        first = self._balances(http, address, self.tokens if self._is_due else codes)
        if first is None:
            self.ledger.doubt_tokens(clock.now())
            return self._explorer.read(http, address, resume, held_codes)
        report = self._explorer.without_tokens().read(http, address, resume)
        holdings, unreadable = [*report.holdings, *first.holdings], list(first.unreadable)
        pages = report.pages if resume is not None else self._checked(http, report.holdings[0], report.pages)
        return AddressReport(holdings, self._pages(http, address, pages, holdings, unreadable), unreadable)

    def conclude(self) -> None:
        """Note in the ledger, whose report was stored, what was asked and told. Raises LeaseLost."""
        if self._asked and not self._fails:
            all_asked = self._asked >= {*self.tokens}
            self.ledger.confirm_tokens(clock.now(), all_asked=all_asked)

    @property
    def _explorer(self) -> Etherscan:
        """The explorer, told what of the coin's entries is settled, so that it can tell what the others must sum to."""
        return self.explorer.above(self._settled)

    @property
    def _settled(self) -> Settled:
        cursor: Cursor | None = self.ledger.cursor
        if cursor is None or not cursor.is_downloaded:
            return NOTHING_SETTLED
        return Settled(cursor.final_height, cursor.tallies().get(self.ledger.address_key.currency, NOTHING).sum)

    @property
    def _is_due(self) -> bool:
        """Whether all tokens are to be asked for: a day after the last time, with each full download, and while none are confirmed."""
        cursor, asked_at = self.ledger.cursor, self.ledger.tokens_asked_at
        doubted = cursor is None or not cursor.is_downloaded or asked_at is None or self.ledger.tokens_unconfirmed
        return bool(doubted or clock.now() - asked_at >= policy.DAY)

    def _pages(
        self, http: Http, address: str, pages: Iterable[Page], holdings: list[Holding], unreadable: list[Unreadable]
    ) -> Iterator[Page]:
        for page in pages:
            codes = self._touched(page.entries) - self._asked
            balances = self._balances(http, address, codes)
            if balances is None:
                self.ledger.doubt_tokens(clock.now())
                balances = TokenBalances(
                    [], [Unreadable(code, currencies.get(code).contract or '', NOT_CONFIRMED) for code in sorted(codes)]
                )
            holdings += balances.holdings
            unreadable += balances.unreadable
            yield page

    def _checked(self, http: Http, coin: Holding, pages: Iterable[Page]) -> Iterator[Page]:
        """Yield pages with the fees that the explorer does not tell, or does not tell all of where the coin's balance shows it.

        Rows do not tell that a transaction paid for blobs too (EIP-4844).
        """
        settled = self._settled
        total = settled.sum
        for page in pages:
            entries = self._with_fees(http, page.entries, [entry for entry in page.entries if entry.fee is None])
            newer = [entry for entry in entries if entry.currency == coin.currency and entry.height > settled.height]
            total = money.add(total, money.total(entry.delta for entry in newer))
            is_all = page.resume is None or int(page.resume) <= settled.height
            if is_all and total != coin.balance:
                entries = self._with_fees(http, entries, [entry for entry in newer if entry.fee])
            yield page._replace(entries=entries)

    def _touched(self, entries: Iterable[Entry]) -> set[str]:
        """Return the tokens that entries move, and with something new those that ever moved or may come without an event."""
        newest = self.ledger.newest_at
        cursor: Cursor | None = self.ledger.cursor
        codes = {entry.currency for entry in entries}
        if any(newest is None or entry.at > newest for entry in entries):
            codes |= {code for code in self.tokens if currencies.get(code).wraps_the_coin}
            codes |= set() if cursor is None else cursor.tallies().keys()
        return codes & {*self.tokens}

    def _with_fees(self, http: Http, entries: list[Entry], doubted: list[Entry]) -> list[Entry]:
        """Return entries with the fees that a node tells of the `doubted` ones among them."""
        references = [entry.reference for entry in doubted]
        fees: dict[str, Decimal] = (self._ask(lambda node: node.fees(http, references)) if references else None) or {}
        mended = {entry: _with_fee(entry, fees[entry.reference]) for entry in doubted if entry.reference in fees}
        return [mended.get(entry, entry) for entry in entries]

    def _balances(self, http: Http, address: str, codes: Collection[str]) -> TokenBalances | None:
        """Return the balances of tokens that a node tells, None if there is none that does."""
        if not codes:
            return TokenBalances([], [])
        balances = self._ask(lambda node: node.token_balances(http, address, codes))
        self._asked |= {*codes}
        self._fails = self._fails or balances is None
        return balances

    def _ask(self, question: Callable[[JsonRpc], Answer]) -> Answer | None:
        """Return what the first node that works answers, None if there is none."""
        key = self.ledger.address_key
        for node in explorers_of(key.currency, key.address):
            if isinstance(node, JsonRpc):
                try:
                    with foreseen(node.endpoint, self.ledger.pk):
                        answer = question(node)
                except errors.Upstream as error:
                    log.warning('%s: %s', self.ledger.pk, error)
                    self.gate.failed(error, self.ledger.pk)
                else:
                    self.gate.worked(node.endpoint)
                    return answer
        return None


def _with_fee(entry: Entry, fee: Decimal) -> Entry:
    return entry._replace(fee=fee, delta=money.add(entry.delta, money.subtract(entry.fee or money.ZERO, fee)))
