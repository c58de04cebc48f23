"""Forms that make a secret: each makes one, however often it is sent, and the page after it shows the secret once."""

from collections.abc import Callable
from typing import NamedTuple

from chalice.app import Request

from chalicelib import clock
from chalicelib.errors import NotFound
from chalicelib.models import AlreadyMade, OneTimeSecret, User, Write, make_one_more, transact
from chalicelib.models.client import digest
from chalicelib.web import forms, sessions


class Shown(NamedTuple):
    """What a page shows of the form before it: whether that made something, and its secret."""

    made: bool
    secret: str | None


def make(
    request: Request,
    user: User,
    form: forms.Form,
    secret: str | None,
    page: str,
    *writes: Write,
    check_room: Callable[[], None] | None = None,
) -> str | None:
    """Carry out the writes that store a new secret, and return the path of the page that shows it.

    `page` is that path, without the query that this adds. None if the form was sent before: `shown_at` says where that led.
    `check_room` is that of `make_one_more`, for what a user may have only so many of.
    Raises AccessEnded if the user's session ended meanwhile, and what `check_room` raises.
    """
    form_id = _form_id(form)
    token = sessions.cookie_token(request) or ''
    shown = OneTimeSecret.creation(user.user_id, form_id, session_token=token, secret=secret, page=page, now=clock.now())
    try:
        if check_room is None:
            transact(user.check_unchanged(), shown, *writes)
        else:
            make_one_more(user, check_room, shown, *writes)
    except AlreadyMade:
        return None
    return f'{page}?form={form_id}'


def shown_at(user: User, form: forms.Form) -> str:
    """Return the path of the page that shows what a form that was sent before made. Raises NotFound."""
    form_id = _form_id(form)
    made = OneTimeSecret.find(user.user_id, form_id)
    if made is None:
        raise NotFound
    return f'{made.page}?form={form_id}'


def withdrawal(user: User, form: forms.Form) -> Write:
    """Return the write that lets a form be sent again, for what it made that is taken back."""
    return OneTimeSecret.withdrawal(user.user_id, _form_id(form))


def read(request: Request, user: User) -> Shown:
    """Return what this page shows of what the form before it made, if it is the page of that.

    A secret is there the first time only, and only for a GET.
    """
    form_id = forms.query_parameter(request, 'form')
    made = OneTimeSecret.find(user.user_id, form_id) if form_id else None
    if made is None or made.page != sessions.requested_path(request).partition('?')[0]:
        return Shown(made=False, secret=None)
    return Shown(made=True, secret=made.reveal(sessions.cookie_token(request) or '') if request.method == 'GET' else None)


def _form_id(form: forms.Form) -> str:
    return digest(form.text('csrf'))[:32]
