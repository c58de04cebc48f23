"""The authorization endpoint: the user sees which scopes an application requests, and grants all, some or none of them."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from chalice.app import Blueprint, Request, Response

from chalicelib.domain import redirect_uris
from chalicelib.domain.scopes import SENTENCES
from chalicelib.models import User
from chalicelib.web import forms, pages, sessions

if TYPE_CHECKING:
    from chalicelib.oauth.authorization import AuthorizationRequest

bp = Blueprint(__name__)


@bp.route('/oauth/authorize', cors=False)
def show_authorize() -> Response:
    """Show the consent page for an authorization request (RFC 6749 section 4.1.1), or redirect with its error; after login."""
    from chalicelib.oauth import authorization  # other pages should not pay for oauthlib's cold start

    request = bp.current_request
    query = _query(request)
    try:
        authorization_request = authorization.parse(query)
    except authorization.UntrustedClient as error:
        return _untrusted(request, error)
    except authorization.RedirectableError as error:
        sessions.require_user(request)  # anybody can register an application: no stranger is sent on to it (RFC 9700 section 4.11.2)
        return pages.redirect(error.location)
    return _render_consent(request, sessions.require_user(request), authorization_request, query)


@bp.route('/oauth/authorize', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_authorize() -> Response:
    """Redirect to the application, with an authorization code or with the user's refusal."""
    from chalicelib.oauth import authorization

    request = bp.current_request
    form = forms.read(request)
    query = form.text('query')
    user = sessions.current_user(request)
    if user is None:
        return pages.redirect(pages.link(request, '/login?' + urlencode({'next': f'/oauth/authorize?{query}'})))
    try:
        if form.text('decision') != 'allow':
            return pages.redirect(authorization.deny(query))
        return pages.redirect(authorization.allow(query, user.user_id, form.all('granted')))
    except authorization.UntrustedClient as error:
        return _untrusted(request, error)
    except authorization.RedirectableError as error:
        return pages.redirect(error.location)


def _render_consent(request: Request, user: User, authorization_request: 'AuthorizationRequest', query: str) -> Response:
    redirect_uri = authorization_request.redirect_uri
    target = urlsplit(redirect_uri)
    # Browsers apply form-action to redirects after a form too, and the client may redirect on to any of its servers.
    allowed = 'https:' if target.scheme == 'https' else redirect_uris.source(redirect_uri)
    return pages.render(
        'consent.html',
        request,
        form_action=[allowed],
        user=user,
        client_name=authorization_request.client.name,
        redirect_host=target.netloc or target.scheme,
        email=user.email,
        scopes=[(scope, SENTENCES[scope], True) for scope in authorization_request.scopes],
        hidden={'query': query},
    )


def _untrusted(request: Request, error: Exception) -> Response:
    text = f'The application that sent you here made an invalid request, so we did not send you back to it: {error}'
    return pages.error_page(request, 400, 'This request cannot be trusted', text)


def _query(request: Request) -> str:
    """Return the query string with repeated parameters kept, because oauthlib must reject those."""
    query = request.query_params
    return urlencode([(name, value) for name in query for value in query.getlist(name)]) if query else ''
