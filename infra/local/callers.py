"""Whose work a request is: those of one caller take turns with each other, whatever networks they come from."""

from contextlib import suppress
from functools import lru_cache
from typing import Any

from chalice.app import Request

from chalicelib import clock
from chalicelib.errors import AppError, NotFound
from chalicelib.web import sessions, shared
from infra.local import turns

_REMEMBERED = 1_000
_REMEMBERED_SECONDS = 2  # what ended is not to keep those waiting whom it was of


def of_request(event: dict[str, Any]) -> str | None:
    """Return the caller of an authorized request, by its token, session or link. None for a stranger."""
    authorized, parameters = event['requestContext'].get('authorizer'), event['pathParameters'] or {}
    if authorized is not None:
        return turns.user(authorized['principalId'])
    moment = clock.now() // _REMEMBERED_SECONDS
    with suppress(AppError):
        if event['requestContext']['resourcePath'] == '/s/{token}':
            return _links_of_owner(parameters['token'], moment)
        token = sessions.cookie_token(Request(event))
        return None if token is None else _user_of_session(token, moment)
    return None


@lru_cache(_REMEMBERED)
def _user_of_session(token: str, _: int) -> str | None:
    found = sessions.find(token)
    return None if found is None else turns.user(found[1].user_id)


@lru_cache(_REMEMBERED)
def _links_of_owner(token: str, _: int) -> str | None:
    try:
        return turns.links_of(shared.find_shared(token).user_id)
    except NotFound:
        return None
