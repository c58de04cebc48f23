"""How request bodies are declared: one declaration of a field both parses and describes it.

A body is read whole, and one answer tells everything that is wrong with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

from chalicelib.errors import Fault, Invalid

Schema = dict[str, Any]
T = TypeVar('T')


class FieldError(Exception):
    """A field cannot be taken; `code` is for programs, `sentence` for people, `{field}` in it stands for the name."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Field(Generic[T]):
    """One field of a body.

    `parse` returns its value, given what the fields before it were; it raises FieldError. `schema` returns its JSON Schema, and is
    only asked when a description is made, as limits are settings. `absent` is parsed in the place of a required field that is
    not there, which is a fault of its own when that is None.
    """

    name: str
    parse: Callable[[Any, 'Given'], T]
    schema: Callable[[], Schema]
    absent: Any = None


class Given:
    """What a body gives, field by field; its faults are those of its rows too."""

    def __init__(self, values: Mapping[str, Any], known: Mapping[str, Any], path: str = '') -> None:
        self._values = values
        self._parsed = dict(known)
        self._path = path
        self.faults: list[Fault] = []

    def __getitem__(self, field: Field[T]) -> T:
        """Return the value of a required field."""
        return cast(T, self._parsed[field.name])

    def get(self, field: Field[T]) -> T | None:
        """Return the value of a field, None when it is absent or wrong."""
        return self._parsed.get(field.name)

    def need(self, field: Field[Any]) -> None:
        """Parse a field that must be there."""
        if field.name in self._values or field.absent is not None:
            self._parse(field, self._values.get(field.name, field.absent))
        else:
            self.refuse(field.name, 'required', '{field} is required')

    def take(self, field: Field[Any]) -> None:
        """Parse a field that may be there."""
        if field.name in self._values:
            self._parse(field, self._values[field.name])

    def row(self, body: 'Body', name: str, values: Mapping[str, Any]) -> 'Given':
        """Return what an object inside this one gives; its fields are named `name.field` in faults."""
        inner = Given(values, {}, f'{self._path}{name}.')
        inner.faults = self.faults
        body.parse(inner)
        return inner

    def refuse(self, name: str, code: str, sentence: str) -> None:
        """Note a fault."""
        path = self._path + name
        self.faults.append(Fault(path, code, sentence.replace('{field}', path)))

    def _parse(self, field: Field[Any], value: Any) -> None:
        try:
            self._parsed[field.name] = field.parse(value, self)
        except FieldError as error:
            self.refuse(field.name, error.code, error.sentence)


class Body(NamedTuple):
    """An object that a request sends: its name in the description of the API, its fields in the order in which they are parsed."""

    name: str
    required: Sequence[Field[Any]] = ()
    optional: Sequence[Field[Any]] = ()

    def read(self, values: Mapping[str, Any], **known: Any) -> Given:
        """Return what a body gives; `known` are values, by field, that are certain before. Raises Invalid with all faults."""
        given = Given(values, known)
        self.parse(given)
        if given.faults:
            raise Invalid(*given.faults)
        return given

    def parse(self, given: Given) -> None:
        for field in self.required:
            given.need(field)
        for field in self.optional:
            given.take(field)

    def schema(self) -> Schema:
        """Return the JSON Schema of the object as JSON. More is taken than it says: see docs/decisions/0009-schemas.md."""
        properties = {field.name: field.schema() for field in (*self.required, *self.optional)}
        return _object(self.name, properties, [field.name for field in self.required])

    def form_schema(self) -> Schema:
        """Return the JSON Schema of the object as a form: names in brackets, of a list of objects the first one."""
        told = {field.name: _in_brackets(field) for field in (*self.required, *self.optional)}
        properties = {name: schema for schemas in told.values() for name, schema in schemas.items()}
        schema = _object(f'{self.name}Form', properties, [name for field in self.required for name in told[field.name]])
        together = {
            name: [other for other in schemas if other != name] for schemas in told.values() if len(schemas) > 1 for name in schemas
        }
        return schema | {'dependentRequired': together} if together else schema


def _object(name: str, properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {'title': name, 'type': 'object', 'properties': properties}
    return schema | {'required': required} if required else schema


def _in_brackets(field: Field[Any]) -> dict[str, Schema]:
    schema = field.schema()
    if schema.get('type') != 'array':
        return {field.name: schema}
    if 'properties' in schema['items']:
        return {f'{field.name}[][{name}]': inner for name, inner in schema['items']['properties'].items()}
    return {f'{field.name}[]': schema}
