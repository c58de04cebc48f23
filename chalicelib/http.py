"""The HTTP edge: envelope, errors, request bodies, path ids, paging. Knows HTTP and nothing of portfolios."""

import base64
import binascii
import hashlib
import ipaddress
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from chalice.app import Chalice, CORSConfig, Request, Response

from chalicelib import clock, telemetry
from chalicelib.config import settings
from chalicelib.domain import bracketed, instants
from chalicelib.errors import AppError, BadRequest, Fault, Invalid, MethodNotAllowed, NotFound, TooLarge

log = logging.getLogger(__name__)

Headers = dict[str, str | list[str]]

MOST_ENTRIES = 1_000
CORS = CORSConfig(
    allow_headers=['If-Match', 'If-None-Match', 'Idempotency-Key'],  # beside Authorization, Content-Type and X-Api-Key
    expose_headers=[
        'ETag',
        'Link',
        'Location',
        'RateLimit-Limit',
        'RateLimit-Remaining',
        'RateLimit-Reset',
        'Retry-After',
        'WWW-Authenticate',
        'X-Request-Id',
    ],
    max_age=86_400,  # the most that any browser takes
)
BODY_TYPES = ['application/json', 'application/x-www-form-urlencoded']
_MOST_DIGITS = 9
_TAG = re.compile(r'"[^"]*"')
_VERSION = re.compile(r'"([0-9]{1,9})-')
_MOST_TAGS = 100
_NO_VERSION = 0  # they count from 1
_METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')
_JSON: Headers = {'Content-Type': 'application/json'}
_CORS: Headers = dict(CORS.get_access_control_headers())
_CODES = {
    400: 'bad_request',
    413: 'too_large',
    415: 'unsupported_media_type',
}
_MESSAGES = {
    400: 'Bad request',
    415: 'Send the body as application/json or application/x-www-form-urlencoded',
    500: 'Internal server error',
}

_OAUTH_ERRORS = {429: 'temporarily_unavailable', 500: 'server_error', 503: 'temporarily_unavailable'}

T = TypeVar('T')


class Answer(Response):
    """A success in the envelope; `version` counts what people changed of the object in it, None for what has no versions."""

    version: int | None = None


def ok(result: Any, *, version: int | None = None, **beside: Any) -> Answer:
    """Answer 200 with `result` in the envelope, and `beside` it the keys that are not None."""
    return _answer(200, {'result': result} | {key: value for key, value in beside.items() if value is not None}, {}, version)


def created(result: Any, location: str) -> Answer:
    """Answer 201 with the new object, which is of version 1, and where it is."""
    return _answer(201, {'result': result}, {'Location': location}, 1)


def expected_versions(request: Request) -> frozenset[int] | None:
    """Return the versions that `If-Match` is content with (RFC 9110 section 13.1.1), None for any.

    Only the version in a tag counts, so that what jobs write beside it, such as the time of a refresh, stands in nobody's way.
    Raises BadRequest for more than 100 tags.
    """
    given = request.headers.get('if-match')
    if given is None or given.strip() == '*':
        return None
    versions = [_VERSION.match(tag) for tag in _TAG.findall(given)]
    if len(versions) > _MOST_TAGS:
        raise BadRequest(f'If-Match must have at most {_MOST_TAGS} tags')
    return frozenset(int(match[1]) for match in versions if match) or frozenset({_NO_VERSION})


class Paging(NamedTuple):
    """What part of a list is asked for: `limit` entries after the opaque position `cursor`, None for the start."""

    cursor: str | None
    limit: int


def paging(request: Request) -> Paging:
    """Read `?limit=` (1 to 1,000, else 1,000) and `?cursor=`. Raises Invalid."""
    query: Mapping[str, str] = request.query_params or {}
    limit = query.get('limit', str(MOST_ENTRIES))
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= _MOST_DIGITS and 1 <= int(limit) <= MOST_ENTRIES):
        raise Invalid(Fault('limit', 'out_of_range', f'limit must be a whole number from 1 to {MOST_ENTRIES}'))
    cursor = query.get('cursor')
    return Paging(None if cursor is None else _decode_cursor(cursor), int(limit))


def choice(request: Request, name: str, choices: Sequence[str]) -> str:
    """Return a query parameter that is one of `choices`, the first if it is not given. Raises Invalid."""
    given = _query(request, name)
    if given is None:
        return choices[0]
    if given not in choices:
        raise Invalid(Fault(name, 'unknown', f'{name} must be {" or ".join(choices)}'))
    return given


def instant(request: Request, name: str) -> int | None:
    """Return the instant in a query parameter, in epoch seconds, None when it is not given. Raises Invalid."""
    given = _query(request, name)
    try:
        # A plus sign that was not written as %2B arrives as a space.
        return None if given is None else instants.parse(given.replace(' ', '+'))
    except ValueError as error:
        raise Invalid(Fault(name, 'invalid', f'{name} {error}')) from None


def past_instant(request: Request, name: str) -> int | None:
    """Return an instant like `instant`. Raises Invalid also for one that has not come yet."""
    found = instant(request, name)
    if found is not None and found > clock.now():
        raise Invalid(Fault(name, 'out_of_range', f'{name} must not be in the future'))
    return found


def _query(request: Request, name: str) -> str | None:
    given: Mapping[str, str] = request.query_params or {}
    return given.get(name)


def page(
    request: Request, entries: Sequence[T], asked: Paging, show: Callable[[T], Any], position: Callable[[T], str], **beside: Any
) -> Response:
    """Answer a list of up to `asked.limit` of `entries`, which hold one more when there is a next page.

    Then the envelope carries `next`, the cursor to pass back, and a Link header (RFC 8288) the whole address.
    """
    shown = entries[: asked.limit]
    response = ok([show(entry) for entry in shown], **beside)
    if len(entries) > asked.limit:
        cursor = base64.urlsafe_b64encode(position(shown[-1]).encode()).decode().rstrip('=')
        response.body['next'] = cursor
        kept = {name: value for name, value in dict(request.query_params or {}).items() if name != 'api_key'}  # a secret
        query = urlencode(kept | {'cursor': cursor})
        response.headers['Link'] = f'<{request.context["path"]}?{query}>; rel="next"'  # request.path is the route's pattern
    return response


def position_id(asked: Paging) -> int:
    """Return the id that a cursor over ids points at, 0 for the start. Raises Invalid."""
    if asked.cursor is None:
        return 0
    if not (asked.cursor.isascii() and asked.cursor.isdecimal() and len(asked.cursor) <= _MOST_DIGITS):
        raise bad_cursor()
    return int(asked.cursor)


def bad_cursor() -> Invalid:
    return Invalid(Fault('cursor', 'unknown', 'cursor must be the next of an earlier answer'))


def _decode_cursor(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + '=' * (-len(cursor) % 4), altchars=b'-_', validate=True).decode()
    except (binascii.Error, ValueError):
        raise bad_cursor() from None


def path_id(text: str) -> int:
    """Return an id from the path. Raises NotFound for anything that no id looks like."""
    if not (text.isascii() and text.isdecimal() and text[0] != '0' and len(text) <= _MOST_DIGITS):
        raise NotFound
    return int(text)


def user_id(request: Request) -> str:
    """Return who the access token speaks for, as the authorizer found it."""
    principal: str = request.context['authorizer']['principalId']
    return principal


def network(request: Request) -> str:
    """Return the network address to count attempts by: an IPv6 address's /64, all of which a single customer may have."""
    text = request.context['identity']['sourceIp']
    address = ipaddress.ip_address(text)
    return text if address.version == 4 else str(ipaddress.ip_network(f'{address}/64', strict=False).network_address)


def body(request: Request) -> dict[str, Any]:
    """Return the object of a request body: JSON, numbers with a fraction as Decimal, or a form with bracketed names.

    Raises TooLarge over MAX_BODY_BYTES, BadRequest when it is neither, Invalid when it is JSON but not an object.
    """
    raw = raw_body(request)
    is_form = request.headers.get('content-type', '').lower().startswith(BODY_TYPES[1])
    try:
        # Bytes that are not UTF-8 and integers of thousands of digits are ValueErrors too; an exponent can be beyond Decimal's.
        parsed = bracketed.parse(raw.decode()) if is_form else _load(raw)
    except (ValueError, ArithmeticError, RecursionError):
        raise BadRequest(f'The request body is not {"a valid form" if is_form else "valid JSON"}') from None
    if not isinstance(parsed, dict):
        raise Invalid(Fault('', 'type', 'the request body must be a JSON object'))
    return parsed


def _load(raw: bytes) -> Any:
    return json.loads(raw, parse_float=Decimal, parse_constant=_refuse_constant)


def raw_body(request: Request) -> bytes:
    """Return the bytes of a request body. Raises TooLarge over MAX_BODY_BYTES."""
    raw = request.raw_body
    raw = raw.encode() if isinstance(raw, str) else raw
    if len(raw) > settings().max_body_bytes:
        raise TooLarge(f'Request body over the limit of {settings().max_body_bytes} bytes')
    return raw


def _refuse_constant(name: str) -> Any:
    raise ValueError(f'{name} is not JSON')


def add_405_routes(app: Chalice) -> None:
    """Give every path the methods it lacks, answering 405 with Allow.

    API Gateway by itself would answer as for an unknown path.
    """
    for path, views in list(app.routes.items()):
        others = [method for method in _METHODS if method not in views]
        cors = next(iter(views.values())).cors or False
        app.route(path, methods=others, content_types=['*/*'], cors=cors, name=f'refuse {path}')(_refuse(', '.join(views)))


def _refuse(allowed: str) -> Callable[..., Response]:
    def method_not_allowed(**_: str) -> Response:
        raise MethodNotAllowed(allowed)

    return method_not_allowed


def error_middleware(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Middleware: every error, ours, Chalice's or unforeseen, answers with the envelope, below /oauth with RFC 6749's shape."""
    try:
        response = get_response(event)
    except AppError as error:
        return _failure(event, error.status, error.message, error.code, error.details(), dict(error.headers()))
    except Exception:  # of another middleware: those of views are Chalice's to catch
        log.exception('a request failed')
        return _failure(event, 500, _MESSAGES[500], 'internal_error', {}, {})
    if response.status_code < 400 or not _is_chalices(response):
        return response
    status = response.status_code
    kept = {name: value for name, value in response.headers.items() if name.lower() != 'content-type'}
    return _failure(event, status, _MESSAGES.get(status, _MESSAGES[500]), _CODES.get(status, 'internal_error'), {}, kept)


def etag_middleware(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Middleware: a success carries an ETag over all of it but `time`; who GETs what they have already gets 304 (RFC 9110).

    The tag begins with the version, where there is one, which is all that `If-Match` asks for.
    """
    response = get_response(request)
    if not isinstance(response, Answer) or request.method == 'DELETE':
        return response
    told = json.dumps({name: value for name, value in response.body.items() if name != 'time'}, sort_keys=True)
    version = '' if response.version is None else f'{response.version}-'
    tag = f'"{version}{hashlib.sha256(told.encode()).hexdigest()[:32]}"'
    response.headers['ETag'] = tag
    if request.method == 'GET' and tag in _TAG.findall(request.headers.get('if-none-match', '').replace('*', tag)):
        kept = {name: value for name, value in response.headers.items() if name != 'Content-Type'}  # section 15.4.5
        return Response('', status_code=304, headers=kept)
    return response


def _is_chalices(response: Response) -> bool:
    """Whether Chalice made this error: oauthlib's are texts, and with `debug` a stack trace is one too, marked as plain."""
    return isinstance(response.body, dict) or response.headers.get('Content-Type') == 'text/plain'


def _failure(request: Request, status: int, message: str, code: str, details: dict[str, Any], headers: Headers) -> Response:
    told = {'message': message, 'code': code, 'request_id': telemetry.request_id()}
    body = {'success': False, 'time': clock.now()} | told | details
    if request.path.startswith('/oauth/'):
        body = {'error': _OAUTH_ERRORS.get(status, 'invalid_request'), 'error_description': message}
    return Response(body, status_code=status, headers=_JSON | _CORS | headers)


def _answer(status: int, body: dict[str, Any], headers: Headers, version: int | None) -> Answer:
    answer = Answer({'success': True, 'time': clock.now()} | body, status_code=status, headers=_JSON | _CORS | headers)
    answer.version = version
    return answer
