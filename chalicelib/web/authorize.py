"""The authorization endpoint: an application asks, the user sees what for, and agrees to all of it, to some, or not."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from chalice.app import Blueprint, Request, Response

from chalicelib.domain import redirect_uris
from chalicelib.domain.scopes import SENTENCES
from chalicelib.models import User
from chalicelib.web import forms, pages, sessions

if TYPE_CHECKING:
    from chalicelib.oauth.authorization import Asked

bp = Blueprint(__name__)


@bp.route('/oauth/authorize', cors=False)
def show_authorize() -> Response:
    """Show what an application asks for (RFC 6749 section 4.1.1), to who is logged in."""
    from chalicelib.oauth import authorization  # oauthlib costs a cold start that other pages need not pay

    request = bp.current_request
    query = _query(request)
    try:
        asked = authorization.read(query)
    except authorization.Untrusted as error:
        return _untrusted(request, error)
    except authorization.Refused as refused:
        return pages.redirect(refused.location)
    return _consent(request, sessions.require(request), asked, query)


@bp.route('/oauth/authorize', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_authorize() -> Response:
    """Send the browser back to the application, with a code or with the user's refusal."""
    from chalicelib.oauth import authorization

    request = bp.current_request
    form = forms.read(request)
    query = form.text('query')
    user = sessions.current(request)
    if user is None:
        return pages.redirect(pages.link(request, '/login?' + urlencode({'next': f'/oauth/authorize?{query}'})))
    try:
        if form.text('decision') != 'allow':
            return pages.redirect(authorization.deny(query))
        return pages.redirect(authorization.allow(query, user.user_id, form.all('granted')))
    except authorization.Untrusted as error:
        return _untrusted(request, error)
    except authorization.Refused as refused:
        return pages.redirect(refused.location)


def _consent(request: Request, user: User, asked: 'Asked', query: str) -> Response:
    target = urlsplit(asked.redirect_uri)
    # Browsers hold the redirect after a form to form-action too, and what follows it may be on any server of the client's.
    allowed = 'https:' if target.scheme == 'https' else redirect_uris.source(asked.redirect_uri)
    return pages.render(
        'consent.html',
        request,
        form_action=[allowed],
        user=user,
        client_name=asked.client.name,
        redirect_host=target.netloc or target.scheme,
        email=user.email,
        scopes=[(scope, SENTENCES[scope], True) for scope in asked.scopes],
        hidden={'query': query},
    )


def _untrusted(request: Request, error: Exception) -> Response:
    text = f'The application that sent you here made an invalid request, so we did not send you back to it: {error}'
    return pages.error_page(request, 400, 'This request cannot be trusted', text)


def _query(request: Request) -> str:
    """Return the query as it was asked, repeated parameters repeated: those are an error that oauthlib finds."""
    query = request.query_params
    return urlencode([(name, value) for name in query for value in query.getlist(name)]) if query else ''
