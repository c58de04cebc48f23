"""Forms that make something: one that is sent twice, by a double click or a reload, makes it once.

What tells a form from another is its whole body, of which the CSRF token is new each time it is shown: who goes back and
changes something sends another form.
"""

import hashlib

from chalice.app import Request

from chalicelib.errors import NotFound
from chalicelib.http_io.request import body_bytes
from chalicelib.models import IdempotencyKey, IdempotencyRecord, User, Write

_FORM = 'form'  # in the place of a client id, none of which is this one


def note_first(request: Request, user: User, location: str, part: str = '') -> Write:
    """Return the write that belongs in the transaction of what a form makes; it raises AlreadyUsed for a form that was sent before.

    A form that makes several things, each in a transaction of its own, names each `part`.
    """
    return IdempotencyRecord.keep(_key(request, user, part), '', result={}, location=location)


def location_of_first(request: Request, user: User) -> str:
    """Return where the form led when it was sent first. Raises NotFound."""
    first = IdempotencyRecord.find(_key(request, user))
    if first is None:
        raise NotFound
    return str(first.location)


def _key(request: Request, user: User, part: str = '') -> IdempotencyKey:
    return IdempotencyKey(user.user_id, _FORM, request.path, hashlib.sha256(body_bytes(request)).hexdigest() + part)
