"""The parameters that requests have in paths, queries and headers, as the description of the API tells them."""

from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta

from chalicelib.api import answers
from chalicelib.api.openapi.schemas import Schemas
from chalicelib.api.requests.body import Schema
from chalicelib.http_io import paging

Limit = Annotated[
    int,
    Meta(
        description='How many entries to answer, at most.',
        ge=1,
        le=paging.MOST_ENTRIES,
        examples=[100],
        extra_json_schema={'default': paging.MOST_ENTRIES},
    ),
]
Cursor = Annotated[
    str, Meta(description='The `next` of an earlier answer: the list goes on there.', pattern='^[A-Za-z0-9_=-]*$', examples=['MTAw'])
]
_INSTANT = r'^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2}))?$'
At = Annotated[
    str,
    Meta(
        description='An instant of the past, or a date for its midnight UTC: answer as of then.',
        pattern=_INSTANT,
        examples=['2026-11-01T12:00:00+00:00'],
    ),
]
From = Annotated[str, Meta(description='The first instant, 365 days ago if not given.', pattern=_INSTANT, examples=['2026-01-01'])]
To = Annotated[
    str,
    Meta(description='The last instant; if not given the newest of the grid, and after it now.', pattern=_INSTANT, examples=['2026-11-01']),
]
Explain = Annotated[
    Literal['true', 'false'],
    Meta(description='Whether to add how each balance was converted.', extra_json_schema={'default': 'false', 'examples': ['true']}),
]
Interval = Annotated[
    Literal['hour', 'day', 'week'],
    Meta(
        description='The grid of instants: full hours, midnights, or midnights of Mondays, UTC.',
        extra_json_schema={'default': 'day', 'examples': ['week']},
    ),
]
Order = Annotated[
    Literal['asc', 'desc'], Meta(description='Oldest first, or newest first.', extra_json_schema={'default': 'desc', 'examples': ['asc']})
]
_Expandable = Annotated[Literal['currency'], Meta(title='Expandable')]
_Expand = Annotated[
    list[_Expandable],
    Meta(description='What to show as an object: a currency as `{title, code}` in the place of its code.', examples=[['currency']]),
]
_IdempotencyKey = Annotated[
    str,
    Meta(
        description='A text of your own. Sent again with it within 24 hours, the request is not carried out again but answered the same.',
        min_length=1,
        max_length=255,
        pattern='^[ -~]+$',
        examples=['1f0a5bb2-5e1b-4f3c-9a55-4a4bb7f0a3f1'],
    ),
]
_IfMatch = Annotated[
    str,
    Meta(
        description='The ETag of what you saw, or several: when it was changed since, nothing is done, and 412 answered.',
        examples=['"3-8d1e8c4f0e5b7a6c9d2f3a4b5c6d7e8f"'],
    ),
]
_IfNoneMatch = Annotated[
    str,
    Meta(
        description='The ETag of what you have, or several: while that is still the answer, 304.',
        examples=['"3-8d1e8c4f0e5b7a6c9d2f3a4b5c6d7e8f"'],
    ),
]


class Parameter(NamedTuple):
    """One parameter; `where` is one of OpenAPI's places for it, `kind` its type."""

    where: str
    kind: Any

    def describe(self, name: str, schemas: Schemas) -> Schema:
        """Return OpenAPI's Parameter Object."""
        required = {'required': True} if self.where == 'path' else {}
        return {'name': name, 'in': self.where} | required | {'schema': schemas.of(self.kind)}


_PARAMETERS = {
    'currency': Parameter('path', answers.AnyCurrencyCode),
    'code': Parameter('path', answers.AnyCurrencyCode),
    'key': Parameter('path', answers.SourceKey),
    'limit': Parameter('query', Limit),
    'cursor': Parameter('query', Cursor),
    'expand[]': Parameter('query', _Expand),
    'at': Parameter('query', At),
    'explain': Parameter('query', Explain),
    'from': Parameter('query', From),
    'to': Parameter('query', To),
    'interval': Parameter('query', Interval),
    'order': Parameter('query', Order),
    'Idempotency-Key': Parameter('header', _IdempotencyKey),
    'If-Match': Parameter('header', _IfMatch),
    'If-None-Match': Parameter('header', _IfNoneMatch),
}


def named(name: str) -> Parameter:
    """Return the parameter of this name, one name for one thing in all of the API; those that end in `_id` are ids in paths."""
    return Parameter('path', answers.Id) if name.endswith('_id') else _PARAMETERS[name]
