"""API keys: made, shown once, revoked."""

import contextlib
from functools import partial

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.domain.credentials import parse_mailed_name
from chalicelib.domain.scopes import API_KEY_SCOPES, SENTENCES
from chalicelib.errors import Fault, Invalid, NotFound, check_all
from chalicelib.models import ApiKey, User
from chalicelib.services.users import notices
from chalicelib.texts import translatable
from chalicelib.web import forms, one_time, pages, sessions

bp = Blueprint(__name__)

MOST_KEYS = 50
LIFETIMES = (
    ('30', translatable('30 days')),
    ('90', translatable('90 days')),
    ('365', translatable('A year')),
    ('', translatable('It does not expire')),
)
_DAY = 86_400


@bp.route('/profile/api-keys', cors=False)
def list_api_keys() -> Response:
    """List the keys, with the form for a new one; after that form, show the new key, for the only time."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render_keys(request, user, **one_time.read(request, user)._asdict())


@bp.route('/profile/api-keys', methods=['POST'], content_types=forms.TYPES, cors=False)
def create_api_key() -> Response:
    """Create an API key, and redirect to the page that shows it once."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        name, scopes, expires_at = _parse_key(form, user.user_id, clock.now())
        _, secret, writes = ApiKey.creation(user.user_id, name=name, scopes=scopes, expires_at=expires_at, now=clock.now())
        check_room = partial(_check_key_count, user.user_id)
        shown = one_time.make(request, user, form, secret, '/profile/api-keys', *writes, check_room=check_room)
    except Invalid as invalid:
        return _render_keys(request, user, status=422, faults=invalid.faults, typed=form)
    if shown is not None:
        notices.tell_of_key(user, name)
    return pages.redirect(pages.link(request, shown or one_time.shown_at(user, form)))


@bp.route('/profile/api-keys/revoke', methods=['POST'], content_types=forms.TYPES, cors=False)
def revoke_api_key() -> Response:
    """Revoke an API key; it is no error if it does not exist."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    with contextlib.suppress(NotFound):
        ApiKey.revoke(user.user_id, form.text('key_id'))
    return pages.redirect(pages.link(request, '/profile/api-keys?saved=revoked'))


def working_keys(user: User, now: int) -> list[ApiKey]:
    """Return the keys of a user that have not expired: TTL deletes late."""
    return [key for key in ApiKey.of_user(user.user_id) if key.expires_at is None or key.expires_at > now]


def _parse_key(form: forms.Form, user_id: str, now: int) -> tuple[str, list[str], int | None]:
    """Return the name, the scopes and the expiry of a new key. Raises Invalid with all faults."""
    scopes = [scope for scope in API_KEY_SCOPES if scope in form.all('scopes')]
    days = form.text('lifetime')
    check_all(
        lambda: _parse_key_name(form), lambda: _check_scopes(scopes), lambda: _check_lifetime(days), lambda: _check_key_count(user_id)
    )
    return _parse_key_name(form), scopes, now + int(days) * _DAY if days else None


def _parse_key_name(form: forms.Form) -> str:
    if not form.text('name').strip():
        raise Invalid(Fault('name', 'required', translatable('Enter what the key is for')))
    return parse_mailed_name(form.text('name'))


def _check_scopes(scopes: list[str]) -> None:
    if not scopes:
        raise Invalid(Fault('name', 'no_scopes', translatable('Select at least one permission for the key')))


def _check_lifetime(days: str) -> None:
    if days not in dict(LIFETIMES):
        raise Invalid(Fault('lifetime', 'unknown', translatable('Select how long the key should work')))


def _check_key_count(user_id: str) -> None:
    if len(ApiKey.of_user(user_id)) >= MOST_KEYS:
        raise Invalid(Fault('name', 'too_many', translatable('You already have {most} keys: revoke one first', most=MOST_KEYS)))


def _render_keys(
    request: Request,
    user: User,
    *,
    status: int = 200,
    made: bool = False,
    secret: str | None = None,
    faults: tuple[Fault, ...] = (),
    typed: forms.Form | None = None,
) -> Response:
    keys = working_keys(user, clock.now())
    return pages.render(
        'api_keys.html',
        request,
        status=status,
        user=user,
        made=made,
        secret=secret,
        revoked=forms.outcome(request, 'saved') == 'revoked',
        faults=faults,
        form={'name': typed.text('name'), 'lifetime': typed.text('lifetime')} if typed else {'lifetime': '365'},
        keys=[(key, [SENTENCES[scope] for scope in key.scopes]) for key in keys],
        key_scopes=[(scope, SENTENCES[scope]) for scope in API_KEY_SCOPES],
        lifetimes=LIFETIMES,
    )
