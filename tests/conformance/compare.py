"""Says how an answer of the API differs from an example of it: keys, nesting, kinds of values, values. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

MORE = '...'  # an element of an example's list: more of the same may follow

_PLAIN = re.compile(r'(?!-0\.0$)-?(0|[1-9][0-9]*)\.(0|[0-9]*[1-9])')
_ROUNDED = re.compile(r'-?(0|[1-9][0-9]*)\.[0-9]{2}')


class Leeway(NamedTuple):
    """Names of keys: those of the example that an answer may lack, and those that may be null in it."""

    optional: Collection[str] = ()
    nullable: Collection[str] = ()


STRICT = Leeway()


def deviations(example: Any, answer: Any, leeway: Leeway = STRICT, at: str = 'answer') -> list[str]:
    """Return in what `answer` is unlike `example`, a sentence each; none when it has its keys and its kinds of values.

    Kinds of texts are dates, amounts and plain texts. What is null or an empty list in the example must be so in the answer.
    Every element of a list must be like one of the example's.
    """
    match example, answer:
        case dict(), dict():
            return list(_in_object(example, answer, leeway, at))
        case list(), list():
            return [found for place, each in enumerate(answer) for found in _in_element(example, each, leeway, f'{at}[{place}]')]
        case _ if _is_like(example, answer):
            return []
    return [f'{at} is {answer!r}, unlike {example!r}']


def other_values(example: Any, answer: Any, varying: Collection[str], at: str = 'answer') -> list[str]:
    """Return where `answer`, of the same shape, has another value than `example`, a sentence each; keys of `varying` are passed over."""
    match example, answer:
        case dict(), dict():
            keys = [key for key in example if key not in varying]
            return [found for key in keys for found in other_values(example[key], answer.get(key), varying, f'{at}.{key}')]
        case list(), list():
            shown = [each for each in example if each != MORE]
            if len(answer) < len(shown) or (shown == example and len(answer) > len(shown)):
                return [f'{at} has {len(answer)} elements, not {len(shown)}']
            pairs = enumerate(zip(shown, answer, strict=False))
            return [found for place, pair in pairs for found in other_values(*pair, varying, f'{at}[{place}]')]
    return [] if example == answer else [f'{at} is {answer!r}, not {example!r}']


def _in_object(example: Mapping[str, Any], answer: Mapping[str, Any], leeway: Leeway, at: str) -> Iterator[str]:
    yield from (f'{at} lacks {key}' for key in example if key not in answer and key not in leeway.optional)
    yield from (f'{at} has {key} too' for key in answer if key not in example)
    for key in example:
        if key in answer and not (answer[key] is None and key in leeway.nullable):
            yield from deviations(example[key], answer[key], leeway, f'{at}.{key}')


def _in_element(elements: Sequence[Any], answer: Any, leeway: Leeway, at: str) -> list[str]:
    """Return how an element deviates from the first that the example has; nothing when it is like any of them."""
    found = [deviations(each, answer, leeway, at) for each in elements if each != MORE]
    if not found:
        return [f'{at} is there, in a list that must be empty']
    return found[0] if all(found) else []


def _is_like(example: Any, answer: Any) -> bool:
    if not isinstance(example, str):
        return type(example) is type(answer)
    if not isinstance(answer, str):
        return False
    if _is_date(example):
        return _is_date(answer)
    form = next((form for form in (_PLAIN, _ROUNDED) if form.fullmatch(example)), None)
    return form is None or form.fullmatch(answer) is not None


def _is_date(text: str) -> bool:
    """Whether this is how the API prints an instant: `2017-11-06T04:54:54+00:00`."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0).isoformat() == text
    except ValueError:
        return False
