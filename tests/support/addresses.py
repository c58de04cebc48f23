"""What the tests of every chain's addresses need: published vectors, and the sentence with which a text is refused."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import strategies as st

from chalicelib.domain.addresses import base58, bech32, errors
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from tests.support.calls import count_calls


def vectors(name):
    folder = Path(__file__).parents[1] / 'unit' / 'domain' / 'vectors'
    return json.loads((folder / f'{name}.json').read_text())


def normalise(currency, text):
    return CHAINS[currency].normalise(text)


def is_legacy(currency, address):
    return CHAINS[currency].is_legacy(address)


def refusal(currency, text):
    with pytest.raises(BadAddress) as caught:
        normalise(currency, text)
    assert caught.value.reason in SENTENCES
    assert caught.value.__context__ is None
    return caught.value.reason


def accepted(currency, text):
    try:
        return normalise(currency, text)
    except BadAddress:
        return None


@st.composite
def typing_errors(draw, addresses):
    """One of `addresses` with any one character changed."""
    address = draw(st.sampled_from(addresses))
    position = draw(st.integers(0, len(address) - 1))
    letters = st.one_of(st.sampled_from(string.printable), st.characters())
    letter = draw(letters.filter(lambda other: other != address[position]))
    return address[:position] + letter + address[position + 1 :]


SENTENCES = {value for name, value in vars(errors).items() if name.isupper()}


def count_decoded(monkeypatch):
    """Return three lists that grow by what is decoded from now on: in Base58, with and without a checksum, and in Bech32."""
    return [count_calls(monkeypatch, codec, name) for codec, name in ((base58, 'decode_check'), (base58, 'decode'), (bech32, 'decode'))]
