"""What every explorer can do."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from chalicelib.domain.ledgers import Entry, Holding
from chalicelib.providers.transport import Host, Http


class Page(NamedTuple):
    """Some confirmed entries, newest first; `resume` is where the next page starts, None after the last."""

    entries: list[Entry]
    resume: str | None


class Reading(NamedTuple):
    """An explorer's view of an address: what it says is held, confirmed, and its transactions page by page, read lazily."""

    holdings: list[Holding]
    pages: Iterator[Page]


class Explorer(Protocol):
    """An upstream that knows the balances and transactions of addresses.

    `counts_p2pk` says whether outputs paid to a bare public key count under the address of that key. Block explorers
    that index by script (Esplora) do not.
    """

    @property
    def host(self) -> Host: ...

    @property
    def counts_p2pk(self) -> bool: ...

    def read(self, http: Http, address: str, resume: str | None = None) -> Reading:
        """Ask about an address, transactions from `resume` (of an earlier page) on.

        Raises Upstream when it does not answer as documented, UpstreamRejected when it says the address cannot exist.
        """
