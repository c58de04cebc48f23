"""The parameters of paths, queries and headers in the description of the API."""

from typing import Any, NamedTuple

from chalicelib.api import answers
from chalicelib.api.openapi.schemas import Schemas
from chalicelib.api.requests.body import Schema
from chalicelib.api.requests.query import Query


class Parameter(NamedTuple):
    """One parameter, whose schema has a description; `place` is where OpenAPI says that it is: `path`, `query` or `header`."""

    name: str
    place: str
    schema: Schema

    def describe(self, schemas: Schemas) -> Schema:
        """Return OpenAPI's Parameter Object."""
        required = {'required': True} if self.place == 'path' else {}
        return {
            'name': self.name,
            'in': self.place,
            'description': self.schema['description'],
            **required,
            'schema': schemas.put({name: value for name, value in self.schema.items() if name != 'description'}),
        }


_TAGS = {'examples': ['"3-8d1e8c4f0e5b7a6c9d2f3a4b5c6d7e8f"'], 'type': 'string'}
_HEADERS: dict[str, Schema] = {
    'Idempotency-Key': {
        'description': 'A string of your choice: a request repeated with it within 24 hours gets the first response again.',
        'examples': ['1f0a5bb2-5e1b-4f3c-9a55-4a4bb7f0a3f1'],
        'type': 'string',
        'maxLength': 255,
        'minLength': 1,
        'pattern': '^[ -~]+$',
    },
    'If-Match': {
        'description': 'The ETag of the version you saw, or several: if the object has changed since, the response is 412.',
        **_TAGS,
    },
    'If-None-Match': {'description': 'The ETag of the response you have, or several: while it is current, the response is 304.', **_TAGS},
}
_HEADER_OF_METHOD = {'GET': 'If-None-Match', 'POST': 'Idempotency-Key', 'PATCH': 'If-Match', 'DELETE': 'If-Match'}
_PATH_TYPES: dict[str, Any] = {'currency': answers.AnyCurrencyCode, 'code': answers.AnyCurrencyCode, 'key': answers.SourceKey}
_IDS = {
    'portfolio_id': 'The id of a portfolio of yours.',
    'address_id': 'The id of an address of the portfolio.',
    'account_id': 'The id of an account of the portfolio.',
    'offset_id': 'The id of an offset of the portfolio.',
}
_PATH_DESCRIPTIONS = _IDS | {
    'currency': 'The code of a currency in the catalogue, in any case.',
    'code': 'The code of a currency in the catalogue, in any case.',
    'key': 'The key of an upstream, as /api/sources lists it.',
}


def path_parameter(name: str, schemas: Schemas) -> Parameter:
    """Return the parameter for a variable of a path; those called `..._id` are ids."""
    return Parameter(
        name, 'path', schemas.of(answers.Id if name in _IDS else _PATH_TYPES[name]) | {'description': _PATH_DESCRIPTIONS[name]}
    )


def from_query(query: Query[Any]) -> Parameter:
    """Return the parameter that an operation declares."""
    return Parameter(query.name, 'query', query.schema)


def header_parameter(method: str) -> Parameter:
    """Return the one header that all operations of a method take."""
    name = _HEADER_OF_METHOD[method]
    return Parameter(name, 'header', _HEADERS[name])
