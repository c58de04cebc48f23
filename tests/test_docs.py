"""Documentation refers to files that exist."""

import re
from pathlib import Path

import pytest

from chalicelib.config import VERSION

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))]
_QUOTED = re.compile(r'`([^`\n]+)`')
_LINKED = re.compile(r'\]\((?!https?:|mailto:)([^)#]*)(?:#([^)]*))?\)')
_PATH = re.compile(r'(?:app\.py|(?:chalicelib|infra|tests|docs|benchmarks|\.github)/[\w./-]+)')


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_of_the_repository_that_a_document_names_exists(document: Path):
    paths = [text for text in _QUOTED.findall(document.read_text()) if _PATH.fullmatch(text)]

    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_of_a_document_leads_to_a_file(document: Path):
    links = _LINKED.findall(document.read_text())

    assert [path for path, _ in links if not (document.parent / path).exists()] == []


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_section_leads_to_one(document: Path):
    links = [(document.parent / path if path else document, section) for path, section in _LINKED.findall(document.read_text()) if section]

    assert [(path.name, section) for path, section in links if section not in map(_anchor, _headings(path))] == []


def test_the_contents_of_operations_list_every_section_of_its_parts_in_order():
    contents = _LINKED.findall((ROOT / 'docs' / 'operations.md').read_text().split('\n## ', 1)[1])
    listed = [(path, section) for path, section in contents if section]
    parts = [path for path, section in contents if not section]

    assert {f'operations/{path.name}' for path in (ROOT / 'docs' / 'operations').iterdir()} == set(parts)
    assert listed == [(part, _anchor(heading)) for part in parts for heading in _headings(ROOT / 'docs' / part)[1:]]


def test_each_decision_has_a_number_of_its_own_which_its_heading_repeats():
    decisions = sorted((ROOT / 'docs' / 'decisions').iterdir())
    numbers = [int(path.name[:4]) for path in decisions]

    assert len(numbers) == len(set(numbers))
    assert [int(re.match(r'# (\d+)\.', path.read_text())[1]) for path in decisions] == numbers


def _headings(document: Path) -> list[str]:
    """Return the headings of a document down to the second level."""
    without_code = re.sub(r'^```.*?^```', '', document.read_text(), flags=re.M | re.S)
    return re.findall(r'^##? (.+)$', without_code, re.M)


def _anchor(heading: str) -> str:
    """Return what GitHub calls a heading in links."""
    return re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')


def test_every_word_of_the_glossary_has_one_meaning_and_a_file():
    rows = re.findall(r'^\| (.+?) \| .+ \| (.+?) \|$', (ROOT / 'docs' / 'glossary.md').read_text(), re.M)
    words = [word for names, _ in rows if names != 'word' for word in names.split(', ')]

    assert len(words) > 60
    assert len(words) == len(set(words))
    assert [path for word, path in rows if word != 'word' and not _PATH.fullmatch(path.strip('`'))] == []


def test_releases_are_listed_from_the_newest_and_the_version_is_that_of_the_next():
    headings = re.findall(r'^## (.+)$', (ROOT / 'CHANGELOG.md').read_text(), re.M)
    released = [re.fullmatch(r'(\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d', heading) for heading in headings[1:]]

    assert headings[0] == 'Unreleased'
    assert None not in released
    versions = [tuple(map(int, text.split('.'))) for text in (VERSION, *(one[1] for one in released if one))]
    assert versions == sorted(set(versions), reverse=True)
