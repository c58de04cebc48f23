"""The authorization endpoint: the user sees which scopes an application requests, and grants all, some or none of them."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from chalice.app import Blueprint, Request, Response

from chalicelib.domain import redirect_uris
from chalicelib.domain.scopes import ALL, NEVER_PRESELECTED, SENTENCES, lacks_read
from chalicelib.errors import Fault, NotFound
from chalicelib.http_io.forms import encode_canonically
from chalicelib.models import Client, Grant, GrantChanged, User
from chalicelib.texts import translatable
from chalicelib.web import forms, pages, sessions

if TYPE_CHECKING:
    from chalicelib.oauth.authorization import AuthorizationRequest, RedirectableError

bp = Blueprint(__name__)

_LACKS_READ = Fault(
    'read', 'needed', translatable('To change or delete anything, the application must also read: allow that too, or neither')
)
_CHANGED_MEANWHILE = translatable('The application was changed after this page was opened: look at its name and address again')


@bp.route('/oauth/authorize', cors=False)
def show_authorize() -> Response:
    """Answer an authorization request (RFC 6749 section 4.1.1), after login: show the consent page, or redirect.

    The redirect has the error of the request, or a code where the user granted all of it before. An error of an application that the user
    does not know is a page.
    """
    from chalicelib.oauth import authorization  # other pages should not pay for oauthlib's cold start

    request = bp.current_request
    query = _query(request)
    try:
        authorization_request = authorization.parse(query)
    except authorization.UntrustedClient as error:
        return _untrusted(request, error, query)
    except authorization.RedirectableError as error:
        return _refuse(request, sessions.require_user(request), error, query)
    user = sessions.require_user(request)
    grant = Grant.find(user.user_id, authorization_request.client.client_id)
    granted = _granted_before(grant, authorization_request)
    if grant is not None and not authorization_request.needs_consent(granted):
        try:
            return pages.redirect(authorization.allow_again(query, authorization_request, user, grant))
        except (GrantChanged, authorization.UntrustedClient):  # what is granted and registered now decides anew
            return pages.redirect(pages.link(request, f'/oauth/authorize?{query}'))
    selected = _preselected(authorization_request.scopes, granted)
    return _render_consent(request, user, authorization_request, query, selected=selected, changes=_changes(grant, authorization_request))


@bp.route('/oauth/authorize', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_authorize() -> Response:
    """Redirect to the application, with an authorization code or with the user's refusal."""
    from chalicelib.oauth import authorization
    from chalicelib.oauth.consents import TooManyGrants

    request = bp.current_request
    form = forms.read(request)
    query = encode_canonically(form.text('query'))  # so that any of it may be in a header
    user = sessions.current_user(request)
    if user is None:
        return pages.redirect(pages.link(request, sessions.login_path(f'/oauth/authorize?{query}')))
    try:
        return _answer(request, user, form, query)
    except GrantChanged:
        return pages.redirect(pages.link(request, f'/oauth/authorize?{query}'))
    except authorization.UntrustedClient as error:
        return _untrusted(request, error, query)
    except authorization.RedirectableError as error:
        return pages.redirect(error.location)
    except TooManyGrants:
        return _too_many(request, user)


def _answer(request: Request, user: User, form: forms.Form, query: str) -> Response:
    """Do what the user decided. Raises UntrustedClient, RedirectableError, GrantChanged, TooManyGrants."""
    from chalicelib.oauth import authorization

    authorization_request, granted = authorization.parse(query), form.all('granted')
    if not _is_as_shown(authorization_request, form):
        changed = Fault(authorization_request.scopes[0], 'changed', _CHANGED_MEANWHILE)
        return _render_consent(request, user, authorization_request, query, selected=granted, faults=[changed])
    if form.text('decision') != 'allow':
        return pages.redirect(authorization.deny(authorization_request))
    if lacks_read(set(granted) & set(authorization_request.scopes)):
        return _render_consent(request, user, authorization_request, query, selected=granted, faults=[_LACKS_READ])
    return pages.redirect(authorization.allow(query, authorization_request, user, granted))


def _is_as_shown(authorization_request: 'AuthorizationRequest', form: forms.Form) -> bool:
    """Return whether the client has the name, and the code goes to the place, that the page said: its owner may change both meanwhile.

    A form that lacks these was made by a program of the user, since it has their CSRF token: no page was shown to them.
    """
    name, redirect_uri = form.text('client_name'), form.text('redirect_uri')
    return name in ('', authorization_request.client.name) and redirect_uri in ('', authorization_request.redirect_uri)


def _granted_before(grant: Grant | None, authorization_request: 'AuthorizationRequest') -> frozenset[str]:
    """Return the scopes that the user granted to the application as they know it: whoever gets at its registration may change it."""
    identity = authorization_request.identity
    return grant.scopes_of(identity) if grant and identity else frozenset()


def _changes(grant: Grant | None, authorization_request: 'AuthorizationRequest') -> list[str]:
    """Return what is not as it was when the user last granted something to the application."""
    identity = authorization_request.identity
    if grant is None or identity is None or grant.client_name is None:
        return []
    changes: list[str] = []
    if grant.client_name != identity.name:
        changes.append(translatable('When you last allowed it, it was called {name}.', name=grant.client_name))
    if identity.redirect_uri not in grant.agreed:
        changes.append(translatable('You allowed it before, but it sent you elsewhere then.'))
    return changes


def _preselected(requested: Collection[str], granted: Collection[str]) -> list[str]:
    """Return which of the requested scopes are selected at first: what was granted before, and what can be undone."""
    return [scope for scope in requested if scope in granted or scope not in NEVER_PRESELECTED]


def _render_consent(
    request: Request,
    user: User,
    authorization_request: 'AuthorizationRequest',
    query: str,
    *,
    selected: Collection[str],
    changes: Sequence[str] = (),
    faults: Sequence[Fault] = (),
) -> Response:
    client, redirect_uri = authorization_request.client, authorization_request.redirect_uri
    # Browsers apply form-action to redirects after a form too, and the client may redirect on to any of its servers.
    allowed = 'https:' if urlsplit(redirect_uri).scheme == 'https' else redirect_uris.source(redirect_uri)
    requested = [scope for scope in ALL if scope in authorization_request.scopes]
    return pages.render(
        'consent.html',
        request,
        status=422 if faults else 200,
        form_action=[allowed],
        faults=faults,
        changes=changes,
        user=user,
        client=client,
        owner=_owner_of(client),
        destination=redirect_uris.destination(redirect_uri),
        redirect_uri=redirect_uri,
        scopes=[(scope, SENTENCES[scope], scope in selected) for scope in requested],
        query=query,
        here=f'/oauth/authorize?{query}',
    )


def _owner_of(client: Client) -> str | None:
    """Return the email address of who registered a client, None for somebody who has left. It is confirmed, unlike a name."""
    try:
        return str(User.find(client.owner_id).email)
    except NotFound:
        return None


def _untrusted(request: Request, error: Exception, query: str) -> Response:
    """Say what is wrong with a request; to who registered the application also the redirect URI that came, and where they change theirs.

    Nobody else sees what the request says: whoever made the link could have us tell people anything.
    """
    sent = parse_qs(query)
    text = translatable(
        'The application that sent you here made an invalid request, so we did not send you back to it: {problem}', problem=str(error)
    )
    client = Client.find(' '.join(sent.get('client_id', ())))
    user = sessions.current_user(request)
    detail, links = None, [('/', translatable('Go to the home page'))]
    if client is not None and user is not None and client.owner_id == user.user_id:
        links = [(f'/oauth/applications/{client.client_id}', translatable('Settings of your application')), *links]
        came = ' '.join(sent.get('redirect_uri', ()))
        detail = translatable('Its redirect URI was: {uri}', uri=came) if came else None
    return pages.error_page(request, 400, translatable('This request cannot be trusted'), text, user=user, detail=detail, links=links)


def _refuse(request: Request, user: User, error: 'RedirectableError', query: str) -> Response:
    """Send who is logged in back with the error of a request if they know where that leads, else say where.

    Anybody can register an application, and a link to us is not to lead on to any page of theirs (RFC 9700 section 4.11.2).
    """
    client = Client.find(' '.join(parse_qs(query).get('client_id', ())))
    if client is None or _knows(user, client, error.redirect_uri):
        return pages.redirect(error.location)
    text = translatable(
        '{name} made an invalid request. If you know it, go back to it ({destination}).',
        name=client.name,
        destination=redirect_uris.destination(error.redirect_uri),
    )
    links = [('/', translatable('Go to the home page')), (error.location, translatable('Go back to the application'))]
    return pages.error_page(request, 400, translatable('This application asked for something that cannot be'), text, user=user, links=links)


def _knows(user: User, client: Client, redirect_uri: str) -> bool:
    """Return whether a user registered a client, or agreed to be sent to this URI of it."""
    if client.owner_id == user.user_id:
        return True
    grant, identity = Grant.find(user.user_id, client.client_id), client.identity_at(redirect_uri)
    return grant is not None and identity is not None and identity.redirect_uri in grant.agreed


def _too_many(request: Request, user: User) -> Response:
    text = translatable('You have reached the limit of connected applications: revoke the access of one first.')
    links = [('/account/applications', translatable('Applications with access'))]
    return pages.error_page(request, 409, translatable('Too many applications'), text, user=user, links=links)


def _query(request: Request) -> str:
    """Return the query string with repeated parameters kept, because oauthlib must reject those."""
    query = request.query_params
    return urlencode([(name, value) for name in query for value in query.getlist(name)]) if query else ''
