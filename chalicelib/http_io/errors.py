"""Errors as responses: the envelope below /api, RFC 6749's JSON at the OAuth2 endpoints, pages everywhere else that a browser visits."""

import logging
from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib import clock, telemetry
from chalicelib.config import settings
from chalicelib.errors import AppError, Busy, Conflict
from chalicelib.http_io.response import JSON_HEADERS, Headers

log = logging.getLogger(__name__)

Renderer = Callable[[Request, AppError], Response]
Middleware = Callable[[Any, Callable[[Any], Response]], Response]

_OAUTH_PATHS = ('/oauth/token', '/oauth/revoke', '/oauth/introspect')
_ENVELOPE_PATHS = ('/api', '/.well-known', '/static')
_OAUTH_CODES = {429: 'temporarily_unavailable', 500: 'server_error', 503: 'temporarily_unavailable'}
_OAUTH_FORM = 'Send the parameters as a form, with Content-Type: application/x-www-form-urlencoded'
_FRAMEWORK_ERRORS = {
    400: ('bad_request', 'Bad request'),
    413: ('too_large', AppError.message),
    415: ('unsupported_media_type', 'Send the body as application/json or application/x-www-form-urlencoded'),
}


class FrameworkError(AppError):
    """An error that Chalice responded with by itself, such as 415 or, for an exception in a view, 500."""

    def __init__(self, response: Response) -> None:
        self.status = response.status_code
        self.code, message = _FRAMEWORK_ERRORS.get(self.status, (AppError.code, AppError.message))
        super().__init__(message)
        self._headers = {name: str(value) for name, value in response.headers.items() if name.lower() != 'content-type'}

    def headers(self) -> dict[str, str]:
        return self._headers


def error_middleware(render_page: Renderer) -> Middleware:
    """Return the middleware that renders every error, ours, Chalice's or an unexpected one, in the form that its path requires.

    `render_page` renders those of paths that browsers visit.
    """

    def middleware(request: Any, get_response: Callable[[Any], Response]) -> Response:
        render = _renderer(request, render_page)
        try:
            response = get_response(request)
            return render(request, FrameworkError(response)) if _is_framework_error(response) else response
        except AppError as error:
            return render(request, error)
        except Exception:  # of another middleware: Chalice catches those of views
            log.exception('a request failed')
            return envelope(request, AppError())

    return middleware


def envelope(_: Request, error: AppError) -> Response:
    """Return an error in the envelope that every response below /api has."""
    body = {
        'success': False,
        'time': clock.now(),
        'message': error.message,
        'code': error.code,
        'request_id': telemetry.request_id(),
        'doc_url': doc_url(error.code),
        **error.details(),
    }
    return _response(error, body)


def doc_url(code: str) -> str:
    """Return where an error code is explained, with what to do about it."""
    return settings().url(f'/reference#error-{code}')


def error_uri(code: str) -> str:
    """Return where an error code of OAuth2 is explained (RFC 6749 section 5.2); the API has codes of the same name."""
    return settings().url(f'/reference#oauth-error-{code}')


def _oauth_error(request: Request, error: AppError) -> Response:
    """RFC 6749 section 5.2. These endpoints take forms only (section 3.2).

    It knows no conflict of requests: `invalid_request`, which other errors are, would have a client give up what another attempt gets.
    """
    if isinstance(error, Conflict):
        return _oauth_error(request, Busy())
    description = _OAUTH_FORM if error.status == 415 else error.message
    code = _OAUTH_CODES.get(error.status, 'invalid_request')
    return _response(error, {'error': code, 'error_description': description, 'error_uri': error_uri(code)})


def _response(error: AppError, body: dict[str, Any]) -> Response:
    headers: Headers = JSON_HEADERS | dict(error.headers())
    return Response(body, status_code=error.status, headers=headers)


def _renderer(request: Any, render_page: Renderer) -> Renderer:
    """Return what renders an error of a request: by its route, and at a path that has none for who asks for a page only."""
    unknown = (request.uri_params or {}).get('proxy')
    path = str(request.path) if unknown is None else f'/{unknown}'
    if path.startswith(_OAUTH_PATHS):
        return _oauth_error
    asks_for_page = unknown is None or 'text/html' in request.headers.get('accept', '')
    return render_page if asks_for_page and not path.startswith(_ENVELOPE_PATHS) else envelope


def _is_framework_error(response: Response) -> bool:
    """Whether Chalice made this error: oauthlib's are strings, and with `debug` a stack trace is one too, marked as plain."""
    made_by_chalice = isinstance(response.body, dict) or response.headers.get('Content-Type') == 'text/plain'
    return response.status_code >= 400 and made_by_chalice
