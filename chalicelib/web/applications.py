"""Registration of applications by their developers. A secret is shown once, on the page after the form that made it."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.credentials import parse_application_name
from chalicelib.domain.redirect_uris import MOST, parse_redirect_uri
from chalicelib.errors import Fault, Invalid, NotFound, check_all
from chalicelib.models import Client, User
from chalicelib.services.users import authentication, notices
from chalicelib.texts import translatable
from chalicelib.web import forms, one_time, pages, sessions

bp = Blueprint(__name__)

MOST_APPLICATIONS = 100
OVERLAP_SECONDS = 86_400
_CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'  # of the verifier in RFC 7636 appendix B


class Registration(NamedTuple):
    """The settings of an application that its owner enters."""

    name: str
    redirect_uris: list[str]


@bp.route('/oauth/applications', cors=False)
def list_applications() -> Response:
    """List the user's applications."""
    request = bp.current_request
    user = sessions.require_user(request)
    return pages.render('applications.html', request, user=user, clients=Client.owned_by(user.user_id))


@bp.route('/oauth/applications/new', cors=False)
def show_new_application() -> Response:
    """Show the registration form; with `?for=console`, filled in for the console of the reference."""
    request = bp.current_request
    user = sessions.require_user(request)
    return pages.render('application_new.html', request, user=user, form=_console_values(request))


@bp.route('/oauth/applications', methods=['POST'], content_types=forms.TYPES, cors=False)
def register_application() -> Response:
    """Register an application, and redirect to the page that shows its secret once."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    confidential = form.text('kind') != 'public'
    try:
        check_all(lambda: _parse(form, confidential), lambda: _check_count(user))
        values = _parse(form, confidential)._asdict() | {'confidential': confidential, 'now': clock.now()}
        client, secret, writes = Client.registration(owner_id=user.user_id, **values)
        page = f'/oauth/applications/{client.client_id}'
        shown = one_time.make(request, user, form, secret, page, *writes, check_room=lambda: _check_count(user))
    except Invalid as invalid:
        return pages.render('application_new.html', request, status=422, user=user, faults=invalid.faults, form=_typed_values(form))
    if shown is not None:
        notices.tell_of_application(user, client.name)
    return pages.redirect(pages.link(request, shown or one_time.shown_at(user, form)))


@bp.route('/oauth/applications/{client_id}', cors=False)
def show_application(client_id: str) -> Response:
    """Show an application, with the forms that change it; after the form that made its secret, show that, for the only time."""
    request = bp.current_request
    user = sessions.require_user(request)
    client = _find_owned(user, client_id)
    saved = forms.outcome(request, 'saved') == 'yes'
    return _render(request, user, client, **one_time.read(request, user)._asdict(), saved=saved)


@bp.route('/oauth/applications/{client_id}', methods=['POST'], content_types=forms.TYPES, cors=False)
def update_application(client_id: str) -> Response:
    """Change the name and redirect URIs; the current password adds a redirect URI, to which the codes of the users would go."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    client = _find_owned(user, client_id)
    try:
        registration = _parse(form, client.confidential)
        added = [uri for uri in registration.redirect_uris if uri not in client.redirect_uris]
        if added:
            authentication.check_current_password(user, form.text('current_password'), sessions.current_session_id(request), clock.now())
        client.change(user, now=clock.now(), **registration._asdict())
    except Invalid as invalid:
        return _render(request, user, client, status=422, faults=invalid.faults, form=_typed_values(form))
    if added:
        notices.tell_of_redirect_uris(user, registration.name, added)
    return pages.redirect(pages.link(request, f'/oauth/applications/{client_id}?saved=yes'))


@bp.route('/oauth/applications/{client_id}/secret', cors=False)
def show_new_secret(client_id: str) -> Response:
    """Ask before the secret is replaced."""
    request = bp.current_request
    user = sessions.require_user(request)
    return pages.render('application_secret.html', request, user=user, client=_find_confidential(user, client_id))


@bp.route('/oauth/applications/{client_id}/secret', methods=['POST'], content_types=forms.TYPES, cors=False)
def rotate_application_secret(client_id: str) -> Response:
    """Replace the secret, and redirect to the page that shows the new one once."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    client = _find_confidential(user, client_id)
    secret, rotation = client.new_secret(clock.now(), overlap_seconds=OVERLAP_SECONDS if form.has('overlap') else 0)
    shown = one_time.make(request, user, form, secret, f'/oauth/applications/{client_id}', rotation)
    if shown is not None:
        notices.tell_of_secret(user, client.name)
    return pages.redirect(pages.link(request, shown or one_time.shown_at(user, form)))


@bp.route('/oauth/applications/{client_id}/delete', cors=False)
def show_delete_application(client_id: str) -> Response:
    """Ask for confirmation before an application is deleted."""
    request = bp.current_request
    user = sessions.require_user(request)
    return pages.render('application_delete.html', request, user=user, client=_find_owned(user, client_id))


@bp.route('/oauth/applications/{client_id}/delete', methods=['POST'], content_types=forms.TYPES, cors=False)
def delete_application(client_id: str) -> Response:
    """Delete an application; its tokens become invalid."""
    request = bp.current_request
    forms.read(request)
    user = sessions.require_user(request)
    client = _find_owned(user, client_id)
    client.remove()
    notices.tell_of_deleted_application(user, client.name)
    return pages.redirect(pages.link(request, '/oauth/applications'))


def _find_owned(user: User, client_id: str) -> Client:
    """Return the user's application. Raises NotFound, also for another user's application."""
    client = Client.find(client_id)
    if client is None or client.owner_id != user.user_id:
        raise NotFound
    return client


def _find_confidential(user: User, client_id: str) -> Client:
    """Return the user's application, which has a secret. Raises NotFound, also for an application without one."""
    client = _find_owned(user, client_id)
    if not client.confidential:
        raise NotFound
    return client


def _parse(form: forms.Form, confidential: bool) -> Registration:
    """Parse the form. Raises Invalid with all of its faults."""
    check_all(lambda: _parse_name(form), lambda: _parse_redirect_uris(form, confidential))
    return Registration(_parse_name(form), _parse_redirect_uris(form, confidential))


def _parse_name(form: forms.Form) -> str:
    if not form.text('name').strip():
        raise Invalid(Fault('name', 'missing', translatable('Enter a name for the application')))
    return parse_application_name(form.text('name'))


def _parse_redirect_uris(form: forms.Form, confidential: bool) -> list[str]:
    faults: list[Fault] = []
    uris: dict[str, None] = {}
    lines = [(number, line) for number, line in enumerate(form.text('redirect_uris').splitlines(), 1) if line.strip()]
    if not 1 <= len(lines) <= MOST:  # before each of thousands is looked at
        raise Invalid(
            Fault('redirect_uris', 'out_of_range', translatable('Enter between 1 and {most} redirect URIs, one per line', most=MOST))
        )
    for number, line in lines:
        try:
            uris |= {parse_redirect_uri(line, confidential): None}
        except Invalid as invalid:
            faults += [
                fault._replace(message=translatable('Line {number}: {problem}', number=number, problem=fault.message))
                for fault in invalid.faults
            ]
    if faults:
        raise Invalid(*faults)
    return list(uris)


def _check_count(user: User) -> None:
    if len(Client.owned_by(user.user_id)) >= MOST_APPLICATIONS:
        raise Invalid(
            Fault('name', 'too_many', translatable('You already have {most} applications: delete one first', most=MOST_APPLICATIONS))
        )


def console_redirect_uri() -> str:
    """Return the redirect URI of an application that is used in the console of the reference."""
    return settings().url('/reference/try/oauth2-redirect.html')


def _console_values(request: Request) -> dict[str, str]:
    if forms.query_parameter(request, 'for') != 'console':
        return {}
    return {'name': 'API console', 'redirect_uris': console_redirect_uri(), 'kind': 'public'}


def _typed_values(form: forms.Form) -> dict[str, str]:
    return {name: form.text(name) for name in ('name', 'redirect_uris', 'kind')}


def _render(request: Request, user: User, client: Client, *, status: int = 200, **context: Any) -> Response:
    values = {'secret': None, 'made': False, 'saved': False, 'faults': (), 'form': {}} | context
    values |= {'issuer': settings().issuer, 'now': clock.now(), 'try_it': _try_it(client)}
    return pages.render('application.html', request, status=status, user=user, client=client, **values)


def _try_it(client: Client) -> str:
    """Return a link that asks the owner, as any user, for consent."""
    query = {
        'response_type': 'code',
        'client_id': client.client_id,
        'redirect_uri': client.redirect_uris[0],
        'scope': 'info read',
        'state': 'x',
    }
    if not client.confidential:
        query |= {'code_challenge': _CHALLENGE, 'code_challenge_method': 'S256'}
    return settings().url(f'/oauth/authorize?{urlencode(query)}')
