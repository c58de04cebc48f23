"""One operation in the description of the API, made of its route and of what that declares."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from http import HTTPStatus
from inspect import getdoc
from itertools import combinations
from typing import Any, NamedTuple, get_args

from chalice.app import RouteEntry

from chalicelib.api import answers
from chalicelib.api.openapi.operation_spec import ApiOperation
from chalicelib.api.openapi.parameters import Parameter, from_query, header_parameter, path_parameter
from chalicelib.api.openapi.responses import NOT_MODIFIED, RATE, REFUSALS, referred
from chalicelib.api.openapi.schemas import Schemas
from chalicelib.api.requests.body import Schema
from chalicelib.api.requests.query import CURSOR_SCHEMA, EXPAND
from chalicelib.domain import scopes
from chalicelib.http_io.request import BODY_TYPES

_NEXT = CURSOR_SCHEMA | {'description': 'The `cursor` of the next page; absent on the last one.'}


class RoutedOperation(NamedTuple):
    """A method of a path, under a name of its own."""

    name: str
    route: RouteEntry
    spec: ApiOperation

    @property
    def resource(self) -> str:
        """The name of the module that the view stands in."""
        return str(self.route.view_function.__module__).rpartition('.')[2]

    @property
    def private(self) -> bool:
        return self.route.authorizer is not None

    def parameters(self, schemas: Schemas) -> list[Parameter]:
        """Return the parameters of path, query and header."""
        path = [path_parameter(name, schemas) for name in self.route.view_args]
        query = [from_query(query) for query in self.spec.query]
        return [*path, *query, header_parameter(self.route.method)]

    @property
    def refusals(self) -> list[str]:
        """The names of the ways in which it can fail, by status."""
        changes, body = self.route.method != 'GET', self.spec.body is not None
        possible = {
            'BadRequest': changes or self.spec.expandable,
            'Unauthorized': self.private,
            'Forbidden': self.private,
            'NotFound': self.private or bool(self.route.view_args),  # whom a token speaks for may be gone
            'Conflict': changes,
            'PreconditionFailed': self.route.method in ('PATCH', 'DELETE'),
            'TooLarge': body,
            'AnswerTooLarge': self.private and not body,
            'UnsupportedMediaType': body,
            'Invalid': body or bool(set(self.spec.query) - {EXPAND}),
            'TooManyRequests': True,
            'InternalError': True,
            'NotReady': self.spec.asynchronous,
            'Busy': not self.spec.asynchronous,
        }
        return [name for name, can_be in possible.items() if can_be]

    def describe(self, schemas: Schemas) -> dict[str, Any]:
        """Return OpenAPI's Operation Object."""
        summary, _, description = (getdoc(self.route.view_function) or '').partition('\n\n')
        shared = referred('parameters', [parameter.name for parameter in self.parameters(schemas)])
        return {
            'operationId': self.name,
            'summary': summary.rstrip('.'),
            **({'description': description} if description else {}),
            'tags': [self.resource],
            'security': list(_security(self.route)) if self.private else [],
            'parameters': [*shared.values()],
            **({'requestBody': self._body(schemas)} if self.spec.body else {}),
            'responses': self._responses(schemas),
        }

    def _body(self, schemas: Schemas) -> dict[str, Any]:
        assert self.spec.body
        told = (self.spec.body.schema(), self.spec.body.form_schema())
        content = {kind: schemas.media(schema, whole=True) for kind, schema in zip(BODY_TYPES, told, strict=True)}
        return {'required': True, 'content': content}

    def _responses(self, schemas: Schemas) -> dict[str, Any]:
        status = HTTPStatus.CREATED if self.route.method == 'POST' else HTTPStatus.OK
        responses: dict[str, Any] = {
            str(int(status)): {
                'description': status.phrase,
                'headers': referred('headers', ('X-Request-Id', *self._headers())),
                'content': {'application/json': schemas.media(_envelope(self.spec, schemas))} | _csv(self.spec),
            }
        }
        others = [NOT_MODIFIED, *self.refusals] if self.route.method == 'GET' else self.refusals
        for name, response in referred('responses', others).items():
            responses[str(REFUSALS[name].status if name in REFUSALS else 304)] = response
        return responses

    def _headers(self) -> Iterator[str]:
        if self.route.method != 'DELETE':
            yield 'ETag'
        if self.route.method == 'POST':
            yield 'Location'
        if self.spec.paged:
            yield 'Link'
        if self.spec.is_list:
            yield from ('Vary', 'X-Complete')
        if self.private:
            yield from RATE


def _csv(spec: ApiOperation) -> Schema:
    """Return the Media Type Object of a list as CSV, none for what is no list."""
    if not spec.is_list:
        return {}
    return {'text/csv': {'schema': {'type': 'string'}, 'example': ','.join(spec.columns) + '\r\n'}}


def _envelope(spec: ApiOperation, schemas: Schemas) -> Schema:
    """Return the schema of a success. It is open: what stands beside `result` may become more."""
    shape, kind = (get_args(spec.answer)[0], 'List') if get_args(spec.answer) else (spec.answer, '')
    about = (getdoc(shape) or '').partition('\n\n')[0]
    properties = {
        'success': {'description': 'True: the request succeeded.', 'type': 'boolean', 'const': True},
        'time': schemas.of(answers.EpochSeconds),
        'result': schemas.of(spec.answer) | {'description': f'A list. Each entry: {about}' if kind else about},
    }
    beside = schemas.members(spec.beside) if spec.beside else {}
    following = {'next': schemas.put(_NEXT)} if spec.paged else {}
    return {
        'title': f'{shape.__name__}{kind}Answer',
        'description': f'The envelope of a success, with {"a list of such entries" if kind else "one object"}: {about}',
        'type': 'object',
        'properties': properties | beside | following,
        'required': list(properties),
    }


def _security(route: RouteEntry) -> Iterator[dict[str, list[str]]]:
    """Yield OpenAPI's Security Requirements of a route, of which one must hold: each smallest set of scopes that opens it."""
    opening: list[tuple[str, ...]] = []
    for number in range(1, len(scopes.ALL) + 1):
        for some in combinations(scopes.ALL, number):
            if _opens(some, route) and not any(set(fewer) <= set(some) for fewer in opening):
                opening.append(some)
    for needed in sorted(opening, key=lambda some: [scopes.ALL.index(scope) for scope in some]):
        yield {'oauth2': list(needed)}
        yield {'bearer': list(needed)}
        if set(needed) <= set(scopes.API_KEY_SCOPES):
            yield {'apiKeyHeader': list(needed)}
            yield {'apiKeyQuery': list(needed)}


def _opens(some: tuple[str, ...], route: RouteEntry) -> bool:
    return any(route.method in methods and fnmatchcase(route.uri_pattern, path) for path, methods in scopes.routes(some))
