"""Inviting people to sign up."""

import json

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.credentials import parse_email
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.models import User
from chalicelib.services.users import invitations
from chalicelib.web import forms, one_time, pages, sessions

bp = Blueprint(__name__)

_PAGE = '/profile/invitations'


@bp.route('/profile/invitations', cors=False)
def show_invitations() -> Response:
    """Show the form that invites somebody; after that form, its link and whom it was mailed to, for the only time."""
    request = bp.current_request
    user = _require_inviter(request)
    shown = one_time.read(request, user)
    return _render_invitations(request, user, made=shown.made, **(json.loads(shown.secret) if shown.secret else {}))


@bp.route('/profile/invitations', methods=['POST'], content_types=forms.TYPES, cors=False)
def create_invitation() -> Response:
    """Invite somebody: mail the link to an address, if one was entered, and redirect to the page that says so and shows the link once.

    It shows it also where it was mailed: should this end in between, the same form leads there, though nothing was mailed.
    """
    request = bp.current_request
    form = forms.read(request)
    user = _require_inviter(request)
    typed = form.text('email').strip()
    try:
        email = parse_email(typed) if typed else None
    except Invalid as invalid:
        return _render_invitations(request, user, status=422, faults=invalid.faults, typed=typed)
    now = clock.now()
    token, writes = invitations.creation(user, email, now)
    made = {'sent_to': email, 'link': invitations.link_of(token)}
    shown = one_time.make(request, user, form, json.dumps(made), _PAGE, *writes)
    if shown is not None and email:
        invitations.send(user, email, token, [one_time.withdrawal(user, form)], now)
    return pages.redirect(pages.link(request, shown or one_time.shown_at(user, form)))


def _require_inviter(request: Request) -> User:
    """Return the logged-in user. Raises NotFound where nobody is invited."""
    user = sessions.require_user(request)
    if settings().signup == 'closed':
        raise NotFound
    return user


def _render_invitations(
    request: Request,
    user: User,
    *,
    status: int = 200,
    faults: tuple[Fault, ...] = (),
    typed: str = '',
    made: bool = False,
    sent_to: str | None = None,
    link: str | None = None,
) -> Response:
    return pages.render(
        'invitations.html', request, status=status, user=user, faults=faults, form={'email': typed}, made=made, sent_to=sent_to, secret=link
    )
