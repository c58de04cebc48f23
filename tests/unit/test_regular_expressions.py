"""No text keeps a regular expression of the application busy: twice as long a text takes about twice the time, not four times.

Whoever sends text chooses it. Texts are made from each expression (tests/support/pumped_texts.py), so that new ones are tried too.
"""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import chalicelib
from chalicelib.domain import chains
from tests.support.pumped_texts import pumped

LENGTH = 4_000
SHORTER = LENGTH // 4
QUICK_SECONDS = 0.003  # fifty times what most take; below, growth is not measurable
MOST_GROWTH = 8  # 4 where time is proportional to length, 16 where it is to the square
_SEARCHING = ('search', 'sub', 'subn', 'split', 'findall', 'finditer')
_METHODS = (*_SEARCHING, 'match', 'fullmatch')


class Use(NamedTuple):
    """An expression, and the method that finds out most slowly that a text has none: it looks from each character on, or only once."""

    pattern: re.Pattern[Any]
    method: str

    def seconds(self, text: str) -> float:
        method = getattr(self.pattern, self.method)
        subject = text.encode('latin-1') if isinstance(self.pattern.pattern, bytes) else text
        started = time.process_time()
        method(subject)
        return time.process_time() - started

    def is_slow(self, start: str, pump: str, end: str) -> bool:
        """Whether time grows out of proportion with how often `pump` is repeated."""
        text, shorter = (start + pump * (length // len(pump)) + end for length in (LENGTH, SHORTER))
        if self.seconds(text) < QUICK_SECONDS:
            return False
        slow, quick = (min(self.seconds(each) for _ in range(3)) for each in (text, shorter))
        return slow > QUICK_SECONDS and slow > MOST_GROWTH * quick


def uses() -> dict[str, Use]:
    """Return all expressions that are values of a module, also within tuples, lists and dicts, by where they are."""
    found: dict[str, Use] = {}
    for info in pkgutil.walk_packages(chalicelib.__path__, 'chalicelib.'):
        module = importlib.import_module(info.name)
        source = Path(str(module.__file__)).read_text()
        for name, value in vars(module).items():
            if name in source:
                for number, pattern in enumerate(_patterns_in(value)):
                    found[f'{info.name}.{name}.{number}'] = Use(pattern, _method(source, name))
    return found


def _patterns_in(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _patterns_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _patterns_in(each)


def _method(source: str, name: str) -> str:
    """Return the method of what is called on a name, or on anything, where the name is of several expressions."""
    called = set(re.findall(rf'\b{name}\.({"|".join(_METHODS)})\(', source)) or set(re.findall(rf'\.({"|".join(_METHODS)})\(', source))
    return 'search' if called.intersection(_SEARCHING) else 'match' if 'match' in called else 'fullmatch'


def test_time_is_proportional_to_the_length_of_the_text() -> None:
    found = uses()

    assert len(found) > 80
    assert Use(chains._PRIVATE_KEY, 'fullmatch') in found.values()
    assert {where: slow for where, use in found.items() if (slow := [one for one in pumped(use.pattern) if use.is_slow(*one)])} == {}


def test_no_expression_is_made_while_it_is_used() -> None:
    """One that is made in a function is none of those above."""
    made = []
    for path in Path(chalicelib.__path__[0]).rglob('*.py'):
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        calls = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Call)]
        for call in calls:
            is_made = call.args and not isinstance(call.args[0], ast.Constant | ast.Name)
            if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == 're' and call.func.attr != 'escape' and is_made:
                made.append(f'{path.name}:{call.lineno} {ast.unparse(call.args[0])}')

    assert made == []


def test_an_expression_whose_time_grows_by_the_square_is_noticed() -> None:
    slow = Use(re.compile(r'[a-z0-9_]+_x?sk1\w+|0x[0-9a-f]{64}'), 'fullmatch')

    assert any(slow.is_slow(*one) for one in pumped(slow.pattern))
