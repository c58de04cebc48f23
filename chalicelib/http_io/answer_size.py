"""How much one answer may carry. Lambda sends six megabytes with all that is around the answer, and fails with a 502 over that.

Lists end a page before that (`paging.page`); whatever else is larger is refused by `limit_answers`, with what to do instead, and by
`require_room` before it is built, where its parts are counted in advance.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from chalice.app import Response

from chalicelib import charges
from chalicelib.errors import AnswerTooLarge
from chalicelib.http_io.response import Answer, json_text

MOST_BYTES = 5_000_000  # of a body as Lambda writes it into its own answer, where each of its quotes is escaped
_PARTS_PER_REQUEST = 10_000  # that count as one more request, a tenth of a second
_MOST_OF_ROWS = MOST_BYTES // 2  # as CSV doubles the quotes of a list in a cell
_ROWS_AT_ONCE = 200


def limit_answers(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Raise AnswerTooLarge instead of an answer that Lambda could not send."""
    response = get_response(request)
    is_to_be_written = isinstance(response, Answer) and not isinstance(response.body, str)
    text = json_text(response.body) if is_to_be_written else response.body
    if isinstance(text, str) and is_too_large(text):
        raise AnswerTooLarge(was_carried_out=request.method not in ('GET', 'HEAD'))
    return response


def require_room(number: int, least: Any) -> None:
    """Let so many parts be built into an answer to a GET, each at least as large as `least`, and count them as further requests.

    Raises AnswerTooLarge if they could not be sent, TooManyRequests if they are more than the caller may still have.
    """
    with_comma = json.dumps(f'{json_text(least)},')
    if number * len(with_comma[1:-1]) > MOST_BYTES:
        raise AnswerTooLarge(was_carried_out=False)
    charges.charge(number // _PARTS_PER_REQUEST)


def is_too_large(text: str) -> bool:
    """Whether Lambda could not send a body."""
    return _most_bytes(text) > MOST_BYTES and len(json.dumps(text)) > MOST_BYTES


def take_fitting(rows: Iterable[Any]) -> list[Any]:
    """Return as many of the first rows of a list as fit into an answer, at least one. Few of those after them are built."""
    remaining = iter(rows)
    taken: list[Any] = []
    while more := list(islice(remaining, _ROWS_AT_ONCE)):
        taken += more
        fitting = _count_fitting(taken)
        if fitting < len(taken):
            return taken[:fitting]
    return taken


def _count_fitting(rows: Sequence[Any]) -> int:
    """Return how many of the first rows of a list fit, at least one."""
    if _most_bytes(json_text(rows)) <= _MOST_OF_ROWS:
        return len(rows)
    size = 0
    for number, row in enumerate(rows):
        size += len(json.dumps(json_text(row)))
        if size > _MOST_OF_ROWS:
            return max(number, 1)
    return len(rows)


def _most_bytes(text: str) -> int:
    """Return what a body can come to at most, without writing it: each character may be a quote, or an emoji where any is not plain."""
    return len(text) * (2 if text.isascii() else len('\\ud83d\\ude00'))
