"""Tables as CSV (RFC 4180): written so that a spreadsheet can open them safely, and read as spreadsheets and people write them."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from chalicelib.texts import translatable, with_values

CSV_TYPE = 'text/csv; charset=utf-8'
_NUMBER = re.compile(r'-?[0-9]+(\.[0-9]+)?')
_QUOTE = "'"  # before what a spreadsheet would run as a formula, and before what has such quotes itself
_SIGNS = '=+@\uff1d\uff0b\uff0d\uff20-'  # also the full-width ones, which East Asian spreadsheets take for the others
# Where a formula could begin, and the quotes there: at the start of a cell (https://owasp.org/www-community/attacks/CSV_Injection), and
# behind what separates cells or rows for a spreadsheet that expects no commas, to which quotation marks in the middle are no protection.
_FORMULA = re.compile(rf"""(^(?={_QUOTE}*[\t\r\n])|(?:^[ ]*|[;\t\r\n][ "]*)(?={_QUOTE}*[{_SIGNS}]))({_QUOTE}*)""")
_UNREADABLE = translatable('Line {number} cannot be read: look for an unclosed quotation mark')
_SEPARATORS = '\t;,'  # by precedence where there are as many of each: spreadsheets write semicolons where the comma is the decimal mark
_QUOTED = re.compile('"[^"]*"')


class BadTable(ValueError):
    """A text is no CSV, or not what is wanted; `sentence` says what to do, for people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class TableRow(NamedTuple):
    """A row of a table, and the line on which it begins, from 1."""

    number: int
    cells: list[str]


def from_csv(text: str) -> list[TableRow]:
    """Return the rows that are not blank, as `to_csv` was given them; what separates cells is seen from the first. Raises BadTable."""
    lines = list(io.StringIO(text.removeprefix('\ufeff'), newline=''))  # not splitlines: a cell may have characters that end lines for it
    first = _QUOTED.sub('', next((line for line in lines if line.strip()), ''))
    reader = csv.reader(lines, delimiter=max(_SEPARATORS, key=first.count))
    rows: list[TableRow] = []
    number = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(TableRow(number, [_without_quotes(cell.strip()) for cell in cells]))
            number = reader.line_num + 1
    except csv.Error:
        raise BadTable(with_values(_UNREADABLE, number=number)) from None
    return rows


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
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(rf'\1{_QUOTE}\2', text)


def _without_quotes(cell: str) -> str:
    return _FORMULA.sub(lambda place: place[1] + place[2][1:], cell)
