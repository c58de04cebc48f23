"""CSV that a spreadsheet opens without running anything."""

import csv
import io

from chalicelib.domain.tables import to_csv


def test_what_a_spreadsheet_would_run_is_text_and_numbers_stay_numbers():
    dangerous = ['=1+1', '+1', '-1+1', '@SUM(A1)', '\t=1', '\r=1', '-']
    plain = ['-0.5', '50.00501', '0.0', 'a "quoted", name', 'two\nlines', '', 'محمد']

    text = to_csv(['name', 'x'], [[value, None] for value in dangerous + plain] + [[True, 7]])

    rows = list(csv.reader(io.StringIO(text, newline='')))
    assert rows[0] == ['name', 'x']
    assert [row[0] for row in rows[1:-1]] == [f"'{value}" for value in dangerous] + plain
    assert (rows[1][1], rows[-1]) == ('', ['true', '7'])
    assert text.startswith('name,x\r\n')
