"""Recording when an API key was last used, which its owner sees on the page of keys."""

import logging
from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib import clock
from chalicelib.models import DATABASE_ERRORS, ApiKey
from chalicelib.models.api_key import USE_SECONDS

log = logging.getLogger(__name__)

_MOST_REMEMBERED = 10_000
_recorded_at: dict[str, int] = {}


def record_key_use(request: Request, get_response: Callable[[Any], Response]) -> Response:
    """Record the use of the API key that the request was authorized by, with at most one write an hour for each process."""
    caller = request.context.get('authorizer') or {}
    if 'key_id' in caller:
        _record(caller['principalId'], caller['key_id'], clock.now())
    return get_response(request)


def _record(user_id: str, key_id: str, now: int) -> None:
    if _recorded_at.get(key_id, 0) > now - USE_SECONDS:
        return
    if len(_recorded_at) >= _MOST_REMEMBERED:
        _recorded_at.clear()
    _recorded_at[key_id] = now
    try:
        ApiKey.touch(user_id, key_id, now)
    except DATABASE_ERRORS:  # no request is to be refused for it
        log.exception('the use of an API key was not recorded')
