"""Forms as browsers send them: application/x-www-form-urlencoded, small, and from a page of ours."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from chalice.app import Request

from chalicelib.errors import BadRequest, TooLarge
from chalicelib.http_io.request import raw_body
from chalicelib.web import sessions

TYPES = ['application/x-www-form-urlencoded']
MOST_BYTES = 65_536
_MOST_FIELDS = 100


class Form:
    """The fields of a form; one that is not there reads as empty."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """Return the first value of a field."""
        return self.all(name)[0] if self.all(name) else ''

    def all(self, name: str) -> list[str]:
        """Return every value of a field, such as the ticked ones of several boxes."""
        return list(self._fields.get(name, []))

    def has(self, name: str) -> bool:
        return name in self._fields


def read(request: Request) -> Form:
    """Return the form that was posted; every POST of a page calls this first.

    Raises TooLarge, BadRequest, Forged when it does not come from a page of ours in this browser.
    """
    raw = raw_body(request)
    if len(raw) > MOST_BYTES:
        raise TooLarge('The form is too large')
    try:
        fields = parse_qs(raw.decode('utf-8', 'replace'), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadRequest('The form has too many fields') from None
    form = Form(fields)
    sessions.check_form(request, form.text('csrf'))
    return form


def query(request: Request, name: str) -> str:
    """Return a parameter of the query; one that is not there reads as empty."""
    given: Mapping[str, str] = request.query_params or {}
    return given.get(name, '')
