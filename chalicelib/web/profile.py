"""The profile: name, email address, password, and which applications have access."""

import contextlib
from collections.abc import Sequence
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.domain.credentials import parse_name, parse_title
from chalicelib.domain.scopes import ALL, API_KEY_SCOPES, SENTENCES
from chalicelib.errors import Fault, Invalid, NotFound, check_all
from chalicelib.models import ApiKey, Client, Grant, User
from chalicelib.services import access, notices, users
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)

MOST_KEYS = 50

_SAVED = {
    'name': 'Your name was saved.',
    'email': 'Your email address was changed.',
    'password': 'Your password was changed. You are logged out everywhere else.',
    'remote': 'Your setting for password logins by applications was saved.',
    'revoked': 'The application no longer has access.',
    'key': 'The key was revoked.',
}


@bp.route('/profile', cors=False)
def show_profile() -> Response:
    """Show the profile with its forms; the query parameter `saved` names what was just changed."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render(request, user, saved=_SAVED.get(forms.query_parameter(request, 'saved')))


@bp.route('/profile/name', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_name() -> Response:
    """Change or remove the name."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        user.rename(parse_name(form.text('name')))
    except Invalid as invalid:
        return _render(request, user, status=422, section='name', faults=invalid.faults, form={'name': form.text('name')})
    return _redirect_saved(request, 'name')


@bp.route('/profile/email', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_email() -> Response:
    """Mail a link to the new address; the address changes when the link is followed."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        email = users.request_email_change(user, typed=form.text('email'), password=form.text('current_password'), now=clock.now())
    except Invalid as invalid:
        return _render(request, user, status=422, section='email', faults=invalid.faults, form={'email': form.text('email')})
    what = 'Follow the link in it to change your email address'
    return pages.render('sent.html', request, user=user, email=email, title='Almost there', what=what)


@bp.route('/profile/password', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_password() -> Response:
    """Change the password, end every other session, and what else opens the account and is not to be kept."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    now_ms = clock.now_ms()
    typed = {'current': form.text('current_password'), 'password': form.text('password')}
    try:
        users.change_password(user, **typed, keep=form.all('keep'), now_ms=now_ms)
    except Invalid as invalid:
        return _render(request, user, status=422, section='password', faults=invalid.faults)
    return _redirect_saved(request, 'password', {'Set-Cookie': sessions.start(request, user, now_ms)})


@bp.route('/profile/remote', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_remote_login() -> Response:
    """Allow or forbid applications to use the password grant for this user."""
    request = bp.current_request
    form = forms.read(request)
    users.allow_remote_login(sessions.require_user(request), form.has('allow_remote_login'))
    return _redirect_saved(request, 'remote')


@bp.route('/profile/revoke', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_revoke() -> Response:
    """Revoke an application's access; it is no error if it has none."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    Grant.revoke(user.user_id, form.text('client_id'))
    return _redirect_saved(request, 'revoked')


@bp.route('/profile/api-keys', methods=['POST'], content_types=forms.TYPES, cors=False)
def create_api_key() -> Response:
    """Create an API key and show it, for the only time."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        name, scopes = _parse_key(form, user.user_id)
    except Invalid as invalid:
        return _render(request, user, status=422, section='key', faults=invalid.faults, form={'name': form.text('name')})
    _, secret = ApiKey.create(user.user_id, name=name, scopes=scopes, now=clock.now())
    notices.tell_of_key(user, name)
    return _render(request, user, secret=secret)


@bp.route('/profile/api-keys/revoke', methods=['POST'], content_types=forms.TYPES, cors=False)
def revoke_api_key() -> Response:
    """Revoke an API key; it is no error if it does not exist."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    with contextlib.suppress(NotFound):
        ApiKey.revoke(user.user_id, form.text('key_id'))
    return _redirect_saved(request, 'key')


def _parse_key(form: forms.Form, user_id: str) -> tuple[str, list[str]]:
    """Return the name and scopes of a new key. Raises Invalid with all faults."""
    scopes = [scope for scope in API_KEY_SCOPES if scope in form.all('scopes')]
    check_all(lambda: _parse_key_name(form), lambda: _check_scopes(scopes), lambda: _check_key_count(user_id))
    return _parse_key_name(form), scopes


def _parse_key_name(form: forms.Form) -> str:
    if not form.text('name').strip():
        raise Invalid(Fault('name', 'required', 'Enter what the key is for'))
    return parse_title('name', form.text('name'))


def _check_scopes(scopes: list[str]) -> None:
    if not scopes:
        raise Invalid(Fault('name', 'no_scopes', 'Select at least one permission for the key'))


def _check_key_count(user_id: str) -> None:
    if len(ApiKey.of_user(user_id)) >= MOST_KEYS:
        raise Invalid(Fault('name', 'too_many', f'You already have {MOST_KEYS} keys: revoke one first'))


def _render(
    request: Request, user: User, *, status: int = 200, section: str = '', faults: Sequence[Fault] = (), **context: Any
) -> Response:
    values = {'saved': None, 'secret': None} | context
    values['openers'] = access.OPENERS
    values['key_scopes'] = [(scope, SENTENCES[scope]) for scope in API_KEY_SCOPES]
    values['keys'] = [_present_key(key) for key in ApiKey.of_user(user.user_id)]
    return pages.render(
        'profile.html',
        request,
        status=status,
        user=user,
        section=section,
        faults=faults,
        grants=_connected_applications(user.user_id),
        **values,
    )


def _present_key(key: ApiKey) -> dict[str, Any]:
    sentences = [SENTENCES[scope] for scope in key.scopes]
    return {'key_id': key.key_id, 'name': key.name, 'sentences': sentences, 'created_at': key.created_at}


def _connected_applications(user_id: str) -> list[dict[str, Any]]:
    """Return what the page shows of each application with access, most recently used first."""
    grants = Grant.of_user(user_id)
    clients = Client.find_many([grant.client_id for grant in grants])
    return [
        {
            'client_id': grant.client_id,
            'name': clients[grant.client_id].name if grant.client_id in clients else 'Deleted application',
            'sentences': [SENTENCES[scope] for scope in ALL if scope in grant.scopes],
            'created_at': grant.created_at,
            'last_used_at': grant.last_used_at,
        }
        for grant in grants
    ]


def _redirect_saved(request: Request, what: str, headers: dict[str, str | list[str]] | None = None) -> Response:
    return pages.redirect(pages.link(request, f'/profile?saved={what}'), headers)
