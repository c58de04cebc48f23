"""The comparison itself: it accepts what is like the example, and says of everything else what is wrong."""

from typing import Any

import pytest

from tests.conformance.compare import Leeway, deviations, other_values

DATE = '2017-11-06T04:54:54+00:00'
OTHER_DATE = '2024-02-29T23:59:59+00:00'
ROW = {'id': 1, 'title': 'My portfolio', 'balance': '10.0', 'at': DATE, 'valid': True, 'currency': {'title': 'Bitcoin', 'code': 'btc'}}
ADDRESS = {'address': '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'}


def with_value(key: str, value: Any) -> dict[str, Any]:
    return ROW | {key: value}


@pytest.mark.parametrize(
    ('example', 'answer'),
    [
        (ROW, ROW),
        (ROW, dict(reversed(ROW.items()))),
        (ROW, {'id': 7, 'title': '', 'balance': '-0.5', 'at': OTHER_DATE, 'valid': False, 'currency': {'title': 'x', 'code': 'y'}}),
        ('My portfolio', '10.0'),
        ('My portfolio', DATE),
        ('10.0', '123456789012345678901234567890.000000000000000001'),
        ('10.0', '0.0'),
        ('10.0', '100.0'),
        ('117753.60', '0.00'),
        ('117753.60', '-1.50'),
        ([ROW], []),
        ([ROW], [ROW, ROW, ROW]),
        ([ROW, '...'], [ROW]),
        (['10.0', '117753.60'], ['1.5', '2.50']),
        ([], []),
        (None, None),
    ],
)
def test_what_is_like_the_example_passes(example: Any, answer: Any):
    assert deviations(example, answer) == []


@pytest.mark.parametrize(
    ('answer', 'found'),
    [
        ({key: value for key, value in ROW.items() if key != 'title'}, 'answer lacks title'),
        (ROW | {'more': 1}, 'answer has more too'),
        (with_value('currency', {'title': 'Bitcoin'}), 'answer.currency lacks code'),
        (with_value('currency', {'title': 'Bitcoin', 'code': 'btc', 'id': 1}), 'answer.currency has id too'),
        (with_value('currency', 'btc'), "answer.currency is 'btc', unlike {'title': 'Bitcoin', 'code': 'btc'}"),
        (with_value('currency', [ROW['currency']]), 'answer.currency is [{'),
        (with_value('id', '1'), "answer.id is '1', unlike 1"),
        (with_value('id', 1.0), 'answer.id is 1.0, unlike 1'),
        (with_value('id', True), 'answer.id is True, unlike 1'),
        (with_value('valid', 1), 'answer.valid is 1, unlike True'),
        (with_value('valid', 'true'), "answer.valid is 'true', unlike True"),
        (with_value('title', None), "answer.title is None, unlike 'My portfolio'"),
        (with_value('title', 5), "answer.title is 5, unlike 'My portfolio'"),
        (with_value('at', None), 'answer.at is None'),
        (with_value('balance', None), 'answer.balance is None'),
        ([ROW], 'answer is [{'),
        (None, 'answer is None'),
    ],
)
def test_another_key_type_or_nesting_is_said(answer: Any, found: str):
    (deviation,) = deviations(ROW, answer)

    assert deviation.startswith(found)


@pytest.mark.parametrize(
    'amount',
    [10, 10.0, '10', '10.', '.5', '10.50', '010.0', '1e1', '1E+1', '+1.0', '-0.0', '1,000.0', ' 1.0', 'NaN', '\u0967.0', ''],
)
def test_an_amount_is_a_plain_decimal_text_without_trailing_zeros(amount: Any):
    assert deviations('50.00501', amount) == [f"answer is {amount!r}, unlike '50.00501'"]


@pytest.mark.parametrize('amount', ['117753.6', '117753.600', '117753', '117753.0', '0117753.60', 117753.6])
def test_an_amount_that_is_rounded_in_the_example_is_rounded_alike(amount: Any):
    assert deviations('117753.60', amount) != []


@pytest.mark.parametrize(
    'date',
    [
        '2017-11-06T04:54:54Z', '2017-11-06T04:54:54', '2017-11-06 04:54:54+00:00', '2017-11-06T04:54:54.000+00:00',
        '2017-11-06T04:54:54.5+00:00', '2017-11-06T05:54:54+01:00', '2017-11-06T04:54+00:00', '2017-11-06', '2017-02-30T04:54:54+00:00',
        'soon', '1509944094', 1_509_944_094,
    ],
)  # fmt: skip
def test_a_date_is_in_utc_and_whole_seconds_in_one_form(date: Any):
    assert deviations(DATE, date) == [f'answer is {date!r}, unlike {DATE!r}']


def test_null_passes_only_where_it_may_stand():
    answer = {'fee': None, 'delta': None}

    assert deviations({'fee': '0.0', 'delta': '50.0'}, answer, Leeway(nullable={'fee'})) == ["answer.delta is None, unlike '50.0'"]


def test_what_is_null_in_the_example_must_be_null_even_where_it_may_be_otherwise():
    assert deviations({'at': None}, {'at': DATE}, Leeway(nullable={'at'})) == [f'answer.at is {DATE!r}, unlike None']


def test_an_optional_key_may_lack_and_is_checked_where_it_is():
    leeway = Leeway(optional={'missing'})
    example = {'complete': True, 'missing': [{'id': 1}]}

    assert deviations(example, {'complete': True}, leeway) == []
    assert deviations(example, {'missing': [{}]}, leeway) == ['answer lacks complete', 'answer.missing[0] lacks id']


def test_leeway_reaches_down():
    leeway = Leeway(optional={'missing'}, nullable={'fee'})

    assert deviations({'result': [{'missing': [], 'fee': '0.0'}]}, {'result': [{'fee': None}]}, leeway) == []


def test_every_element_of_a_list_is_compared():
    assert deviations([ROW, '...'], [ROW, with_value('id', '2'), with_value('valid', None)]) == [
        "answer[1].id is '2', unlike 1",
        'answer[2].valid is None, unlike True',
    ]


def test_more_elements_is_no_element():
    assert deviations(['...', ROW], ['...']) == [f"answer[0] is '...', unlike {ROW!r}"]


def test_a_list_that_is_empty_in_the_example_must_be_empty():
    assert deviations([], [ROW]) == ['answer[0] is there, in a list that must be empty']


@pytest.mark.parametrize(('example', 'answer'), [([ROW], {}), ([ROW], None), ([ROW], 1), ([], {}), ({}, []), ([], None), ('x', [])])
def test_a_list_is_no_object(example: Any, answer: Any):
    assert len(deviations(example, answer)) == 1


def test_everything_is_said_at_once():
    assert deviations({'a': 1, 'b': 1, 'c': 1}, {'b': '1', 'd': 1}) == [
        'answer lacks a',
        'answer lacks c',
        'answer has d too',
        "answer.b is '1', unlike 1",
    ]


@pytest.mark.parametrize(
    ('example', 'answer', 'found'),
    [
        (ROW, ROW, []),
        (ADDRESS, {'address': 'x'}, ["answer.address is 'x', not '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'"]),
        ({'balance': '10.0'}, {'balance': '10.00'}, ["answer.balance is '10.00', not '10.0'"]),
        ({'a': {'b': 1}}, {'a': {'b': 2}}, ['answer.a.b is 2, not 1']),
        ({'at': DATE, 'id': 1}, {'at': OTHER_DATE, 'id': 1}, []),
        ([1, 2], [1, 3], ['answer[1] is 3, not 2']),
        ([1, 2], [1], ['answer has 1 elements, not 2']),
        ([1], [1, 2], ['answer has 2 elements, not 1']),
        ([1, '...'], [1, 2, 3], []),
        ([1, '...'], [], ['answer has 0 elements, not 1']),
        ([1], None, ['answer is None, not [1]']),
    ],
)
def test_other_values_are_said_except_where_they_may_vary(example: Any, answer: Any, found: list[str]):
    assert other_values(example, answer, {'at'}) == found
