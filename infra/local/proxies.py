"""What a reverse proxy before the API changes: who a request comes from, and below which path the API is."""

from typing import Any
from urllib.parse import urlsplit

from chalice.local import EventType, LambdaEventConverter

SOURCE = 'X-Forwarded-For'


def base_path(issuer: str) -> str:
    """Return the path below which the API is at its public address, without a slash at its end.

    >>> base_path('https://example.com/crypto/'), base_path('https://example.com')
    ('/crypto', '')
    """
    return urlsplit(issuer).path.rstrip('/')


def without_base(path: str, base: str) -> str:
    """Return a path below the base; a proxy may have taken the base away or not.

    >>> without_base('/crypto/api/user', '/crypto'), without_base('/api/user', '/crypto'), without_base('/cryptography', '/crypto')
    ('/api/user', '/api/user', '/cryptography')
    """
    return path.removeprefix(base) or '/' if base and (path == base or path.startswith(f'{base}/')) else path


class Converter(LambdaEventConverter):
    """Makes events as API Gateway does: with the address that the request comes from, and the whole path."""

    def __init__(self, route_matcher: Any, binary_types: list[str], base: str) -> None:
        super().__init__(route_matcher, binary_types)
        self._base = base

    def create_lambda_event(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> EventType:
        event = super().create_lambda_event(method, path, headers, body)
        event['requestContext']['identity']['sourceIp'] = headers[SOURCE]
        event['requestContext']['path'] = self._base + event['requestContext']['path']
        return event
