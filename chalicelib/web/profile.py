"""The account: name and email address, password, and which applications have access; a page for each of these."""

from collections.abc import Sequence
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.domain.credentials import parse_name
from chalicelib.domain.scopes import ALL, SENTENCES
from chalicelib.errors import Fault, Invalid
from chalicelib.models import Client, Grant, User
from chalicelib.services.users import access, authentication, email_changes
from chalicelib.texts import translatable
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)

_SAVED = {
    'name': translatable('Your name was saved.'),
    'email': translatable('Your email address was changed.'),
    'password': translatable('Your password was changed. You are logged out everywhere else.'),
    'remote': translatable('Your setting for password logins by applications was saved.'),
    'revoked': translatable('The application no longer has access.'),
}


@bp.route('/account', cors=False)
@bp.route('/profile', cors=False)
def show_own_account() -> Response:
    """Show name and email address with their forms; the query parameter `saved` names what was just changed."""
    request = bp.current_request
    return _render_you(request, sessions.require_user(request))


@bp.route('/account/security', cors=False)
def show_security() -> Response:
    """Show what opens the account: password, second factors, sessions, and log-ins by applications."""
    request = bp.current_request
    return _render_security(request, sessions.require_user(request))


@bp.route('/account/applications', cors=False)
def show_connected_applications() -> Response:
    """Show which applications have access, and the user's own that have it by their secret."""
    request = bp.current_request
    user = sessions.require_user(request)
    own = [client for client in Client.owned_by(user.user_id) if client.confidential]
    return _render('profile/applications.html', request, user, grants=_connected_applications(user.user_id), own_applications=own)


@bp.route('/profile/name', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_name() -> Response:
    """Change or remove the name."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        user.rename(parse_name(form.text('name')))
    except Invalid as invalid:
        return _render_you(request, user, section='name', faults=invalid.faults, form={'name': form.text('name')})
    return _redirect_saved(request, '/account', 'name')


@bp.route('/profile/email', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_email() -> Response:
    """Mail a link to the new address; the address changes when the link is followed."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        typed = {'typed': form.text('email'), 'password': form.text('current_password')}
        email = email_changes.request_email_change(user, **typed, session_id=sessions.current_session_id(request), now=clock.now())
    except Invalid as invalid:
        return _render_you(request, user, section='email', faults=invalid.faults, form={'email': form.text('email')})
    what = translatable('Follow the link in it to change your email address.')
    return pages.render('sent.html', request, user=user, email=email, title=translatable('Almost there'), what=what)


@bp.route('/profile/password', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_password() -> Response:
    """Change the password, end every other session, and what else opens the account and is not to be kept."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    typed = {'current': form.text('current_password'), 'password': form.text('password')}
    session_id = sessions.current_session_id(request)
    try:
        authentication.change_password(user, **typed, session_id=session_id, keep=form.all('keep'), now=clock.now())
    except Invalid as invalid:
        return _render_security(request, user, section='password', faults=invalid.faults)
    return _redirect_saved(request, '/account/security', 'password', {'Set-Cookie': sessions.start(request, user)})


@bp.route('/profile/remote', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_remote_login() -> Response:
    """Allow or forbid applications to use the password grant for this user."""
    request = bp.current_request
    form = forms.read(request)
    authentication.allow_remote_login(sessions.require_user(request), form.has('allow_remote_login'))
    return _redirect_saved(request, '/account/security', 'remote')


@bp.route('/profile/revoke', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_revoke() -> Response:
    """Revoke an application's access; it is no error if it has none."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    Grant.revoke(user.user_id, form.text('client_id'))
    return _redirect_saved(request, '/account/applications', 'revoked')


def _render_you(request: Request, user: User, **context: Any) -> Response:
    return _render('profile/you.html', request, user, **context)


def _render_security(request: Request, user: User, **context: Any) -> Response:
    return _render('profile/security.html', request, user, openers=access.OPENERS, **context)


def _render(template: str, request: Request, user: User, *, section: str = '', faults: Sequence[Fault] = (), **context: Any) -> Response:
    """Return a page, of which the form of a `section` has faults, if any."""
    saved = _SAVED.get(forms.outcome(request, 'saved'))
    status = 422 if faults else 200
    return pages.render(template, request, status=status, user=user, saved=saved, section=section, faults=faults, **context)


def _connected_applications(user_id: str) -> list[dict[str, Any]]:
    """Return what the page shows of each application with access, most recently used first."""
    grants = Grant.of_user(user_id)
    clients = Client.find_many([grant.client_id for grant in grants])
    return [
        {
            'client_id': grant.client_id,
            'name': clients[grant.client_id].name if grant.client_id in clients else translatable('Deleted application'),
            'change': _name_change(grant, clients.get(grant.client_id)),
            'sentences': [SENTENCES[scope] for scope in ALL if scope in grant.scopes],
            'created_at': grant.created_at,
            'last_used_at': grant.last_used_at,
        }
        for grant in grants
    ]


def _name_change(grant: Grant, client: Client | None) -> str | None:
    """Return what to say of an application that has not the name that the user allowed, by which they would look for it."""
    if grant.client_name is None or (client is not None and client.name == grant.client_name):
        return None
    return translatable('When you last allowed it, it was called {name}.', name=grant.client_name)


def _redirect_saved(request: Request, page: str, what: str, headers: dict[str, str | list[str]] | None = None) -> Response:
    return pages.redirect(pages.link(request, f'{page}?saved={what}'), headers)
