"""What every bulk source implements: it shows many addresses of a chain at once, so that those which moved can be told from the others."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from chalicelib.domain.marks import Sight
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint

MOST_BEHIND_SECONDS = 300  # that the newest block which a source knows may be old


class Subject(NamedTuple):
    """An address to be looked at, with the currencies that it is known to hold, and the position of its mark, None if it has none."""

    address: str
    held_codes: Collection[str]
    position: int | None


class BulkSource(Protocol):
    """An upstream that shows the state of many addresses in a few requests.

    A sight differs from an earlier one of the same address if anything moved in between. Where that cannot be had, the class says what it
    does not see.
    """

    @property
    def endpoint(self) -> Endpoint: ...

    def look(self, http: Http, subjects: Sequence[Subject]) -> Mapping[str, Sight]:
        """Return what is seen now of addresses, without those that cannot be seen well enough. Raises Upstream.

        sights = source.look(http, [Subject('0xd8da6bf26964af9d7eed9e03e53415d37aa96045', ('eth', 'usdc'), position=None)])
        """
