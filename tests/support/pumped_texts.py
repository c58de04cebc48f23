"""Texts that a regular expression almost matches, made from itself: those on which one that can be slow is slow."""

import re
from collections.abc import Iterator, Sequence
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_ASSERTIONS = (codes.ASSERT, codes.ASSERT_NOT)
_CHARACTERS = [chr(code) for code in range(32, 127)] + list('\t\n\r\0é')
_COMMON = ('a', '1', ' ', '\r', '\t', '/', '@', '"', ';', ',', '[', ']', '-', '=')
_CHOICES = (0, 23)  # which character of a set, or branch
_MOST_PARTS = 6
_LONGEST_PUMP = 200
_ENDS = ('!', '\0')


def pumped(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield parts of what a pattern matches, to be repeated as often as wanted: what leads up to each, the part, what may follow."""
    flags = pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    pumps = {('', pump) for pump in _COMMON} | set(_parts(list(parser.parse(pattern.pattern, flags)), ''))
    for start, pump in sorted(pumps):
        if len(pump) < _LONGEST_PUMP:
            yield from ((start, pump, end) for end in _ENDS)


def _parts(sequence: Sequence[Any], start: str) -> Iterator[tuple[str, str]]:
    """Yield what may be repeated, each with what leads up to it."""
    for choice in _CHOICES:
        for first in range(len(sequence)):
            for end in range(first + 1, min(len(sequence), first + _MOST_PARTS) + 1):
                if part := _example(sequence[first:end], choice):
                    yield start + _example(sequence[:first], choice), part
    for place, (code, argument) in enumerate(sequence):
        for inner in _inside(code, argument):
            yield from _parts(list(inner), start + _example(sequence[:place], 0))


def _inside(code: Any, argument: Any) -> Sequence[Any]:
    if code in _REPEATS:
        return [argument[2]]
    if code is codes.SUBPATTERN:
        return [argument[3]]
    if code is codes.BRANCH:
        return list(argument[1])
    if code is codes.ATOMIC_GROUP:
        return [argument]
    return [argument[1]] if code in _ASSERTIONS else []


def _example(sequence: Sequence[Any], choice: int) -> str:
    """Return a short text that parts of a pattern match."""
    return ''.join(_example_of(code, argument, choice) for code, argument in sequence)


def _example_of(code: Any, argument: Any, choice: int) -> str:
    if code is codes.LITERAL:
        return chr(argument)
    if code is codes.NOT_LITERAL:
        return '!' if chr(argument) == 'a' else 'a'
    if code is codes.ANY:
        return 'a'
    if code is codes.IN:
        characters = _set(argument)
        return characters[choice % len(characters)] if characters else ''
    if code in _ASSERTIONS:
        return ''
    inside = _inside(code, argument)
    if not inside:
        return ''
    example = _example(inside[choice % len(inside)], choice)
    return example * max(argument[0], min(1, argument[1])) if code in _REPEATS else example


def _set(items: Sequence[Any]) -> list[str]:
    """Return the characters of [...] among the common ones."""
    is_negated = items[0][0] is codes.NEGATE
    return [character for character in _CHARACTERS if any(_is_in(character, *item) for item in items) != is_negated]


def _is_in(character: str, code: Any, argument: Any) -> bool:
    if code is codes.LITERAL:
        return ord(character) == argument
    if code is codes.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    if code is codes.CATEGORY:
        return {
            codes.CATEGORY_DIGIT: character.isdigit(),
            codes.CATEGORY_SPACE: character.isspace(),
            codes.CATEGORY_WORD: character.isalnum() or character == '_',
            codes.CATEGORY_NOT_DIGIT: not character.isdigit(),
            codes.CATEGORY_NOT_SPACE: not character.isspace(),
            codes.CATEGORY_NOT_WORD: not (character.isalnum() or character == '_'),
        }[argument]
    return False
