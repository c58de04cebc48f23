"""Declared query parameters: values, defaults, and every fault at once."""

from typing import Any

import pytest
from chalice.app import MultiDict

from chalicelib.api.requests.query import (
    AT,
    EXPAND,
    EXPLAIN,
    FROM,
    ID_CURSOR,
    INTERVAL,
    LIMIT,
    OLDEST_FIRST,
    TO,
    Query,
    cursor,
    parse_query,
)
from chalicelib.errors import BadRequest, Invalid
from chalicelib.http_io.paging import encode_cursor

ALL = (LIMIT, ID_CURSOR, EXPAND, AT, FROM, TO, INTERVAL, OLDEST_FIRST, EXPLAIN)


def values(*declared: Query[Any], **sent: list[str]) -> list[Any]:
    """Return the values of some parameters; `expand__` is sent as `expand[]`, `from_` as `from`."""
    names = {'expand__': 'expand[]', 'from_': 'from'}
    parsed = parse_query(declared, MultiDict({names.get(name, name): texts for name, texts in sent.items()}))
    return [parsed[parameter] for parameter in declared]


def faults(*declared: Query[Any], **sent: list[str]) -> list[tuple[str, ...]]:
    with pytest.raises(Invalid) as raised:
        values(*declared, **sent)
    return [tuple(fault) for fault in raised.value.faults]


def test_an_absent_parameter_has_its_default():
    assert values(*ALL) == [1_000, 0, False, None, None, None, 86_400, False, False]
    assert parse_query(ALL, None)[LIMIT] == 1_000


def test_a_parameter_is_parsed():
    sent = {
        'limit': ['7'],
        'cursor': [encode_cursor('12')],
        'at': ['1970-01-02'],
        'interval': ['week'],
        'order': ['asc'],
        'explain': ['true'],
    }

    assert values(LIMIT, ID_CURSOR, AT, INTERVAL, OLDEST_FIRST, EXPLAIN, **sent) == [7, 12, 86_400, 7 * 86_400, True, True]


def test_the_last_of_repeated_texts_counts():
    assert values(LIMIT, limit=['x', '5']) == [5]


def test_a_plus_sign_that_arrives_as_a_space_is_one():
    assert values(FROM, from_=['1970-01-01T01:00:00 01:00']) == [0]
    assert values(FROM, from_=['1970-01-01T01:00:00 0100']) == [0]
    assert values(FROM, from_=['1970-01-01T01:00:00 01']) == [0]
    assert values(FROM, from_=['1970-01-01 01:00:00 01:00']) == [0]  # Python's str() of a moment
    assert values(FROM, from_=['1970-01-01 01:00:00  0100']) == [0]  # Ruby's to_s


@pytest.mark.parametrize('sent', [{'expand': ['currency']}, {'expand__': ['currency', 'currency']}])
def test_a_list_is_sent_with_or_without_brackets(sent: dict[str, list[str]]):
    assert values(EXPAND, **sent) == [True]


@pytest.mark.parametrize('sent', [{'expand': ['']}, {'expand': ['currency'], 'expand__': ['user']}])
def test_every_text_of_a_list_must_be_known(sent: dict[str, list[str]]):
    with pytest.raises(BadRequest):
        values(EXPAND, **sent)


def test_all_faults_are_reported_in_the_order_of_the_declaration():
    assert faults(LIMIT, ID_CURSOR, AT, OLDEST_FIRST, order=['up'], limit=['0'], cursor=['!'], at=['9999-01-01']) == [
        ('limit', 'out_of_range', 'limit must be a whole number from 1 to 1000'),
        ('cursor', 'unknown', 'cursor must be the next of an earlier response'),
        ('at', 'out_of_range', 'at must not be in the future'),
        ('order', 'unknown', 'order must be desc or asc'),
    ]


@pytest.mark.parametrize('text', ['', '-1', '1001', '1.5', '\u0661', '9' * 10])
def test_a_limit_is_a_whole_number_from_1_to_1000(text: str):
    assert [fault[0] for fault in faults(LIMIT, limit=[text])] == ['limit']


@pytest.mark.parametrize('text', ['x', encode_cursor('1x'), encode_cursor('9' * 10), encode_cursor('é')])
def test_a_cursor_over_ids_is_that_of_an_id(text: str):
    assert [fault[1] for fault in faults(ID_CURSOR, cursor=[text])] == ['unknown']


def test_a_list_may_have_positions_of_its_own():
    assert values(cursor(str, start=''), cursor=[encode_cursor('kraken')]) == ['kraken']
