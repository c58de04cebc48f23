"""Moto in the tests' own process, one request at a time: it changes tables in place while other threads copy them."""

from threading import RLock
from typing import Any

from moto.core.botocore_stubber import BotocoreStubber


def install() -> None:
    """Let a request wait for the one before it, whichever thread sends it; moto's own nested requests do not wait."""
    lock = RLock()
    process_request = BotocoreStubber.process_request

    def process_in_turn(self: BotocoreStubber, request: Any) -> Any:
        with lock:
            return process_request(self, request)

    BotocoreStubber.process_request = process_in_turn  # type: ignore[method-assign]
