"""What the reference shows, made of the OpenAPI document of the API. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any, NamedTuple

from chalicelib.web import samples
from chalicelib.web.samples import RequestSample

JSON = 'application/json'
_VARIABLE = re.compile(r'\{(\w+)\}')
_SCHEMAS = '#/components/schemas/'
_ALIAS = '_as_'  # in the name of an operation that is another's at a second path
_ENVELOPE = ('success', 'time', 'result')

Described = Mapping[str, Any]


class FieldRow(NamedTuple):
    """A field of an object; `type_text` says which values it has, `schema_name` which schema in the list of objects, if any."""

    name: str
    type_text: str
    schema_name: str | None
    required: bool
    about: str


class ParameterRow(NamedTuple):
    """A parameter; `place` is `path`, `query` or `header`."""

    name: str
    place: str
    type_text: str
    about: str


class OperationEntry(NamedTuple):
    """An operation. `same_as` is the operation of which this is another path, if it is.

    `scopes` are the alternatives of which one is needed, none if it needs no token. `beside` are the fields beside `result`; `answer` is
    the example of a success, of operations that only read. `errors` are status and code, `samples` are by language.
    """

    id: str
    same_as: str | None
    method: str
    path: str
    summary: str
    about: str
    scopes: list[str]
    parameters: list[ParameterRow]
    body: list[FieldRow]
    status: str
    result: FieldRow
    beside: list[FieldRow]
    answer: str | None
    errors: list[tuple[str, str]]
    samples: dict[str, str]

    @property
    def short_path(self) -> str:
        """The path for a list of all: `/portfolios/ID/balances/CURRENCY`."""
        return _VARIABLE.sub(lambda match: 'ID' if match[1].endswith('_id') else match[1].upper(), self.path.removeprefix('/api'))


class ResourceEntry(NamedTuple):
    """The operations of a resource."""

    name: str
    about: str
    operations: list[OperationEntry]


class SchemaEntry(NamedTuple):
    """An object, or a kind of value: one without fields, with a pattern where it has one."""

    name: str
    about: str
    type_text: str
    fields: list[FieldRow]


def resources(document: Described) -> list[ResourceEntry]:
    """Return the operations of the API, by resource."""
    entries: dict[str, ResourceEntry] = {tag['name']: ResourceEntry(tag['name'], tag['description'], []) for tag in document['tags']}
    for path, operations in document['paths'].items():
        for method, operation in operations.items():
            entries[operation['tags'][0]].operations.append(_operation(document, method.upper(), path, operation))
    return list(entries.values())


def objects(document: Described) -> list[SchemaEntry]:
    """Return what fields and results refer to: what operations send has its fields there, and envelopes are the same for all."""
    schemas = document['components']['schemas']
    referred = {field.schema_name for schema in schemas.values() for field in _fields(document, schema)}
    return [
        SchemaEntry(name, schema['description'], schema.get('pattern') or _describe_type(schema)[0], _fields(document, schema))
        for name, schema in schemas.items()
        if name in referred
    ]


def _operation(document: Described, method: str, path: str, operation: Described) -> OperationEntry:
    parameters = [_resolved(document, parameter) for parameter in operation['parameters']]
    status, success = next(iter(operation['responses'].items()))
    answer = success['content'][JSON]
    envelope = _fields(document, _resolved(document, answer['schema']))
    sent = operation.get('requestBody', {}).get('content', {}).get(JSON)
    scopes = [' '.join(choice['oauth2']) for choice in operation['security'] if 'oauth2' in choice]
    request = RequestSample(method, _example_path(document, path, parameters), bool(scopes), sent and sent['example'])
    other, is_alias, _ = operation['operationId'].partition(_ALIAS)
    return OperationEntry(
        id=operation['operationId'],
        same_as=other if is_alias else None,
        method=method,
        path=path,
        summary=operation['summary'],
        about=operation['description'],
        scopes=scopes,
        parameters=[_parameter(parameter) for parameter in parameters],
        body=_fields(document, _resolved(document, sent['schema'])) if sent else [],
        status=status,
        result=next(field for field in envelope if field.name == 'result'),
        beside=[field for field in envelope if field.name not in _ENVELOPE],
        answer=json.dumps(answer['example'], indent=1, ensure_ascii=False) if method == 'GET' else None,
        errors=list(_errors(document, operation)),
        samples={language: samples.write_sample(language, request) for language in samples.LANGUAGES},
    )


def _errors(document: Described, operation: Described) -> Iterator[tuple[str, str]]:
    for status, response in operation['responses'].items():
        if status >= '400':
            yield status, _resolved(document, response)['content'][JSON]['example']['code']


def _parameter(parameter: Described) -> ParameterRow:
    return ParameterRow(parameter['name'], parameter['in'], _describe_type(parameter['schema'])[0], parameter['description'])


def _example_path(document: Described, path: str, parameters: list[Any]) -> str:
    """Return a path with the examples of its variables."""
    schemas = {parameter['name']: parameter['schema'] for parameter in parameters if parameter['in'] == 'path'}
    return path.format(**{name: {**_resolved(document, schema), **schema}['examples'][0] for name, schema in schemas.items()})


def _fields(document: Described, schema: Described) -> list[FieldRow]:
    required = schema.get('required', ())
    return [_field(document, name, field, name in required) for name, field in schema.get('properties', {}).items()]


def _field(document: Described, name: str, schema: Described, required: bool) -> FieldRow:
    type_text, schema_name = _describe_type(schema)
    return FieldRow(name, type_text, schema_name, required, {**_resolved(document, schema), **schema}['description'])


def _describe_type(schema: Described) -> tuple[str, str | None]:
    """Return which values a schema allows, in a few words, and the name of the schema that it refers to, if any.

    >>> _describe_type({'type': 'array', 'items': {'$ref': '#/components/schemas/Hop'}})
    ('list of Hop', 'Hop')
    """
    if '$ref' in schema:
        name = schema['$ref'].removeprefix(_SCHEMAS)
        return name, name
    if 'anyOf' in schema:
        texts, names = zip(*(_describe_type(choice) for choice in schema['anyOf']), strict=True)
        return ' or '.join(texts), next(filter(None, names), None)
    if 'items' in schema:
        type_text, schema_name = _describe_type(schema['items'])
        return f'list of {type_text}', schema_name
    if 'enum' in schema:
        return ' or '.join(f'`{value}`' for value in schema['enum']), None
    types = schema.get('type', 'any')
    return (types if isinstance(types, str) else ' or '.join(types)), None


def _resolved(document: Described, described: Described) -> Any:
    """Return what a reference refers to; what is none itself."""
    if '$ref' not in described:
        return described
    return reduce(lambda node, name: node[name], described['$ref'].removeprefix('#/').split('/'), document)
