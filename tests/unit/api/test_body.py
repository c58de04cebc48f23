"""Declared bodies: every fault at once, and the same declaration as a schema."""

from typing import Any

import pytest

from chalicelib.api.requests.body import Body, Field, FieldError, ParsedBody
from chalicelib.errors import Invalid


def number(value: Any, _: ParsedBody) -> int:
    if not isinstance(value, int):
        raise FieldError('type', '{field} must be a number')
    return value


def larger(value: Any, given: ParsedBody) -> int:
    """A number larger than LEAST, any while that is wrong."""
    found, least = number(value, given), given.get(LEAST)
    if least is not None and found <= least:
        raise FieldError('too_small', '{field} must be larger')
    return found


def pairs(value: Any, given: ParsedBody) -> list[int]:
    rows = [given.row(PAIR, f'pairs[{index}]', row) for index, row in enumerate(value)]
    return [row[MOST] for row in rows if row.get(MOST)]


def number_schema() -> dict[str, Any]:
    return {'type': 'integer'}


LEAST = Field('least', number, number_schema)
MOST = Field('most', larger, number_schema)
COUNT = Field('count', number, number_schema, absent='none')
NUMBERS = Field('numbers', lambda value, _: list(value), lambda: {'type': 'array', 'items': {'type': 'integer'}})
PAIR = Body('Pair', required=(LEAST, MOST))
PAIRS = Field('pairs', pairs, lambda: {'type': 'array', 'items': PAIR.schema()})
BODY = Body('Sample', required=(LEAST, NUMBERS), optional=(MOST, PAIRS))


def faults(body: Body, values: dict[str, Any], **known: Any) -> list[tuple[str, ...]]:
    with pytest.raises(Invalid) as raised:
        body.read(values, **known)
    return [tuple(fault) for fault in raised.value.faults]


def test_a_body_gives_the_values_of_its_fields():
    given = BODY.read({'least': 1, 'numbers': (1, 2), 'pairs': [{'least': 1, 'most': 2}]})

    assert (given[LEAST], given[NUMBERS], given[PAIRS]) == (1, [1, 2], [2])


def test_an_optional_field_that_is_absent_is_none():
    assert BODY.read({'least': 1, 'numbers': []}).get(MOST) is None


def test_all_faults_are_told_in_the_order_of_the_declaration():
    assert faults(BODY, {'most': 'x', 'least': 'y', 'pairs': [{'least': 2, 'most': 1}, {}]}) == [
        ('least', 'type', 'least must be a number'),
        ('numbers', 'required', 'numbers is required'),
        ('most', 'type', 'most must be a number'),
        ('pairs[0].most', 'too_small', 'pairs[0].most must be larger'),
        ('pairs[1].least', 'required', 'pairs[1].least is required'),
        ('pairs[1].most', 'required', 'pairs[1].most is required'),
    ]


def test_a_field_is_parsed_by_what_those_before_it_gave():
    assert faults(PAIR, {'least': 5, 'most': 5}) == [('most', 'too_small', 'most must be larger')]


def test_what_is_known_before_is_as_if_it_was_given():
    assert faults(Body('Change', optional=(MOST,)), {'most': 5}, least=5) == [('most', 'too_small', 'most must be larger')]


def test_an_absent_field_may_have_a_fault_of_its_own():
    assert faults(Body('Counted', required=(COUNT,)), {}) == [('count', 'type', 'count must be a number')]


def test_unknown_fields_do_no_harm():
    assert PAIR.read({'least': 1, 'most': 2, 'more': 3})[MOST] == 2


def test_the_schema_has_the_fields_and_what_is_required():
    assert PAIR.schema() == {
        'description': 'What a request sends, as JSON.',
        'title': 'Pair',
        'type': 'object',
        'properties': {'least': {'type': 'integer'}, 'most': {'type': 'integer'}},
        'required': ['least', 'most'],
    }


def test_nothing_required_is_not_said():
    assert 'required' not in Body('Change', optional=(MOST,)).schema()


def test_the_schema_of_a_form_has_names_in_brackets():
    schema = BODY.form_schema()

    assert schema['title'] == 'SampleForm'
    assert list(schema['properties']) == ['least', 'numbers[]', 'most', 'pairs[][least]', 'pairs[][most]']
    assert schema['required'] == ['least', 'numbers[]']


def test_the_names_of_an_entry_come_together_in_a_form():
    assert BODY.form_schema()['dependentRequired'] == {'pairs[][least]': ['pairs[][most]'], 'pairs[][most]': ['pairs[][least]']}
