"""The headers that answers have and the ways in which requests fail, as the description of the API tells them."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from chalicelib import errors
from chalicelib.api import answers
from chalicelib.api.openapi.error_codes import ERROR_CODES
from chalicelib.api.openapi.schemas import Schemas
from chalicelib.api.requests.body import Schema
from chalicelib.http_io.errors import doc_url

RATE = ('RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset')
HEADERS: dict[str, Schema] = {
    'ETag': {'description': 'Changes whenever the response does.', 'schema': {'type': 'string'}},
    'Link': {'description': 'The address of the next page (RFC 8288), if there is one.', 'schema': {'type': 'string'}},
    'Location': {'description': 'The path of the object that was created.', 'schema': {'type': 'string', 'format': 'uri-reference'}},
    'Retry-After': {'description': 'Seconds to wait before trying again.', 'schema': {'type': 'integer', 'minimum': 0}},
    'Vary': {'description': 'The header that selected JSON or CSV.', 'schema': {'type': 'string'}},
    'WWW-Authenticate': {'description': 'What is wrong with the token (RFC 6750).', 'schema': {'type': 'string'}},
    'X-Complete': {'description': 'For CSV: whether all rows are included.', 'schema': {'type': 'string', 'enum': ['true', 'false']}},
    'X-Request-Id': {'description': 'Identifies the request to the operators of the service.', 'schema': {'type': 'string'}},
    'RateLimit-Limit': {'description': 'Requests allowed in a minute.', 'schema': {'type': 'integer', 'minimum': 0}},
    'RateLimit-Remaining': {'description': 'Requests left in this minute.', 'schema': {'type': 'integer', 'minimum': 0}},
    'RateLimit-Reset': {'description': 'Seconds until that minute is over.', 'schema': {'type': 'integer', 'minimum': 0}},
}
NOT_MODIFIED = 'NotModified'


class Refusal(NamedTuple):
    """An error; `shape` is that of its body, `headers` are those it has beside X-Request-Id.

    API Gateway's have no `time`.
    """

    status: int
    code: str
    message: str
    shape: Any = answers.Failure
    headers: tuple[str, ...] = ()
    by_gateway: bool = False

    def describe(self, schemas: Schemas) -> dict[str, Any]:
        """Return OpenAPI's Response Object."""
        media = schemas.media(schemas.of(self.shape), whole=not self.by_gateway)
        media['example'] |= {'message': self.message, 'code': self.code, 'doc_url': doc_url(self.code)}
        explained = ERROR_CODES[self.code]
        return {
            'description': f'{explained.meaning} {explained.remedy}',
            'headers': referred('headers', ('X-Request-Id', *self.headers)),
            'content': {'application/json': media},
        }


def _of(error: type[errors.AppError], shape: Any = answers.Failure, headers: tuple[str, ...] = ()) -> Refusal:
    return Refusal(error.status, error.code, error.message, shape, headers)


# By their names in the description. What is no error of ours is API Gateway's (infra/gateway_responses.json) or Chalice's.
REFUSALS = {
    'BadRequest': _of(errors.BadRequest),
    'Unauthorized': Refusal(
        401, 'invalid_token', 'Missing, malformed or expired access token', headers=('WWW-Authenticate',), by_gateway=True
    ),
    'Forbidden': Refusal(
        403, 'insufficient_scope', 'The access token lacks a scope that this request needs', headers=('WWW-Authenticate',), by_gateway=True
    ),
    'NotFound': _of(errors.NotFound),
    'Conflict': _of(errors.Conflict),
    'PreconditionFailed': _of(errors.PreconditionFailed),
    'TooLarge': _of(errors.TooLarge),
    'AnswerTooLarge': _of(errors.AnswerTooLarge),
    'UnsupportedMediaType': Refusal(
        415, 'unsupported_media_type', 'Send the body as application/json or application/x-www-form-urlencoded'
    ),
    'Invalid': _of(errors.Invalid, answers.InvalidRequest),
    'TooManyRequests': _of(errors.TooManyRequests, headers=('Retry-After', *RATE)),
    'InternalError': _of(errors.AppError),
    'Busy': _of(errors.Busy, headers=('Retry-After',)),
    'NotReady': _of(errors.NotReady, answers.Unavailable, headers=('Retry-After',)),
}


def not_modified() -> dict[str, Any]:
    """Return OpenAPI's Response Object of a 304."""
    return {'description': 'The response you have is current', 'headers': referred('headers', ('X-Request-Id', 'ETag', 'Vary'))}


def referred(kind: str, names: Iterable[str]) -> dict[str, Schema]:
    """Return references to components of a kind (`headers`, `parameters`, `responses`), by name."""
    return {name: {'$ref': f'#/components/{kind}/{name.removesuffix("[]")}'} for name in names}
