"""The description of the API for programs (OpenAPI 3.1), made of the routes and of what validates and types them."""

import sys
from inspect import getdoc
from typing import Any

from chalice.app import Chalice

from chalicelib.api.openapi import operation_spec, responses
from chalicelib.api.openapi.operation import RoutedOperation
from chalicelib.api.openapi.schemas import Schemas
from chalicelib.config import VERSION, settings
from chalicelib.domain.scopes import SENTENCES

_PREFIX = '/api/'
_API_KEY = 'An API key, which its user creates at /profile/api-keys. It can only read.'
_ABOUT = """\
Portfolios of addresses, accounts at exchanges and offsets, with exact balances and transactions that say how old they are and what is
missing from them.

Amounts are strings, exact to the last digit. Strings in requests are trimmed, and a list of one string may stand for the string.
Bodies are JSON, or forms with bracketed names: `currencies[]=btc`.

A success is `{"success": true, "time": …, "result": …}`, an error `{"success": false, "message": …, "code": …}`.
Programs should rely on the `code`.

`503 Not ready` means that a value has not been read yet: ask again at `try_again_at`. After that there is always one, and `updated_at` or
`balance_at` says how old it is. `complete: false` says that something is missing.

Lists hold up to 1,000 entries, fewer if these are large; if there are more, `next` is the cursor of the next page. `?format=csv` returns a
list as CSV.

A `POST` with an `Idempotency-Key` is carried out once, however many times it is sent. Responses to `GET` carry an `ETag`: `If-None-Match`
gives `304` while nothing has changed; with `If-Match`, a `PATCH` or `DELETE` gives `412` if somebody else changed the object.
"""


def describe(app: Chalice) -> dict[str, Any]:
    """Return the OpenAPI document of an application's API."""
    schemas = Schemas()
    found = operations(app)
    paths: dict[str, Any] = {}
    for operation in found:
        paths.setdefault(operation.route.uri_pattern, {})[operation.route.method.lower()] = operation.describe(schemas)
    return {
        'openapi': '3.1.0',
        'info': {'title': 'CryptFolio', 'version': VERSION, 'description': _ABOUT},
        'externalDocs': {'description': 'Every operation, with samples, and every error code', 'url': settings().url('/reference')},
        'servers': [{'url': settings().issuer}],
        'tags': [_tag(operation) for operation in {operation.resource: operation for operation in found}.values()],
        'paths': paths,
        'components': _components(found, schemas),
    }


def operations(app: Chalice) -> list[RoutedOperation]:
    """Return the operations of the API, HEAD being that of GET.

    Where a view stands at a second path, the last word of that is in the name too.
    """
    found: dict[str, RoutedOperation] = {}
    for path, methods in app.routes.items():
        for route in methods.values():
            if path.startswith(_PREFIX) and not route.view_name.startswith(('refuse ', 'head ')):
                name = route.view_function.__name__
                name = f'{name}_as_{path.rpartition("/")[2]}' if name in found else name
                found[name] = RoutedOperation(name, route, operation_spec.of(route.view_function))
    return list(found.values())


def _components(found: list[RoutedOperation], schemas: Schemas) -> dict[str, Any]:
    parameters = {parameter.name: parameter for operation in found for parameter in operation.parameters(schemas)}
    refusals = {name: refusal.describe(schemas) for name, refusal in responses.REFUSALS.items()}
    return {
        'parameters': {name.removesuffix('[]'): parameter.describe(schemas) for name, parameter in parameters.items()},
        'headers': responses.HEADERS,
        'responses': {responses.NOT_MODIFIED: responses.not_modified()} | refusals,
        'securitySchemes': _security_schemes(),
        'schemas': dict(sorted(schemas.named.items())),
    }


def _tag(operation: RoutedOperation) -> dict[str, str]:
    module = sys.modules[operation.route.view_function.__module__]
    return {'name': operation.resource, 'description': getdoc(module) or ''}


def _security_schemes() -> dict[str, Any]:
    """https://spec.openapis.org/oas/v3.1.0#security-scheme-object"""
    url = settings().url
    sentences = {scope: str(sentence) for scope, sentence in SENTENCES.items()}  # plain strings, which are not for translation
    token = {'tokenUrl': url('/oauth/token'), 'refreshUrl': url('/oauth/token'), 'scopes': sentences}
    return {
        'oauth2': {
            'type': 'oauth2',
            'description': 'For applications, which their developers register at /oauth/applications. Public ones must use PKCE.',
            'flows': {
                'authorizationCode': {'authorizationUrl': url('/oauth/authorize'), **token},
                'password': token,
                'clientCredentials': token,
            },
        },
        'bearer': {'type': 'http', 'scheme': 'bearer', 'description': 'An access token or an API key.'},
        'apiKeyHeader': {'type': 'apiKey', 'in': 'header', 'name': 'X-API-KEY', 'description': _API_KEY},
        'apiKeyQuery': {'type': 'apiKey', 'in': 'query', 'name': 'api_key', 'description': _API_KEY},
    }
