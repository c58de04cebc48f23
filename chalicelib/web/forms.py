"""Forms posted by browsers, limited in size, protected against CSRF; those that take files are multipart/form-data."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from chalice.app import Request

from chalicelib.errors import BadRequest, Fault
from chalicelib.http_io import multipart
from chalicelib.http_io.forms import check_cost
from chalicelib.http_io.request import large_body
from chalicelib.texts import translatable
from chalicelib.web import sessions

TYPES = ['application/x-www-form-urlencoded']
WITH_FILES = [*TYPES, 'multipart/form-data']
MOST_BYTES = 65_536
_MOST_FIELDS = 100


class Form:
    """The fields of a form; a missing field reads as empty."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """Return the first value of a field."""
        return self.all(name)[0] if self.all(name) else ''

    def all(self, name: str) -> list[str]:
        """Return all values of a field, such as those of the selected checkboxes."""
        return list(self._fields.get(name, []))

    def names(self) -> list[str]:
        """Return the names of all fields."""
        return list(self._fields)

    def has(self, name: str) -> bool:
        return name in self._fields


def too_many_lines(field: str, most: int) -> Fault:
    """Return the fault of a field with more lines than are read: each of thousands would take a millisecond, and a line of the answer."""
    return Fault(field, 'too_many', translatable('Enter at most {most} lines at a time', most=most))


def read(request: Request, most_bytes: int = MOST_BYTES) -> Form:
    """Parse and check the posted form. Every view of a page's POST calls this first.

    Raises TooLarge over `most_bytes` or for what costs much to parse, TooManyRequests, as a large one counts as several, BadRequest over
    100 fields, and ForgedForm without a valid CSRF token.
    """
    raw = large_body(request, most_bytes)
    kind = request.headers.get('content-type', '')
    try:
        fields = _parse_parts(kind, raw) if kind.lower().startswith(WITH_FILES[-1]) else _parse_pairs(raw)
    except ValueError:
        raise BadRequest('The form has too many fields') from None
    form = Form(fields)
    sessions.check_form(request, form.text('csrf'))
    return form


def _parse_pairs(raw: bytes) -> dict[str, list[str]]:
    """Raises TooLarge for what costs much, ValueError for too many fields."""
    check_cost(raw)
    return parse_qs(raw.decode('utf-8', 'replace'), keep_blank_values=True, max_num_fields=_MOST_FIELDS)


def _parse_parts(kind: str, raw: bytes) -> dict[str, list[str]]:
    """Return the fields of a form that takes files, and the texts of these. Raises ValueError for too many."""
    contents = multipart.parse(kind, raw, _MOST_FIELDS)
    return {name: [content.decode('utf-8', 'replace') for content in these] for name, these in contents.items()}


def query_parameter(request: Request, name: str) -> str:
    """Return a query parameter; a missing one reads as empty."""
    parameters: Mapping[str, str] = request.query_params or {}
    return parameters.get(name, '')


def outcome(request: Request, name: str) -> str:
    """Return the query parameter by which a form of ours says on the next page what it did; empty where another site leads there.

    It could else have our pages say that a password was changed, or access revoked. Browsers tell (Fetch Metadata), but for plain http to
    another computer.
    """
    is_ours = request.headers.get('sec-fetch-site', 'same-origin') == 'same-origin'
    return query_parameter(request, name) if is_ours else ''
