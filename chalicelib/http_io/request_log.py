"""One line and a few metrics for each request, see chalicelib.telemetry: no path with ids, no query, no header, no body."""

from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib import telemetry

_THROTTLED = ('busy', 'temporarily_unavailable')
_LONGEST_ID = 9


def log_requests(request: Request, get_response: Callable[[Any], Response]) -> Response:
    """Log each request in one line, and return its id in `X-Request-Id`. Around it is only what drops the bodies of HEAD."""
    with telemetry.task('api', request.context.get('requestId'), duration_metric='Latency') as task:
        task.title = f'{request.method} {request.path}'
        task.note(**_request_fields(request))
        task.count('Requests')
        try:
            response = get_response(request)
        except Exception:
            _note_response(task, 500, None)  # Chalice's
            raise
        _note_response(task, response.status_code, response.body)
        response.headers['X-Request-Id'] = task.request_id
        return response


def _request_fields(request: Request) -> dict[str, Any]:
    caller = request.context.get('authorizer') or {}
    variables = (request.uri_params or {}).items()
    return {
        'method': request.method,
        'route': request.path,
        'ids': {name: value for name, value in variables if value.isdecimal() and len(value) <= _LONGEST_ID},  # no other text of a client
        'user_id': caller.get('principalId'),
        'client_id': caller.get('client_id'),
        'Route': _route_class(request.path),
    }


def _route_class(route: str) -> str:
    """Return one of few words for a route: the last word of an API route, or the part of the site that a page belongs to."""
    parts = [part for part in route.split('/') if part and not part.startswith('{')]
    if parts[:1] == ['api']:
        return parts[-1]
    return parts[0] if parts[:1] in (['oauth'], ['.well-known']) else 'pages'


def _note_response(task: telemetry.Task, status: int, body: Any) -> None:
    code = body.get('code') or body.get('error') if status >= 400 and isinstance(body, dict) else None
    task.note(status=status, code=code)
    task.title += f' {status}'
    if code == 'not_ready':
        task.count('NotReady')
    elif status == 429 or code in _THROTTLED:
        task.count('Throttled')
    elif status >= 400:
        task.count('Errors5xx' if status >= 500 else 'Errors4xx')
