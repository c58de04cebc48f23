"""The requests of one caller that all processes together have counted in a minute."""

import hashlib

from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.item import Item


class RequestCount(Item, discriminator='request-count'):
    """pk=REQUESTS#<sha256 of the caller>  sk=MINUTE#<its first second>   TTL

    add: one update
    """

    requests = IntegerAttribute()

    @classmethod
    def at(cls, caller: str, start: int) -> 'RequestCount':
        digest = hashlib.sha256(caller.encode()).hexdigest()
        return cls(f'REQUESTS#{digest}', f'MINUTE#{start}')

    @classmethod
    def add(cls, caller: str, start: int, requests: int, *, expires_at: int) -> int:
        """Add requests of a caller, such as `user 5f0c`, to the count of the minute from `start`; return the new count."""
        count = cls.at(caller, start)
        count.update([cls.kind.set(cls), cls.requests.add(requests), cls.expires_at.set(expires_at)])
        return count.requests
