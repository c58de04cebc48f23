"""CSV that a spreadsheet opens without running anything."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.tables import BadTable, TableRow, from_csv, to_csv


def test_what_a_spreadsheet_would_run_is_text_and_numbers_stay_numbers():
    dangerous = ['=1+1', '+1', '-1+1', '@SUM(A1)', '\tx', '\rx', '\nx', '-', '\uff1d1+1', '\uff0b1', '\uff0d1', '\uff20SUM(A1)']
    plain = ['a=b', 'a;b', "a;'b", '2024-05-01', 'x, -5', '-0.5', '50.00501', '0.0', 'a "quoted", name', 'two\nlines', '', 'محمد']

    text = to_csv(['name', 'x'], [[value, None] for value in dangerous + plain] + [[True, 7]])

    rows = list(csv.reader(io.StringIO(text, newline='')))
    assert rows[0] == ['name', 'x']
    assert [row[0] for row in rows[1:-1]] == [f"'{value}" for value in dangerous] + plain
    assert (rows[1][1], rows[-1]) == ('', ['true', '7'])
    assert text.startswith('name,x\r\n')


HOSTILE = [
    'x;=1', 'x\t=1', 'x;-1', ';\uff1d1', 'x\n=1', 'x\r\n@A1', '=1;=1', 'x;"=1"', 'x; +1', "x;'=1", '"x";\t=1', 'x,"y;=1', ';;=1', '\t=1'
]  # fmt: skip


@pytest.mark.parametrize('separator', [';', '\t'])
@pytest.mark.parametrize('title', HOSTILE)
def test_a_spreadsheet_that_expects_another_separator_runs_nothing_either(separator: str, title: str):
    text = to_csv(['name', 'title', 'x'], [['a', title, False], [title, 'a', False]])

    cells = [cell for row in csv.reader(io.StringIO(text, newline=''), delimiter=separator) for cell in row]

    assert [cell for cell in cells if cell.strip(' "').startswith(tuple('=+-@\uff1d\uff0b\uff0d\uff20'))] == []


def test_what_was_written_is_read_again_without_the_quotes():
    cells = [
        '=1+1', '\uff1d1', 'x;=1', "x;'=1", "x;''\uff1d1", 'x;"=1', 'x\n=1', "x\n'=1", '\t=1', "'\t'=1", 'x; =1;=2', '-1+1', '@SUM(A1)',
        "'tis", "''=1", '-0.5', 'a "quoted", name', 'two\nlines', 'محمد',
    ]  # fmt: skip

    rows = from_csv(to_csv(['name', 'x'], [[cell, 'x'] for cell in cells]))

    assert [row.cells for row in rows] == [['name', 'x'], *([cell, 'x'] for cell in cells)]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23]


@pytest.mark.parametrize(
    ('text', 'cells'),
    [
        ('\ufeffa,b\r\n\r\n', ['a', 'b']),
        ('\n a;"b;c";1,5', ['a', 'b;c', '1,5']),
        ('a\tb c\t', ['a', 'b c', '']),
        ('12500,50;eur', ['12500,50', 'eur']),
        ('1,5\tb;c', ['1,5', 'b;c']),
        ('a,"b;c;d;e",f', ['a', 'b;c;d;e', 'f']),
        ('a', ['a']),
    ],
)
def test_what_separates_cells_is_seen_from_the_first_row(text: str, cells: list[str]):
    [row] = from_csv(text)

    assert row == TableRow(2 if text[0] == '\n' else 1, cells)


def test_no_row_is_no_row_and_what_is_no_csv_says_where():
    assert from_csv(' \n,,\n') == []
    with pytest.raises(BadTable, match='Line 2'):
        from_csv('a\n"' + 'b' * 200_000)


CELLS = st.text(st.sampled_from('\'=\uff1d+-@\t\r\n";, x5.é\x0b\x0c\x1c\x85\u2028'), max_size=6).map(str.strip)


@given(st.lists(st.tuples(st.sampled_from(['x', '-5', "'=1+1"]), CELLS), min_size=1))
def test_whatever_was_written_is_read_as_it_was(rows: list[tuple[str, str]]):
    """But for blanks around a cell: people and spreadsheets add some."""
    assert [tuple(row.cells) for row in from_csv(to_csv(['a', 'b'], rows))][1:] == rows
