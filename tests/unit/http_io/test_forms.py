"""Bracketed forms: what each way of writing them stands for."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.http_io import forms


@pytest.mark.parametrize(
    ('text', 'meaning'),
    [
        ('', {}),
        ('title=My+portfolio', {'title': 'My portfolio'}),
        ('title=a&title=b', {'title': 'b'}),
        ('title=', {'title': ''}),
        ('currencies[]=btc&currencies[]=usd', {'currencies': ['btc', 'usd']}),
        ('currencies%5B%5D=btc', {'currencies': ['btc']}),
        ('currencies[0]=btc&currencies[1]=usd', {'currencies': ['btc', 'usd']}),
        ('currencies[10]=b&currencies[9]=a', {'currencies': ['a', 'b']}),
        (
            'balances[][currency]=btc&balances[][balance]=1&balances[][currency]=ltc&balances[][balance]=2',
            {'balances': [{'currency': 'btc', 'balance': '1'}, {'currency': 'ltc', 'balance': '2'}]},
        ),
        (
            'balances[][currency]=btc&balances[][currency]=ltc&balances[][balance]=2',
            {'balances': [{'currency': 'btc'}, {'currency': 'ltc', 'balance': '2'}]},
        ),
        (
            'balances[0][currency]=btc&balances[0][balance]=1&balances[1][currency]=ltc',
            {'balances': [{'currency': 'btc', 'balance': '1'}, {'currency': 'ltc'}]},
        ),
        ('credentials[key]=k&credentials[secret]=s', {'credentials': {'key': 'k', 'secret': 's'}}),
        ('a[][b][]=1&a[][b][]=2', {'a': [{'b': ['1', '2']}]}),
        ('title=%F0%9F%98%80', {'title': '😀'}),
    ],
)
def test_a_form_stands_for(text: str, meaning: dict):
    assert forms.parse(text) == meaning


@pytest.mark.parametrize(
    'text',
    [
        'a[=1',
        'a]=1',
        '[]=1',
        '[a]=1',
        'a[b=1',
        'a[b]c=1',
        'a[[b]]=1',
        'a[b][c][d][e][f]=1',
        'a=1&a[]=2',
        'a[]=1&a=2',
        'a[b]=1&a[]=2',
        'a[]=1&a[b]=2',
        'a=1&a[b]=2',
        'a=%FF',
        '&'.join('a[]=1' for _ in range(forms.MOST_FIELDS + 1)),
    ],
)
def test_what_stands_for_nothing_is_refused(text: str):
    with pytest.raises(ValueError, match=r'.'):
        forms.parse(text)


@given(st.lists(st.fixed_dictionaries({'currency': st.text(min_size=1), 'balance': st.text(min_size=1)})))
def test_lists_of_objects_come_through_whole(balances: list[dict[str, str]]):
    pairs = [(f'balances[][{name}]', value) for balance in balances for name, value in balance.items()]

    assert forms.parse(urlencode(pairs)) == ({'balances': balances} if balances else {})


@given(st.text())
def test_any_text_is_an_object_or_refused(text: str):
    with suppress(ValueError):
        assert isinstance(forms.parse(text), dict)
