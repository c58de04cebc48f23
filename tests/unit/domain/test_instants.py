"""Instants are whole seconds inside and ISO 8601 with an offset outside."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import instants

seconds = st.integers(0, 253_402_300_799)  # 1970 to the end of 9999


@given(seconds, seconds)
def test_instants_in_sort_keys_sort_as_time_does(one: int, other: int) -> None:
    assert (instants.sortable(one) < instants.sortable(other)) == (one < other)


@given(seconds)
def test_an_instant_in_a_sort_key_reads_back_the_same(moment: int) -> None:
    assert instants.parse(instants.sortable(moment)) == moment


def test_the_notation_in_sort_keys_never_changes() -> None:
    assert instants.sortable(1_231_471_428) == '2009-01-09T03:23:48+00:00'


@pytest.mark.parametrize(
    'text',
    [
        '2017-11-06T04:54:54+00:00',
        '2017-11-06T04:54:54Z',
        '2017-11-06T04:54:54+0000',  # strftime's %z
        '2017-11-06T04:54:54-0000',
        '2017-11-06T04:54:54+00',
        '2017-11-06T04:54:54.000Z',  # JavaScript's toISOString
        '2017-11-06T04:54:54.123456789Z',  # Go's RFC3339Nano
        '2017-11-06T04:54:54,5Z',
        '2017-11-06 04:54:54+00:00',  # Python's str()
        '2017-11-06 04:54:54 +0000',  # Ruby's to_s
        '2017-11-06 04:54:54Z',
        '2017-11-06t04:54:54z',  # RFC 3339 section 5.6
        '20171106T045454Z',
        '20171106T045454+0000',
        '2017-11-06T06:54:54+02:00',
        '2017-11-06T10:24:54+0530',
        '2017-11-05T23:54:54-05',
    ],
)
def test_every_notation_of_one_instant_reads_the_same(text: str) -> None:
    assert instants.parse(text) == 1_509_944_094
    assert re.search(instants.PATTERN, text)


@pytest.mark.parametrize('text', ['2017-11-06', '20171106', '2017-11-06T00:00Z', '20171106T0000Z', '2017-11-06T01:00+01'])
def test_a_date_is_its_midnight_and_seconds_may_be_missing(text: str) -> None:
    assert instants.parse(text) == 1_509_926_400


@pytest.mark.parametrize(
    'text',
    [
        '', 'now', '1509944094', '2017-11-06T04:54:54', '2017-11-06 04:54', '2017-11', '2017-W45-1', '2017-310', '2017-1106', '2017-11-06T',
        '2017-11-06T04:54:54 UTC', '2017-11-06T04:54:54+0', '2017-11-06T04:54:54+00:0', '2017-11-06T04:5454Z', '06/11/2017', '2017-11-06\n',
        '2017-11-06  04:54:54Z', '٢٠١٧-11-06', '2017-13-01', '2017-02-29', '2017-11-06T24:01Z', '1969-12-31T23:59:59Z',
        '2017-11-06T04:54:54+24:00',
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'.'):
        instants.parse(text)
