"""Tables as CSV (RFC 4180) that a spreadsheet can open safely: a cell that it would run as a formula is text."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

CSV_TYPE = 'text/csv; charset=utf-8'
_NUMBER = re.compile(r'-?[0-9]+(\.[0-9]+)?')
_STARTS = ('=', '+', '-', '@', '\t', '\r')  # https://owasp.org/www-community/attacks/CSV_Injection


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ''
    text = ('true' if value else 'false') if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_STARTS) and not _NUMBER.fullmatch(text) else text
