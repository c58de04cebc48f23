"""Creates that can be repeated: with an `Idempotency-Key` header a POST happens once, and answers the same for 24 hours."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from chalice.app import Request, Response

from chalicelib.errors import BadRequest, Conflict, Invalid
from chalicelib.http_io.request import raw_body, user_id
from chalicelib.http_io.response import created
from chalicelib.models import AlreadyUsed, ExtraWrites, IdempotencyRecord, nothing

_LONGEST_KEY = 255

T = TypeVar('T')


class Made(NamedTuple):
    """What was created, as it is shown, and where it is."""

    result: dict[str, Any]
    location: str


def create(request: Request, make: Callable[[ExtraWrites[T]], T], show: Callable[[T], Made]) -> Response:
    """Answer 201 with what `make` creates, or created when this key was first sent.

    `make` is given what else belongs into its transaction. Raises BadRequest for a malformed key, Conflict for one that came
    with another request before.
    """
    key = _key(request)
    if key is None:
        made = show(make(nothing))
        return created(made.result, made.location)
    owner, fingerprint = user_id(request), _fingerprint(request)
    first = IdempotencyRecord.find(owner, key)
    if first is None:
        try:
            made = show(make(lambda child: [IdempotencyRecord.keep(owner, key, fingerprint=fingerprint, **show(child)._asdict())]))
            return created(made.result, made.location)
        except (AlreadyUsed, Invalid) as error:  # by the same request at the same time, which may have taken the last place
            first = IdempotencyRecord.find(owner, key)
            if first is None and isinstance(error, Invalid):
                raise
    if first is None or first.fingerprint != fingerprint:
        raise Conflict('This Idempotency-Key came with another request before: use a new one for a new request')
    return created(json.loads(first.result), first.location)


def _key(request: Request) -> str | None:
    key: str | None = request.headers.get('idempotency-key')
    if key is not None and not (1 <= len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadRequest(f'Idempotency-Key must have 1 to {_LONGEST_KEY} printable ASCII characters')
    return key


def _fingerprint(request: Request) -> str:
    return hashlib.sha256(request.context['path'].encode() + b'\n' + raw_body(request)).hexdigest()
