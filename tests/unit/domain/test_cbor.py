"""What CTAP2's canonical form leaves out of CBOR, in what another library writes."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cbor import is_plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_has_no_tag_is_plain(value: Any) -> None:
    assert is_plain(cbor2.dumps(value))


@given(VALUES, VALUES, st.integers(0, 2**63))
def test_a_tag_is_seen_wherever_it_is(before: Any, inside: Any, number: int) -> None:
    assert not is_plain(cbor2.dumps([before, {'x': cbor2.CBORTag(number, inside)}]))


@pytest.mark.parametrize('length', [0, 23, 24, 255, 256, 65_535, 65_536])
@pytest.mark.parametrize('kind', [bytes, lambda length: 'x' * length])
def test_what_is_in_a_string_is_not_looked_at(kind: Any, length: int) -> None:
    tagged = b'\xd8\x1c\x80'

    assert is_plain(cbor2.dumps([kind(length), tagged]))
    assert not is_plain(cbor2.dumps(kind(length)) + tagged)


@pytest.mark.parametrize('open_ended', ['9f', '9fff', 'bf', '5f40ff', '7f60ff', '821f', 'fc', '1c'])
def test_lengths_that_are_open_or_reserved_are_not_plain(open_ended: str) -> None:
    assert not is_plain(bytes.fromhex(open_ended))


@pytest.mark.parametrize('cut', ['', '18', '19ff', '58', '5820', '5bffffffffffffffff', '9bffffffffffffffff', 'bb0000'])
def test_what_ends_too_early_is_left_to_the_decoder(cut: str) -> None:
    assert is_plain(bytes.fromhex(cut))
