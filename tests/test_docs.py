"""Documentation refers to files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]
_QUOTED = re.compile(r'`([^`\n]+)`')
_LINKED = re.compile(r'\]\((?!https?:|#|mailto:)([^)#]+)')
_PATH = re.compile(r'(?:app\.py|(?:chalicelib|infra|tests|docs|benchmarks|\.github)/[\w./-]+)')


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_of_the_repository_that_a_document_names_exists(document: Path):
    paths = [text for text in _QUOTED.findall(document.read_text()) if _PATH.fullmatch(text)]

    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_of_a_document_leads_to_a_file(document: Path):
    links = _LINKED.findall(document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_word_of_the_glossary_has_one_meaning_and_a_file():
    rows = re.findall(r'^\| (.+?) \| .+ \| (.+?) \|$', (ROOT / 'docs' / 'glossary.md').read_text(), re.M)
    words = [word for names, _ in rows if names != 'word' for word in names.split(', ')]

    assert len(words) > 60
    assert len(words) == len(set(words))
    assert [path for word, path in rows if word != 'word' and not _PATH.fullmatch(path.strip('`'))] == []
