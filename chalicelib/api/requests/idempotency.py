"""Creates that a client can repeat safely: with an `Idempotency-Key` header a POST is carried out once.

A key counts for one application of one user on one route.

The record of a create is written in the transaction that creates, with the response; a repetition within 24 hours gets that response:

    child = addresses.draft(...)  # with an id, not stored yet
    answer = created(present_address(child), f'/api/portfolios/1/addresses/{child.address_id}')
    addresses.store(child, also=idempotency.record(request, answer))
"""

import hashlib
import json
from collections.abc import Callable

from chalice.app import Response

from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.errors import BadRequest, Conflict, Invalid
from chalicelib.http_io.request import raw_body
from chalicelib.http_io.response import Answer, created
from chalicelib.models import AlreadyUsed, IdempotencyKey, IdempotencyRecord, Write

_LONGEST_KEY = 255


def create_once(request: ApiRequest, create: Callable[[], Response]) -> Response:
    """Return what `create` returns, or what it returned to the first request with this key.

    Raises BadRequest for a malformed key, Conflict for a key that came with another request before.
    """
    request.body()  # a malformed body is reported whatever the key is
    key = _key(request)
    if key is None:
        return create()
    first = IdempotencyRecord.find(key)
    if first is None:
        try:
            return create()
        except (AlreadyUsed, Invalid) as error:  # by a concurrent request with this key, which may have taken the last place
            first = IdempotencyRecord.find(key)
            if first is None and isinstance(error, Invalid):
                raise
    if first is None or first.fingerprint != _fingerprint(request):
        raise Conflict('This Idempotency-Key came with another request before: use a new one for a new request')
    return created(json.loads(first.result), first.location)


def record(request: ApiRequest, answer: Answer) -> list[Write]:
    """Return the writes that belong in the transaction of a create: the record of its response, nothing without a key."""
    key = _key(request)
    if key is None:
        return []
    location = str(answer.headers['Location'])
    return [IdempotencyRecord.keep(key, _fingerprint(request), result=answer.body['result'], location=location)]


def _key(request: ApiRequest) -> IdempotencyKey | None:
    key: str | None = request.http.headers.get('idempotency-key')
    if key is not None and not (1 <= len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise BadRequest(f'Idempotency-Key must have 1 to {_LONGEST_KEY} printable ASCII characters')
    return None if key is None else IdempotencyKey(request.user_id, request.client_id, request.http.path, key)


def _fingerprint(request: ApiRequest) -> str:
    """Return what tells two requests apart: a hash of path and body."""
    return hashlib.sha256(request.http.context['path'].encode() + b'\n' + raw_body(request.http)).hexdigest()
