"""POST /oauth/token, /oauth/revoke and /oauth/introspect, with the RFCs' own JSON instead of the envelope."""

import json
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.errors import BadRequest
from chalicelib.http_io import forms
from chalicelib.http_io.errors import error_uri
from chalicelib.http_io.request import network, raw_body

bp = Blueprint(__name__)

_MOST_BYTES = 32_768  # of which no code, token or password is near
_MOST_FIELDS = 100
_FORM = ['application/x-www-form-urlencoded']


@bp.route('/token', methods=['POST'], content_types=_FORM)
def create_token() -> Response:
    """Exchange a grant for an access token, and a refresh token where the grant gives one (RFC 6749 section 3.2)."""
    form = _read_form()
    _check_site(form)
    return _answer(_server().token_endpoint().create_token_response, form)


@bp.route('/revoke', methods=['POST'], content_types=_FORM)
def revoke_token() -> Response:
    """Revoke a token and everything that descends from the same authorization (RFC 7009)."""
    return _answer(_server().revocation_endpoint().create_revocation_response, _read_form())


@bp.route('/introspect', methods=['POST'], content_types=_FORM)
def introspect_token() -> Response:
    """Return whether one of the client's own tokens is active, and its claims (RFC 7662)."""
    return _answer(_server().introspection_endpoint().create_introspect_response, _read_form())


def _check_site(form: str) -> None:
    """Check that no page of another site has the browsers of its visitors try passwords, which count for their network. Raises BadRequest.

    Applications in browsers send their requests by scripts (`cors`), and are public clients, which have no password grant.
    """
    headers = bp.current_request.headers
    is_foreign = headers.get('sec-fetch-site') == 'cross-site'
    if is_foreign and (headers.get('sec-fetch-mode') != 'cors' or 'grant_type=password' in form.split('&')):
        raise BadRequest('A browser may not send this from a page of another site')


def _server() -> Any:
    from chalicelib.oauth import server  # 150 ms of cold start, for oauthlib and jose, that other routes should not pay

    return server


def _answer(create_response: Any, form: str) -> Response:
    request = bp.current_request
    sent = dict(request.headers) | {'x-network-address': network(request)}  # see validator.NETWORK_HEADER
    headers, body, status = create_response(request.path, 'POST', form, sent)
    headers.setdefault('Cache-Control', 'no-store')
    if status >= 400:
        failure = json.loads(body)
        body = json.dumps(failure | {'error_uri': error_uri(failure['error'])})
    if status == 401:  # RFC 6749 section 5.2: the scheme that the client used, where oauthlib says Bearer
        headers['WWW-Authenticate'] = 'Basic realm="oauth"'
    # An empty body, as of a revocation, is no JSON; without any type API Gateway would say that it is.
    return Response(body, status_code=status, headers={'Content-Type': 'application/json' if body else 'text/plain'} | headers)


def _read_form() -> str:
    """Return the request's form in canonical encoding. Raises TooLarge, BadRequest."""
    raw = raw_body(bp.current_request, _MOST_BYTES)
    try:
        return forms.encode_canonically(raw.decode('utf-8', 'replace'), _MOST_FIELDS)
    except ValueError:
        raise BadRequest('The form has too many fields') from None
