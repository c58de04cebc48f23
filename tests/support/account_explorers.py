"""What the tests of XRP, Stellar, Solana and Cardano share: a server that tells a world, how to read an address, and histories."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from chalicelib.domain.ledgers import Entry, Holding, Unreadable
from chalicelib.providers.explorers import Explorer
from infra.fake_upstreams import http_server
from infra.fake_upstreams.account_chains import Event, reference
from infra.fake_upstreams.answer import Answer, as_json
from infra.fake_upstreams.http_server import Request
from tests.support.upstreams import http, upstreams_at

AT = 1_700_000_000


Tell = Callable[[Request], Answer]


@dataclass
class Server:
    """Answers as `tell` says, and keeps what it was asked."""

    url: str = ''
    tell: Tell = lambda request: Answer(404, '')
    requests: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.tell(request)

    def say(self, *values: Any, status: int = 200) -> None:
        """Answer these one after the other, the last of them ever after; what is no text is told as JSON."""
        left = [Answer(status, value, 'text/html') if isinstance(value, str) else as_json(value, status) for value in values]
        self.tell = lambda request: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def serving() -> Iterator[Server]:
    """Serve on a free port of this machine."""
    state = Server()
    with http_server.serving(state.respond) as state.url:
        yield state


@contextmanager
def leading_to(server: Server) -> Iterator[Server]:
    """Lead all requests to `server`, which answers nothing yet."""
    server.tell = lambda request: Answer(404, '')
    server.requests.clear()
    with upstreams_at(server.url):
        yield server


def read(explorer: Explorer, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> tuple[Holding, list[Entry]]:
    """Return what an explorer says of the coin of an address, and of all its currencies on all pages."""
    reading = explorer.read(http(), address, resume, held_codes)
    entries = [entry for page in reading.pages for entry in page.entries]
    return reading.holdings[0], entries


def balances(explorer: Explorer, address: str) -> dict[str, Decimal]:
    """Return what an explorer says that an address holds, by currency."""
    reading = explorer.read(http(), address)
    return {holding.currency: holding.balance for holding in reading.holdings}


def unread(explorer: Explorer, address: str) -> list[Unreadable]:
    """Return what an explorer lists of an address and nobody can read, which is all that it lists."""
    pages = list(explorer.read(http(), address).pages)
    assert [page.entries for page in pages if page.entries] == []
    return [row for page in pages for row in page.unreadable]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Event], int]:
    """A history, newest first, of an account that only runs empty of its two tokens, and how much of it is on a page."""
    height, balance, events = 1_000_000, 0, []
    held = [0, 0]
    for number in range(draw(st.integers(0, 30))):
        height += draw(st.integers(0, 2))
        kind = draw(st.sampled_from(('in', 'out', 'failed', 'nothing'))) if number else 'in'
        fee = min(draw(st.integers(1, 10**6)), balance - 1) if kind in ('out', 'failed') else 0
        moved = {'in': draw(st.integers(1, 10**15)), 'out': -draw(st.integers(0, max(balance - fee - 1, 0)))}.get(kind, 0)
        failed = kind == 'failed' and fee > 0
        tokens = [] if failed else [draw(st.sampled_from((0, 0, 7, 10**12, -units // 2, -units))) for units in held]
        held = [units + change for units, change in zip(held, tokens or (0, 0), strict=True)]
        events.append(Event(reference('generated', number), height, AT + height, moved - fee, fee, failed, tokens))
        balance += events[-1].delta
    return events[::-1], draw(st.integers(1, 9))
