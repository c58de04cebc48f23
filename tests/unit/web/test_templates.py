"""Every text of a template is marked for translation, and none is kept in the language of whoever loaded it first."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import nodes

from chalicelib import texts
from chalicelib.web import figures, pages

TEMPLATES = Path(pages.__file__).parent / 'templates'
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob('*.html'))
IMPORTED = {name for path in TEMPLATES.rglob('*.html') for name in re.findall(r"{% (?:from|import) '([^']+)'", path.read_text())}
# Not prose: paths of the API, classes, and what is called the same everywhere.
_BLOCKS = {'calls', 'width'}
_NO_PROSE = re.compile(
    r'<(code|pre|script|style)\b.*?</\1>|<[^>]*>|aria-[\w-]+="[^"]*"|&\w+;|/[\w./-]+|CryptFolio|UTC|\b[A-Z]{3,}\b', re.DOTALL
)
_SPOKEN_ATTRIBUTE = re.compile(r'(?:aria-label|alt|placeholder|title)="([^"]*[A-Za-z]{2}[^"]*)"')
_PROSE = re.compile('[A-Za-z]{2,}')


def parse(name: str) -> nodes.Template:
    return pages._environment().parse((TEMPLATES / name).read_text())


def unmarked(node: nodes.Node) -> Iterator[str]:
    """Yield the text of a template in its order; what expressions write is empty, but for the texts among which a condition decides."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Block) and child.name in _BLOCKS:
            continue
        if isinstance(child, nodes.TemplateData):
            yield child.data
        elif isinstance(child, nodes.CondExpr) and isinstance(node, nodes.Output):
            yield from (f' {each.value} ' for each in (child.expr1, child.expr2) if isinstance(each, nodes.Const) and each.value)
        elif not isinstance(child, nodes.Expr):
            yield from unmarked(child)


@pytest.mark.parametrize('name', NAMES)
def test_every_text_of_a_template_is_marked_for_translation(name: str):
    html = ''.join(unmarked(parse(name)))
    texts = [line.strip() for line in _NO_PROSE.sub('\n', html).splitlines()]

    assert [text for text in texts if _PROSE.search(text)] + _SPOKEN_ATTRIBUTE.findall(html) == []


@pytest.mark.parametrize('name', sorted(IMPORTED))
def test_a_template_that_others_import_translates_in_its_macros_alone(name: str):
    outside = [node for node in parse(name).body if not isinstance(node, nodes.Macro | nodes.FromImport)]

    assert [call for node in outside for call in node.find_all(nodes.Call) if getattr(call.node, 'name', '') in ('_', 'gettext')] == []
    assert [each.name for node in outside for each in node.find_all(nodes.Filter) if each.name in figures.FILTERS] == []


def test_a_constant_is_written_in_the_language_of_each_request():
    with texts.use_language('de'):
        template = pages._environment().from_string("{{ '0.1' | grouped }} {{ 0 | day }}")
        assert template.render() == '0,1 1. Januar 1970'

    assert template.render() == '0.1 1 January 1970'
