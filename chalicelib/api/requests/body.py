"""How request bodies are declared: one declaration of a field both parses and describes it.

TITLE = Field('title', parse_title, title_schema)
NEW = Body('NewOffset', required=(TITLE,), optional=(BALANCES,))

body = NEW.read({'title': ' Savings '})
body[TITLE]  # 'Savings'
body.get(BALANCES)  # None
NEW.read({'balances': 5})  # raises Invalid: title is required, balances must be a list of objects with currency and balance
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

from chalicelib.errors import Fault, Invalid
from chalicelib.texts import translatable, with_values

Schema = dict[str, Any]
T = TypeVar('T')


class FieldError(Exception):
    """A value is not acceptable; `code` is for programs, `sentence` for people, `{field}` in it stands for the field's name."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True)
class Field(Generic[T]):
    """One field of a body.

    `parse` turns a value of JSON into that of the field; it sees the fields parsed before it, and raises FieldError. `schema`
    returns the JSON Schema of the field; it is called only for a description, as limits are settings. `absent` is parsed in place
    of a required field that is missing; if it is None, that field is a fault, `required`.
    """

    name: str
    parse: Callable[[Any, 'ParsedBody'], T]
    schema: Callable[[], Schema]
    absent: Any = None


class ParsedBody:
    """The fields of a body that were parsed, and all the faults found; those of nested objects are added to the same list."""

    def __init__(self, values: Mapping[str, Any], known: Mapping[str, Any], path: str = '') -> None:
        self._values = values
        self._parsed = dict(known)
        self._path = path
        self.faults: list[Fault] = []

    def __getitem__(self, field: Field[T]) -> T:
        """Return the value of a required field."""
        return cast(T, self._parsed[field.name])

    def get(self, field: Field[T]) -> T | None:
        """Return the value of a field, None if it is absent or wrong."""
        return self._parsed.get(field.name)

    def require(self, field: Field[Any]) -> None:
        """Parse a field that must be there."""
        if field.name in self._values or field.absent is not None:
            self._parse(field, self._values.get(field.name, field.absent))
        else:
            self.add_fault(field.name, 'required', translatable('{field} is required'))

    def optional(self, field: Field[Any]) -> None:
        """Parse a field if it is there."""
        if field.name in self._values:
            self._parse(field, self._values[field.name])

    def row(self, body: 'Body', name: str, values: Mapping[str, Any]) -> 'ParsedBody':
        """Return an object inside this one, parsed; faults name its fields `name.field`."""
        inner = ParsedBody(values, {}, f'{self._path}{name}.')
        inner.faults = self.faults
        body.parse(inner)
        return inner

    def add_fault(self, name: str, code: str, sentence: str) -> None:
        """Note a fault of a field."""
        path = self._path + name
        self.faults.append(Fault(path, code, with_values(sentence, field=path)))

    def _parse(self, field: Field[Any], value: Any) -> None:
        try:
            self._parsed[field.name] = field.parse(value, self)
        except FieldError as error:
            self.add_fault(field.name, error.code, error.sentence)


class Body(NamedTuple):
    """An object that a request sends: its name in the description of the API, and its fields in the order in which they are parsed."""

    name: str
    required: Sequence[Field[Any]] = ()
    optional: Sequence[Field[Any]] = ()

    def read(self, values: Mapping[str, Any], **known: Any) -> ParsedBody:
        """Parse a body.

        `known` are values, by field name, that are certain before anything is parsed: `CHANGES.read(values, currency='btc')`.
        Unknown keys are ignored. Raises Invalid with every fault of the body.
        """
        parsed = ParsedBody(values, known)
        self.parse(parsed)
        if parsed.faults:
            raise Invalid(*parsed.faults)
        return parsed

    def parse(self, parsed: ParsedBody) -> None:
        """Parse all fields, and note faults instead of raising them."""
        for field in self.required:
            parsed.require(field)
        for field in self.optional:
            parsed.optional(field)

    def schema(self) -> Schema:
        """Return the JSON Schema of the object as JSON. Requests may contain more, see docs/decisions/0009-schemas.md."""
        properties = {field.name: field.schema() for field in (*self.required, *self.optional)}
        return _object(self.name, 'What a request sends, as JSON.', properties, [field.name for field in self.required])

    def form_schema(self) -> Schema:
        """Return the JSON Schema of the object as a form, with names in brackets; a list of objects is described by its first one."""
        by_field = {field.name: _in_brackets(field) for field in (*self.required, *self.optional)}
        properties = {name: schema for schemas in by_field.values() for name, schema in schemas.items()}
        named = {field.name: field.schema().get('type') for field in (*self.required, *self.optional)}
        lists = [schemas for name, schemas in by_field.items() if named[name] == 'array']
        required = [name for field in self.required if named[field.name] != 'object' for name in by_field[field.name]]
        schema = _object(f'{self.name}Form', 'What a request sends, as a form.', properties, required)
        together = {name: [other for other in schemas if other != name] for schemas in lists if len(schemas) > 1 for name in schemas}
        return schema | {'dependentRequired': together} if together else schema


def _object(name: str, description: str, properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {'title': name, 'description': description, 'type': 'object', 'properties': properties}
    return schema | {'required': required} if required else schema


def _in_brackets(field: Field[Any]) -> dict[str, Schema]:
    schema = field.schema()
    if schema.get('type') == 'object':
        return {f'{field.name}[{name}]': one for name, one in schema['properties'].items() if one['type'] != 'object'}
    if schema.get('type') != 'array':
        return {field.name: schema}
    if 'properties' in schema['items']:
        return {f'{field.name}[][{name}]': inner for name, inner in schema['items']['properties'].items()}
    return {f'{field.name}[]': schema}
