"""What a fake upstream sends back, and how."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """A response, and the ways in which a real server may fail to deliver it.

    It starts after `delay` seconds; `body` is sent in pieces of `piece` bytes, each followed by `pause` seconds, or at once when
    `piece` is 0. `claimed_length` is announced in place of the body's length, after which the connection ends. `hang_up` ends it
    without a response.
    """

    status: int
    body: str | bytes
    content_type: str = 'text/plain'
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    piece: int = 0
    pause: float = 0
    chunked: bool = False
    claimed_length: int | None = None
    hang_up: bool = False

    @property
    def raw(self) -> bytes:
        """The body as it is sent."""
        return self.body if isinstance(self.body, bytes) else self.body.encode()


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value, separators=(',', ':')), 'application/json')
