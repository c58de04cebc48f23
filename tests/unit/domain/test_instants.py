"""Instants are whole seconds inside and ISO 8601 with an offset outside."""

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import instants

seconds = st.integers(0, 253_402_300_799)  # 1970 to the end of 9999


@given(seconds)
def test_an_instant_reads_back_the_same(moment: int) -> None:
    assert datetime.fromisoformat(instants.iso(moment)).timestamp() == moment


@given(seconds)
def test_an_instant_is_printed_with_seconds_and_an_offset_of_zero(moment: int) -> None:
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00', instants.iso(moment), re.ASCII)


@given(seconds, seconds)
def test_printed_instants_sort_as_they_come(one: int, other: int) -> None:
    assert (instants.iso(one) < instants.iso(other)) == (one < other)


@pytest.mark.parametrize(
    ('moment', 'printed'),
    [(0, '1970-01-01T00:00:00+00:00'), (1_231_471_428, '2009-01-09T03:23:48+00:00'), (1_462_227_851, '2016-05-02T22:24:11+00:00')],
)
def test_instants_are_printed_as_documented(moment: int, printed: str) -> None:
    assert instants.iso(moment) == instants.iso_or_none(moment) == printed


def test_an_instant_that_has_not_come_is_none() -> None:
    assert instants.iso_or_none(None) is None
