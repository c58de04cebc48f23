"""Lists in pages: the opaque cursor, and how a response points to the next page."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from chalice.app import Request

from chalicelib.http_io import answer_size
from chalicelib.http_io.response import Answer, ok

MOST_ENTRIES = 1_000

T = TypeVar('T')


def page(
    request: Request, entries: Sequence[T], limit: int, show: Callable[[T], Any], position: Callable[[T], str], **beside: Any
) -> Answer:
    """Return a list of up to `limit` of `entries`, which must hold one more if there is a next page; fewer if Lambda could not send them.

    Then the envelope has `next`, the cursor of the next page, and a Link header (RFC 8288) has its whole address:

        page(request, [7, 8, 9], 2, show=str, position=str)  # {"result": ["7", "8"], "next": "OA", ...}
    """
    rows = answer_size.take_fitting(map(show, entries[:limit]))
    shown = entries[: len(rows)]
    response = ok(rows, **beside)
    if len(entries) > len(shown):
        cursor = encode_cursor(position(shown[-1]))
        response.body['next'] = cursor
        kept = {name: value for name, value in dict(request.query_params or {}).items() if name != 'api_key'}  # a secret
        query = urlencode(kept | {'cursor': cursor})
        response.headers['Link'] = f'<{request.context["path"]}?{query}>; rel="next"'  # request.path is the route's pattern
    return response


def encode_cursor(position: str) -> str:
    """Return the cursor that stands for a position in a list."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip('=')


def decode_cursor(cursor: str) -> str:
    """Return the position that a cursor stands for. Raises ValueError."""
    return base64.b64decode(cursor + '=' * (-len(cursor) % 4), altchars=b'-_', validate=True).decode()
