"""Inviting people to sign up."""

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.credentials import parse_email
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.models import User
from chalicelib.services.users import invitations
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)


@bp.route('/profile/invitations', cors=False)
def show_invitations() -> Response:
    """Show the form that invites somebody."""
    request = bp.current_request
    user = _require_inviter(request)
    return _render_invitations(request, user)


@bp.route('/profile/invitations', methods=['POST'], content_types=forms.TYPES, cors=False)
def create_invitation() -> Response:
    """Invite somebody: mail the link to an address, or show it where none was entered."""
    request = bp.current_request
    form = forms.read(request)
    user = _require_inviter(request)
    typed = form.text('email').strip()
    try:
        email = parse_email(typed) if typed else None
    except Invalid as invalid:
        return _render_invitations(request, user, status=422, faults=invalid.faults, typed=typed)
    link = invitations.invite(user, email, clock.now())
    return _render_invitations(request, user, sent_to=email, link=None if email else link)


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
    sent_to: str | None = None,
    link: str | None = None,
) -> Response:
    return pages.render(
        'invitations.html', request, status=status, user=user, faults=faults, form={'email': typed}, sent_to=sent_to, invitation=link
    )
