"""The examples in the docstrings of the domain are right."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import chalicelib.domain

DOMAIN = Path(chalicelib.domain.__path__[0])
WITH_EXAMPLES = sorted(path for path in DOMAIN.rglob('*.py') if '>>> ' in path.read_text())


@pytest.mark.parametrize('path', WITH_EXAMPLES, ids=lambda path: path.stem)
def test_every_example_of_a_docstring_gives_what_it_says(path: Path) -> None:
    module = import_module('.'.join(('chalicelib.domain', *path.relative_to(DOMAIN).with_suffix('').parts)))
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
