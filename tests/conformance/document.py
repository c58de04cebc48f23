"""The specification as data: its endpoints, its scopes, and every example of a request and its answer.

Read from the document itself where it lies beside the project, from the project's table of the same otherwise. Run as a module, this
prints the table that belongs to the document.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.conformance.compare import MORE

DOCUMENT = Path(__file__).parents[3] / 'shared' / 'spec' / 'private-endpoints.md'
TABLE = Path(__file__).with_name('examples.json')

_SCOPES = re.compile(r'^\* \*\*(\w+)\*\* .* requires (.+)\.$', re.MULTILINE)
_USER_SCOPES = re.compile(r'^Retrieve key information about this user\. Requires (.+)\.$', re.MULTILINE)
_ANSWER = re.compile(r'```\n(?P<request>[^`]+)```\n+```ruby\n(?P<answer>[^`]+)```')
_COMMENT = re.compile(r'\s*#.*$', re.MULTILINE)
_MAY_BE_NULL = re.compile(r'"(\w+)":.*#.*may be null')


class Example(NamedTuple):
    """One request of the document, such as `POST` `/api/portfolios/1/addresses`, and the answer it shows."""

    endpoint: str
    path: str
    body: Any
    answer: dict[str, Any]

    @property
    def method(self) -> str:
        return self.endpoint.split()[0]


class Specification(NamedTuple):
    """`endpoints` are all headings, with examples or without, such as `GET /api/portfolios/ID`.

    `scopes` are, by method, and by endpoint where that has its own, sets of scopes of each of which one is needed. `nullable` are
    the keys that may be null: the document says it of them, or shows it in one of its examples.
    """

    endpoints: list[str]
    scopes: dict[str, list[list[str]]]
    nullable: list[str]
    examples: dict[str, Example]


def load() -> Specification:
    """Return the specification; lists that the document leaves out have the elements that it shows elsewhere, and more."""
    table = parse(DOCUMENT.read_text()) if DOCUMENT.exists() else json.loads(TABLE.read_text())
    examples = [Example(**example) for example in table['examples']]
    elements = dict(_elements(examples))
    by_endpoint = {example.endpoint: example._replace(answer=_filled(example.answer, elements)) for example in examples}
    return Specification(**table | {'examples': by_endpoint})


def parse(document: str) -> dict[str, Any]:
    """Return the table that belongs to the text of the document."""
    # The one malformed sample: a flat list like all others.
    document = document.replace('"result": [{\n  "accounts": [{', '"result": [{')
    sections = [(_endpoint(section), section) for section in re.split(r'^### (?=[A-Z]+ /)', document, flags=re.MULTILINE)[1:]]
    examples = [_example(endpoint, found) for endpoint, section in sections if (found := _ANSWER.search(section))]
    scopes = {method: _sets(sentence) for method, sentence in _SCOPES.findall(document)}
    return {
        'endpoints': [endpoint for endpoint, _ in sections],
        'scopes': scopes | {'GET /api/user': _sets(_USER_SCOPES.findall(document)[0])},
        'nullable': sorted({*_MAY_BE_NULL.findall(document), *_shown_null([example['answer'] for example in examples])}),
        'examples': examples,
    }


def _endpoint(section: str) -> str:
    """Return the heading; those of DELETE lack the id that the examples below them have."""
    method, path = section.split()[:2]
    return f'{method} {path}' + ('/ID' if method == 'DELETE' and not path.endswith('/ID') else '')


def _example(endpoint: str, found: re.Match[str]) -> dict[str, Any]:
    request, _, body = found['request'].partition('\n\n')
    answer = re.sub(r'\{\s*\.\.\.\s*\}', f'"{MORE}"', _COMMENT.sub('', found['answer'])).replace(f'[{MORE}]', f'["{MORE}"]')
    return {'endpoint': endpoint, 'path': request.split()[1], 'body': json.loads(body or 'null'), 'answer': json.loads(answer)}


def _sets(sentence: str) -> list[list[str]]:
    return [re.findall(r'`(\w+)`', part) for part in sentence.split(' AND ')]


def _shown_null(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (key for key, held in value.items() if held is None)
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _shown_null(each)


def _elements(examples: list[Example]) -> Iterator[tuple[str, Any]]:
    """Yield the names of lists with an element of each: what is listed below a path, and the currencies of a portfolio."""
    for example in examples:
        result = example.answer['result']
        if isinstance(result, list):
            yield example.path.rpartition('/')[2], result[0]
        elif example.endpoint == 'POST /api/portfolios':
            yield 'currencies', result['currencies'][0]


def _filled(value: Any, elements: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: [elements[key], MORE] if held == [MORE] else _filled(held, elements) for key, held in value.items()}
    return value


if __name__ == '__main__':
    print(json.dumps(parse(DOCUMENT.read_text()), indent=1))
