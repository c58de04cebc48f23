"""How many requests all processes together have counted of somebody in a minute."""

import hashlib
import json

from chalicelib.domain.rate_limit import WINDOW_SECONDS, Who
from chalicelib.models.item import IntegerAttribute, Item


class RequestCount(Item, discriminator='request-count'):
    """pk=REQUESTS#<sha256 of user and client>  sk=MINUTE#<its first second>   TTL

    add: one update
    """

    requests = IntegerAttribute()

    @classmethod
    def at(cls, who: Who, start: int) -> 'RequestCount':
        digest = hashlib.sha256(json.dumps(who).encode()).hexdigest()
        return cls(f'REQUESTS#{digest}', f'MINUTE#{start}')

    @classmethod
    def add(cls, who: Who, start: int, requests: int) -> int:
        """Count more requests in the minute that starts at `start`; return how many they are with those of all others."""
        rate = cls.at(who, start)
        rate.update([cls.kind.set(cls), cls.requests.add(requests), cls.expires_at.set(start + WINDOW_SECONDS)])
        return rate.requests
