"""Whatever DynamoDB can hold is in the second table exactly as it was in the first."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib import config
from infra.data.table import Table, as_raw
from tests.support.exports import SECOND, items, run, second_table

TEXTS = st.text(st.characters(codec='utf-8'), max_size=20)
NUMBERS = st.one_of(
    st.sampled_from(['0.12345678901234567890123456789012345678', '99999999999999999999999999999999999999', '-0.1', '0']),
    st.integers(-(10**37), 10**37).map(str),
)
NAMES = st.one_of(st.sampled_from(['B', 'M', 'S', 'NULL', 'kind2']), st.text(st.characters(codec='ascii', categories=['L']), min_size=1))
SCALARS = st.one_of(
    st.one_of(TEXTS, st.just('line\u2028 break\r\n\x00"\\')).map(lambda value: {'S': value}),
    NUMBERS.map(lambda value: {'N': value}),
    st.binary(max_size=20).map(lambda value: {'B': value}),
    st.booleans().map(lambda value: {'BOOL': value}),
    st.just({'NULL': True}),
    st.lists(TEXTS.filter(bool), min_size=1, max_size=3, unique=True).map(lambda value: {'SS': sorted(value)}),
    st.lists(st.integers(-(10**37), 10**37).map(str), min_size=1, max_size=3, unique=True).map(lambda value: {'NS': sorted(value)}),
    st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=3, unique=True).map(lambda value: {'BS': sorted(value)}),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda value: {'L': value}),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda value: {'M': value}),
    ),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=8)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_every_value_comes_back_as_it_was(file: Path, rows: list[dict[str, Any]]) -> None:
    first = Table(config.settings().table_name)
    first.delete((f'ODD#{number}', 'ODD') for number in range(8))
    odd = [as_raw((f'ODD#{number}', 'ODD')) | row for number, row in enumerate(rows)]
    first.put(odd)

    file.unlink(missing_ok=True)
    assert run('export', '--all', file) == 0
    with second_table():
        assert run('import', '--table', SECOND, file) == 0
        found = items(SECOND)

    assert found == odd
