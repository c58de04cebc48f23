"""What the tests of the explorers of unspent outputs share: an upstream to ask over HTTP, and how to read all of an address."""

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.providers.explorers import Explorer
from infra.fake_upstreams import answer, faults, scripted_explorer, utxo
from infra.fake_upstreams.answer import Answer
from tests.support.upstreams import http, upstreams_at

AT = 1_700_000_000
TXID = 'ab' * 32

Teller = Callable[[list[str], dict[str, str]], answer.Answer]


def leading_to(server: scripted_explorer.Explorer) -> Iterator[scripted_explorer.Explorer]:
    """Lead all requests to `server`, those to servers of one's own too."""
    server.reset()
    own = {f'UPSTREAM_BLOCKBOOK_{coin.upper()}_URL': f'{server.url}/blockbook_{coin}' for coin in utxo.ADDRESSES}
    with upstreams_at(server.url, **own):
        yield server


def read(explorer: Explorer, address: str, resume: str | None = None) -> tuple[Holding, list[Entry]]:
    """Return what an explorer says of an address, all pages."""
    reading = explorer.read(http(), address, resume)
    [holding] = reading.holdings
    return holding, [entry for page in reading.pages for entry in page.entries]


def unread(explorer: Explorer, address: str) -> list[Unreadable]:
    """Return what an explorer lists of an address and nobody can read, which is all that it lists."""
    pages = list(explorer.read(http(), address).pages)
    assert [page.entries for page in pages if page.entries] == []
    return [row for page in pages for row in page.unreadable]


def fail(upstream: scripted_explorer.Explorer, fault: faults.Fault) -> None:
    """Make all explorers of the sample answer with a fault."""
    upstream.fail(fault, *utxo.UPSTREAMS)


def telling(tell: Teller) -> faults.Fault:
    """Answer what a sample upstream does."""

    def fault(request: faults.Request, _: Answer) -> Answer:
        return tell(request.path.strip('/').split('/'), request.query)

    return fault


def saying(*bodies: Any) -> faults.Fault:
    """Answer these, one after the other, the last of them ever after."""
    left = list(bodies)

    def fault(request: faults.Request, _: Answer) -> Answer:
        return answer.as_json(left.pop(0) if len(left) > 1 else left[0])

    return fault
