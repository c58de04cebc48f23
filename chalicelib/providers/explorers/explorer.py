"""What every explorer can do."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.errors import Upstream, UpstreamRejected
from chalicelib.providers.transport import Http, UpstreamResponse
from chalicelib.providers.upstream import Endpoint, UpstreamInfo

TXID = re.compile(r'[0-9a-f]{64}')
_FAR_FUTURE = 4_102_444_800  # 2100-01-01
_REJECTED = re.compile(
    r'invalid[\w -]{0,20}address|invalid-arg|address on invalid network|address \S{1,100} is invalid|checksum', re.IGNORECASE
)


class Page(NamedTuple):
    """Some confirmed entries, newest first; `resume` is where the next page starts, None after the last."""

    entries: list[Entry]
    resume: str | None


class AddressReport(NamedTuple):
    """An explorer's view of an address: what it says is held, confirmed, and its transactions page by page, read lazily.

    An explorer that lists no transactions has no pages; one whose transactions tell what else is held adds to `holdings` as pages are read.
    """

    holdings: list[Holding]
    pages: Iterator[Page]


class Explorer(Protocol):
    """An upstream that knows the balances and transactions of addresses.

    `counts_p2pk` says whether outputs paid to a bare public key count under the address of that key. Block explorers
    that index by script (Esplora) do not.
    """

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def info(self) -> UpstreamInfo: ...

    @property
    def counts_p2pk(self) -> bool: ...

    def read(self, http: Http, address: str, resume: str | None = None, held: Collection[str] = ()) -> AddressReport:
        """Ask about an address, transactions from `resume` (of an earlier page) on; `held` are the currencies known to be held.

        Raises Upstream when it does not answer as documented, UpstreamRejected when it says the address cannot exist.
        """


@contextmanager
def expected_shape(endpoint: Endpoint, what: str) -> Iterator[None]:
    """Make an Upstream of whatever reading an answer of another shape than the documented one may raise."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise Upstream(endpoint.key, f'returned {what} of an unexpected shape ({type(error).__name__})') from None


def refuse_rejected(answer: UpstreamResponse) -> None:
    """Raises UpstreamRejected when a 400 says that the address cannot exist: other 400s are the upstream's own trouble."""
    if answer.status == 400 and _REJECTED.search(answer.text):
        raise UpstreamRejected(answer.key, 'says that the address is invalid')


def checked(entry: Entry, chain: Chain, reference: re.Pattern[str] = TXID) -> Entry:
    """Return an entry that can be one of the chain. Raises ValueError."""
    if not reference.fullmatch(entry.reference) or not chain.began <= entry.at < _FAR_FUTURE or entry.height < 0:
        raise ValueError('not a transaction')
    return entry
