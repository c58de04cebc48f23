"""POST /oauth/token."""

from chalice.app import Blueprint, Response

from chalicelib import http

bp = Blueprint(__name__)

_FORM = 'application/x-www-form-urlencoded'


@bp.route('/token', methods=['POST'], content_types=[_FORM])
def create_token() -> Response:
    """Exchange a grant for an access token and a refresh token (RFC 6749 section 3.2)."""
    from chalicelib.oauth import server  # oauthlib and jose cost a cold start 150 ms that other routes need not pay

    request = bp.current_request
    headers, body, status = server.token_endpoint().create_token_response(
        request.path, 'POST', http.raw_body(request).decode('utf-8', 'replace'), dict(request.headers)
    )
    if status == 401:  # RFC 6749 section 5.2: the scheme that the client used, where oauthlib says Bearer
        headers['WWW-Authenticate'] = 'Basic realm="oauth"'
    return Response(body, status_code=status, headers=headers)
