"""Successful responses: the envelope, its headers, and CORS."""

from typing import Any

import msgspec
from chalice.app import CORSConfig, Response

from chalicelib import clock

Headers = dict[str, str | list[str]]

CORS = CORSConfig(
    allow_headers=['If-Match', 'If-None-Match', 'Idempotency-Key'],  # beside Authorization, Content-Type and X-Api-Key
    expose_headers=[
        'ETag',
        'Link',
        'Location',
        'RateLimit-Limit',
        'RateLimit-Remaining',
        'RateLimit-Reset',
        'Retry-After',
        'WWW-Authenticate',
        'X-Complete',
        'X-Request-Id',
    ],
    max_age=86_400,  # the longest that any browser honours
)
JSON_HEADERS: Headers = {'Content-Type': 'application/json', **CORS.get_access_control_headers()}


class Answer(Response):
    """A successful response that may carry an ETag: the envelope, or a list as text. `version` is the object's, None for what has none."""

    version: int | None = None


def ok(result: Any, *, version: int | None = None, **beside: Any) -> Answer:
    """Return a 200 with `result` in the envelope, and `beside` it the keys that are not None.

    `ok([], complete=False)` has the body `{"success": true, "time": 1700000000, "result": [], "complete": false}`.
    """
    return _envelope(200, {'result': result} | {key: value for key, value in beside.items() if value is not None}, {}, version)


def created(result: Any, location: str) -> Answer:
    """Return a 201 with the new object, which has version 1, and its path in `Location`."""
    return _envelope(201, {'result': result}, {'Location': location}, 1)


def _envelope(status: int, body: dict[str, Any], headers: Headers, version: int | None) -> Answer:
    answer = Answer({'success': True, 'time': clock.now()} | body, status_code=status, headers=JSON_HEADERS | headers)
    answer.version = version
    return answer


def json_text(body: Any) -> str:
    """Return a body as JSON. A page of a history has a thousand rows, which the standard library takes ten times as long to write."""
    return msgspec.json.encode(body, enc_hook=_plain).decode()


def _plain(value: object) -> str:
    """Return a text for pages, which has a class of its own, as the text it is."""
    if not isinstance(value, str):
        raise TypeError(f'{type(value).__name__} cannot be written as JSON')
    return str(value)
