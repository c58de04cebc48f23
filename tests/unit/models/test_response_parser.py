"""Items are parsed as botocore parses them, only faster."""

import json
from typing import Any

import botocore.session
from botocore.parsers import JSONParser
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.models.response_parser import ItemParser, ItemParserFactory

SHAPE = botocore.session.get_session().get_service_model('dynamodb').operation_model('Query').output_shape

# What DynamoDB sends of each type: binary values in Base64.
BASE64 = st.sampled_from(['', 'AA==', 'AAECAw=='])
SCALARS = st.one_of(
    st.fixed_dictionaries({'S': st.text()}),
    st.fixed_dictionaries({'N': st.integers().map(str)}),
    st.fixed_dictionaries({'B': BASE64}),
    st.fixed_dictionaries({'BOOL': st.booleans()}),
    st.fixed_dictionaries({'NULL': st.just(True)}),
    st.fixed_dictionaries({'SS': st.lists(st.text(), min_size=1)}),
    st.fixed_dictionaries({'NS': st.lists(st.integers().map(str), min_size=1)}),
    st.fixed_dictionaries({'BS': st.lists(BASE64, min_size=1)}),
)
VALUES = st.recursive(
    SCALARS,
    lambda values: st.one_of(
        st.fixed_dictionaries({'L': st.lists(values, max_size=3)}),
        st.fixed_dictionaries({'M': st.dictionaries(st.text(), values, max_size=3)}),
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=3))
def test_answers_are_parsed_as_botocore_parses_them(items: list[dict[str, Any]]) -> None:
    answer = {'status_code': 200, 'headers': {}, 'body': json.dumps({'Items': items, 'Count': len(items), 'LastEvaluatedKey': {}}).encode()}

    assert ItemParser().parse(answer, SHAPE) == JSONParser().parse(answer, SHAPE)


def test_only_answers_in_json_have_the_parser_of_items() -> None:
    factory = ItemParserFactory()

    assert [type(factory.create_parser(name)) is ItemParser for name in ('json', 'query', 'rest-json')] == [True, False, False]
