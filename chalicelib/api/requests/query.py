"""How query parameters are declared: one declaration both parses a parameter and describes it.

AT = Query('at', past_instant, {'type': 'string', 'description': 'An instant in the past.'}, default=None)

@router.get('/portfolios/{portfolio_id}/balances', answer=list[PortfolioBalance], query=(AT,))
def get_portfolio_balances(request: ApiRequest, portfolio_id: int) -> Response:
    at = request[AT]  # epoch seconds, None when the parameter is absent
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chalice.app import MultiDict

from chalicelib import clock
from chalicelib.api.requests.body import FieldError, Schema
from chalicelib.domain import instants, timeline
from chalicelib.errors import BadRequest, Fault, Invalid
from chalicelib.http_io import paging
from chalicelib.http_io.request import MOST_DIGITS

T = TypeVar('T')

_OFFSET_WITHOUT_PLUS = re.compile(r' {1,2}(?=[0-9]{2}(:?[0-9]{2})?\Z)')


@dataclass(frozen=True, eq=False)
class Query(Generic[T]):
    """One parameter of a query.

    `parse` takes the text of the parameter, the last one if it is repeated, and raises FieldError. If the name ends in `[]` it
    takes the list of all texts, sent under the name with or without the brackets. `schema` is its JSON Schema.
    """

    name: str
    parse: Callable[[Any], T]
    schema: Schema
    default: T

    def read(self, parameters: MultiDict) -> T:
        """Return the value of the parameter, the default if it is absent. Raises FieldError."""
        names = dict.fromkeys((self.name, self.name.removesuffix('[]')))
        texts = [text for name in names if name in parameters for text in parameters.getlist(name)]
        if not texts:
            return self.default
        return self.parse(texts if self.name.endswith('[]') else texts[-1])


def parse_query(declared: Sequence[Query[Any]], parameters: MultiDict | None) -> dict[Query[Any], Any]:
    """Return the value of each declared parameter. Raises Invalid with everything that is wrong with them."""
    values: dict[Query[Any], Any] = {}
    faults: list[Fault] = []
    for parameter in declared:
        try:
            values[parameter] = parameter.read(parameters or MultiDict(None))
        except FieldError as error:
            faults.append(Fault(parameter.name, error.code, error.sentence.replace('{field}', parameter.name)))
    if faults:
        raise Invalid(*faults)
    return values


def cursor(parse_position: Callable[[str], T], start: T) -> Query[T]:
    """Return the parameter `cursor` of a list whose positions `parse_position` parses; `start` is the position of its first page.

    `parse_position` raises ValueError.
    """

    def parse(text: str) -> T:
        try:
            return parse_position(paging.decode_cursor(text))
        except ValueError:
            raise FieldError('unknown', '{field} must be the next of an earlier response') from None

    return Query('cursor', parse, CURSOR_SCHEMA, default=start)


def instant(text: str) -> int:
    """Return an instant in epoch seconds."""
    try:
        return instants.parse(_OFFSET_WITHOUT_PLUS.sub('+', text))  # a plus sign that was not written as %2B arrives as a space
    except ValueError as error:
        raise FieldError('invalid', f'{{field}} {error}') from None


def past_instant(text: str) -> int:
    """Return an instant that is not in the future, in epoch seconds."""
    epoch = instant(text)
    if epoch > clock.now():
        raise FieldError('out_of_range', '{field} must not be in the future')
    return epoch


def _choice(name: str, values: Mapping[str, T], *, default: str, example: str, description: str) -> Query[T]:
    """Return a parameter that takes one of a few words."""

    def parse(text: str) -> T:
        if text not in values:
            raise FieldError('unknown', f'{{field}} must be {" or ".join(values)}')
        return values[text]

    schema = {'description': description, 'default': default, 'examples': [example], 'enum': sorted(values)}
    return Query(name, parse, schema, default=values[default])


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS and 1 <= int(text) <= paging.MOST_ENTRIES):
        raise FieldError('out_of_range', f'{{field}} must be a whole number from 1 to {paging.MOST_ENTRIES}')
    return int(text)


def _id_position(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise ValueError
    return int(text)


def _format(text: str) -> bool:
    if text not in ('csv', 'json'):
        raise FieldError('unknown', '{field} must be csv or json')
    return text == 'csv'


def _expansion(names: list[str]) -> bool:
    if set(names) != {'currency'}:
        raise BadRequest('expand can be currency')
    return True


def _instant_schema(description: str, example: str) -> Schema:
    return {'description': description, 'examples': [example], 'type': 'string', 'pattern': instants.PATTERN}


CURSOR_SCHEMA: Schema = {
    'description': 'The `next` of an earlier response: the list continues from there.',
    'examples': ['MTAw'],
    'type': 'string',
    'pattern': '^[A-Za-z0-9_=-]*$',
}
LIMIT = Query(
    'limit',
    _limit,
    {
        'description': 'Maximum number of entries to return.',
        'examples': [100],
        'default': paging.MOST_ENTRIES,
        'type': 'integer',
        'minimum': 1,
        'maximum': paging.MOST_ENTRIES,
    },
    default=paging.MOST_ENTRIES,
)
ID_CURSOR = cursor(_id_position, start=0)
EXPAND = Query(
    'expand[]',
    _expansion,
    {
        'description': 'What to return as an object: a currency becomes `{title, code}` instead of its code.',
        'examples': [['currency']],
        'type': 'array',
        'items': {'title': 'Expandable', 'description': 'What can be returned as an object.', 'enum': ['currency']},
    },
    default=False,
)
AT: Query[int | None] = Query(
    'at',
    past_instant,
    _instant_schema('An instant in the past, or a date for its midnight UTC: return the values as of then.', '2026-11-01T12:00:00+00:00'),
    default=None,
)
FROM: Query[int | None] = Query('from', instant, _instant_schema('The first instant; by default 365 days ago.', '2026-01-01'), default=None)
TO: Query[int | None] = Query(
    'to',
    instant,
    _instant_schema('The last instant; by default the newest of the grid, followed by now.', '2026-11-01'),
    default=None,
)
INTERVAL = _choice(
    'interval',
    timeline.INTERVALS,
    default='day',
    example='week',
    description='The grid of instants: full hours, midnights, or midnights of Mondays, UTC.',
)
OLDEST_FIRST = _choice('order', {'desc': False, 'asc': True}, default='desc', example='asc', description='Oldest first, or newest first.')
EXPLAIN = _choice(
    'explain',
    {'false': False, 'true': True},
    default='false',
    example='true',
    description='Whether to add how each balance was converted.',
)
FORMAT: Query[bool | None] = Query(
    'format',
    _format,
    {
        'description': 'The list as JSON, or as CSV for a spreadsheet; `Accept: text/csv` has the same effect.',
        'examples': ['csv'],
        'enum': ['csv', 'json'],
    },
    default=None,
)
