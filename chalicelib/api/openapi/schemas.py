"""JSON Schemas for a description of the API: each with a name of its own, stated once, and examples made of those of their parts."""

from typing import Any

import msgspec

from chalicelib.api import answers
from chalicelib.api.requests.body import Schema

_REF = '#/components/schemas/'


class Schemas:
    """The named schemas of one description; asked for others, it adds to them what is new."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}
        for scalar in answers.SCALARS:
            self.of(scalar)

    def of(self, kind: Any) -> Schema:
        """Return the schema of a type: a shape, a scalar, a list of them."""
        (schema,), found = msgspec.json.schema_components([kind], ref_template=_REF + '{name}')
        for name, component in found.items():
            self.put(_closed(component, getattr(answers, name)))
        return self.put(schema)

    def put(self, schema: Schema) -> Schema:
        """Return a schema with all that has a title, itself too, put among the named ones and referred to.

        What it says otherwise than the named one, such as another example, stands beside the reference.
        """
        told = dict(schema)
        if 'items' in schema:
            told['items'] = self.put(schema['items'])
        if 'anyOf' in schema:
            told['anyOf'] = [self.put(one) for one in schema['anyOf']]
        if 'properties' in schema:
            told['properties'] = {name: self.put(one) for name, one in schema['properties'].items()}
        if 'title' not in schema:
            return told
        named = self.named.setdefault(schema['title'], told)
        return {'$ref': _REF + schema['title']} | {key: value for key, value in told.items() if named.get(key) != value}

    def members(self, shape: Any) -> dict[str, Schema]:
        """Return the schemas of what a shape has in it, which becomes none of the named ones."""
        _, found = msgspec.json.schema_components([shape], ref_template=_REF + '{name}')
        own = found.pop(shape.__name__)
        for name, component in found.items():
            self.put(_closed(component, getattr(answers, name)))
        members: dict[str, Schema] = self.put({'properties': own['properties']})['properties']
        return members

    def media(self, schema: Schema, *, whole: bool = False) -> Schema:
        """Return OpenAPI's Media Type Object: schema and example of a body."""
        told = self.put(schema)
        return {'schema': told, 'example': self.example(told, whole=whole)}

    def example(self, schema: Schema, *, whole: bool = False) -> Any:
        """Return an example of what a schema describes; what is optional in it is only there when it is to be `whole`.

        What has an empty list of examples is left out, as it does not fit beside the examples of the rest.
        """
        for key in ('examples', 'enum'):
            if key in schema:
                return schema[key][0]
        if '$ref' in schema:
            return self.example(self.named[schema['$ref'].removeprefix(_REF)], whole=whole)
        if 'anyOf' in schema:
            return self.example(schema['anyOf'][0], whole=whole)
        if 'items' in schema:
            return [self.example(schema['items'], whole=whole)]
        if 'properties' in schema:
            shown = [name for name in schema['properties'] if whole or name in schema.get('required', ())]
            inside = {name: schema['properties'][name] for name in shown}
            return {name: self.example(one, whole=whole) for name, one in inside.items() if one.get('examples') != []}
        return schema.get('const', True)  # a flag: everything else has examples


def _closed(component: Schema, shape: Any) -> Schema:
    """Return the schema of a shape in the order in which that is declared, and with nothing beside."""
    properties = {name: component['properties'][name] for name in shape.__annotations__}
    required = [name for name in properties if name in component['required']]
    return component | {'properties': properties, 'required': required, 'additionalProperties': False}
