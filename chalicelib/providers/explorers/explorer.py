"""What every explorer implements, and what they share to read responses."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

TXID = re.compile(r'[0-9a-f]{64}')
ODD = 'unexpected shape'  # why a row is unreadable, unless there is more to say
_FAR_FUTURE = 4_102_444_800  # 2100-01-01
_HIGHEST = 10**12
_MOST_ODD = 2  # rows on a page with fewer entries: more of them are no rows, but an API that has changed
ODD_SHAPE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)
_REJECTED = re.compile(
    r'invalid[\w -]{0,20}address|invalid-arg|address on invalid network|address \S{1,100} is invalid|checksum', re.IGNORECASE
)


class Page(NamedTuple):
    """Some confirmed entries, newest first. `resume` is the position of the next page, None after the last.

    `unreadable` are rows that cannot be read, each of which costs only itself. `listed_above` is the height above which this page and those
    before it list everything, where the entries of several pages are in no order; None where they are in that of their heights.
    """

    entries: list[Entry]
    resume: str | None
    unreadable: Sequence[Unreadable] = ()
    listed_above: int | None = None

    def reaches(self, height: int) -> bool:
        """Whether this page and those before it list everything above a height."""
        if self.listed_above is not None:
            return self.listed_above <= height
        heights = [entry.height for entry in self.entries] + [row.height for row in self.unreadable if row.height is not None]
        return min(heights, default=height + 1) <= height

    @classmethod
    def of(cls, rows: Sequence[Entry | Unreadable], resume: str | None) -> 'Page':
        """Return a page of rows, each of them read or unreadable. Raises ValueError if several, and most of them, have an odd shape."""
        entries = [row for row in rows if isinstance(row, Entry)]
        unreadable = [row for row in rows if isinstance(row, Unreadable)]
        odd = {row.reference for row in unreadable if row.reason == ODD}
        if len(odd) > max(len({entry.reference for entry in entries}), _MOST_ODD):
            raise ValueError('rows of another shape')
        return cls(entries, resume, unreadable)


class AddressReport(NamedTuple):
    """An explorer's view of an address: confirmed holdings, and the pages of its transactions, which are requested as they are read.

    An explorer that lists no transactions has no pages. One that discovers tokens in transactions adds to `holdings` while pages are read,
    and to `unreadable` the tokens whose balance it cannot tell. `listed_up_to` is the height up to which the pages list everything, where
    that is known without an entry of that height. Entries below `listed_from` may have been listed once and are not any more:
    they are final.
    """

    holdings: list[Holding]
    pages: Iterator[Page]
    unreadable: Sequence[Unreadable] = ()
    listed_up_to: int | None = None
    listed_from: int = -1

    @property
    def heights(self) -> list[int]:
        """The height up to which everything is listed, if it is known."""
        return [] if self.listed_up_to is None else [self.listed_up_to]

    @property
    def final_below(self) -> int:
        """The height below which entries are final as they are not listed any more. What came after the pages were begun is not."""
        return self.listed_from if self.listed_up_to is None else min(self.listed_from, self.listed_up_to)


class Explorer(Protocol):
    """An upstream that returns balances and transactions of addresses.

    `counts_p2pk`: outputs paid to a bare public key count under the address of that key. Not so at explorers that index by
    script (Esplora).
    """

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def info(self) -> UpstreamInfo: ...

    @property
    def counts_p2pk(self) -> bool: ...

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        """Return a report on an address, with the transactions after `resume` of an earlier page, or all of them.

        `held_codes` are the currencies known to be held. Raises UpstreamRejected if the explorer says that the address is
        invalid, Upstream if it fails or returns something undocumented; reading `pages` raises Upstream too.

            report = explorer.read(http, 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4')
            [holding] = report.holdings
            entries = [entry for page in report.pages for entry in page.entries]
        """


@runtime_checkable
class StepsDown(Protocol):
    """An explorer that can be asked for less at once."""

    def in_smaller_steps(self) -> Explorer:
        """Return this explorer with shorter pages, for an address of which ordinary ones are too much for its server."""


@contextmanager
def expected_shape(endpoint: Endpoint, what: str) -> Iterator[None]:
    """Turn exceptions from reading an undocumented response into Upstream, whose message calls the response `what`."""
    try:
        yield
    except ODD_SHAPE as error:
        raise Upstream(endpoint.key, f'returned {what} of an unexpected shape ({type(error).__name__})') from None


def refuse_rejected(answer: UpstreamResponse) -> None:
    """Raise UpstreamRejected if a 400 says that the address is invalid; other 400s are failures of the upstream."""
    if answer.status == 400 and _REJECTED.search(answer.text):
        raise UpstreamRejected(answer.key, 'says that the address is invalid')


def read_row(
    read: Callable[[], Entry],
    chain: Chain,
    reference: object,
    *,
    at: Callable[[], object] = lambda: None,
    height: Callable[[], object] = lambda: None,
    known: re.Pattern[str] = TXID,
    code: str | None = None,
) -> Entry | Unreadable:
    """Return the entry that `read` makes of a row, or that the row cannot be read, with what of `at` and `height` can.

    `code` is the currency of which the row tells, the chain's coin unless given. Raises ValueError if not even its `reference` is one:
    then the row may be anything.
    """
    if not isinstance(reference, str) or not known.fullmatch(reference):
        raise ValueError('not a transaction')
    try:
        return read()
    except ODD_SHAPE:
        return unreadable(chain, reference, ODD, at=at, height=height, code=code)


def read_rows(
    read: Callable[[str], Entry],
    codes: Iterable[str],
    chain: Chain,
    reference: object,
    *,
    at: Callable[[], object],
    height: Callable[[], object],
    known: re.Pattern[str] = TXID,
) -> list[Entry | Unreadable]:
    """Return the entry that `read` makes of a transaction for each of some currencies, or that it cannot be read for that one.

    Tokens of which nothing moved are left out. Raises ValueError if `reference` is none.
    """
    rows = [read_row(partial(read, code), chain, reference, at=at, height=height, known=known, code=code) for code in codes]
    return [row for row in rows if isinstance(row, Unreadable) or row.delta or row.currency == chain.currency]


def read_token_holdings(chain: Chain, balances: Iterable[tuple[str, Callable[[], Decimal]]]) -> tuple[list[Holding], list[Unreadable]]:
    """Return what is held of the tokens of the catalogue, and those of which the balance cannot be read.

    `balances` has a function for each contract that an address holds, which reads the balance.
    """
    holdings, unreadable_balances = [], []
    tokens = currencies.tokens_by_contract(chain.currency)
    for contract, read in balances:
        if contract in tokens:
            code = tokens[contract].code
            try:
                holdings.append(Holding(code, read(), sent=None, received=None, transactions=None))
            except ODD_SHAPE:
                unreadable_balances.append(Unreadable(code, contract, ODD))
    return [holding for holding in holdings if holding.balance], unreadable_balances


def place_of(code: str, chain: Chain) -> int:
    """Return what tells the entry of a currency apart from the others of its transaction: 0 for the chain's coin."""
    return 0 if code == chain.currency else currencies.get(code).id


def unreadable(
    chain: Chain,
    reference: str,
    reason: str,
    *,
    at: Callable[[], object] = lambda: None,
    height: Callable[[], object] = lambda: None,
    code: str | None = None,
) -> Unreadable:
    """Return that what a transaction does to a currency, the chain's coin unless given, cannot be read.

    `at` and `height` are left out where they cannot be read either.
    """
    when, where = _value_of(at), _value_of(height)
    return Unreadable(
        code or chain.currency,
        reference,
        reason,
        at=when if _is_time(when, chain) else None,
        height=where if _is_height(where) else None,
    )


def checked(entry: Entry, chain: Chain, reference: re.Pattern[str] = TXID) -> Entry:
    """Return `entry`. Raises ValueError if it cannot be a transaction of the chain."""
    if not reference.fullmatch(entry.reference) or not _is_time(entry.at, chain) or not _is_height(entry.height):
        raise ValueError('not a transaction')
    return entry


def string_of(value: object) -> str:
    """Return a string. Raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError('not a text')
    return value


def _value_of(read: Callable[[], object]) -> int:
    try:
        return money.whole(read())
    except ODD_SHAPE:
        return -1


def _is_time(at: int, chain: Chain) -> bool:
    return chain.began <= at < _FAR_FUTURE


def _is_height(height: int) -> bool:
    return 0 <= height < _HIGHEST
