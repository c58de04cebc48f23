"""Lists in pages: `?limit=`, the opaque `?cursor=`, and how a response points to the next page."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from chalice.app import Request

from chalicelib.errors import Fault, Invalid
from chalicelib.http_io.request import MOST_DIGITS
from chalicelib.http_io.response import Answer, ok

MOST_ENTRIES = 1_000

T = TypeVar('T')


class Paging(NamedTuple):
    """The page requested: `limit` entries after the position `cursor`, None for the start."""

    cursor: str | None
    limit: int


def paging(request: Request) -> Paging:
    """Read `?limit=` (1 to 1,000, by default 1,000) and `?cursor=`. Raises Invalid."""
    query: Mapping[str, str] = request.query_params or {}
    limit = query.get('limit', str(MOST_ENTRIES))
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= MOST_DIGITS and 1 <= int(limit) <= MOST_ENTRIES):
        raise Invalid(Fault('limit', 'out_of_range', f'limit must be a whole number from 1 to {MOST_ENTRIES}'))
    cursor = query.get('cursor')
    return Paging(None if cursor is None else _decode_cursor(cursor), int(limit))


def page(
    request: Request, entries: Sequence[T], asked: Paging, show: Callable[[T], Any], position: Callable[[T], str], **beside: Any
) -> Answer:
    """Return a list of up to `asked.limit` of `entries`, which must hold one more if there is a next page.

    Then the envelope has `next`, the cursor of the next page, and a Link header (RFC 8288) has its whole address.
    """
    shown = entries[: asked.limit]
    response = ok([show(entry) for entry in shown], **beside)
    if len(entries) > asked.limit:
        cursor = base64.urlsafe_b64encode(position(shown[-1]).encode()).decode().rstrip('=')
        response.body['next'] = cursor
        kept = {name: value for name, value in dict(request.query_params or {}).items() if name != 'api_key'}  # a secret
        query = urlencode(kept | {'cursor': cursor})
        response.headers['Link'] = f'<{request.context["path"]}?{query}>; rel="next"'  # request.path is the route's pattern
    return response


def position_id(asked: Paging) -> int:
    """Return the id that a cursor over ids points at, 0 for the start. Raises Invalid."""
    if asked.cursor is None:
        return 0
    if not (asked.cursor.isascii() and asked.cursor.isdecimal() and len(asked.cursor) <= MOST_DIGITS):
        raise bad_cursor()
    return int(asked.cursor)


def bad_cursor() -> Invalid:
    return Invalid(Fault('cursor', 'unknown', 'cursor must be the next of an earlier answer'))


def _decode_cursor(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + '=' * (-len(cursor) % 4), altchars=b'-_', validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_cursor() from None
