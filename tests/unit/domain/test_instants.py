"""Instants are whole seconds inside and ISO 8601 with an offset outside."""

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
