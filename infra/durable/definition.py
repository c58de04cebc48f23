"""What the store has to know of the table in infra/template.yaml: its keys, its indexes, and which attribute lets items expire."""

from typing import Any, NamedTuple

from infra import template


class Index(NamedTuple):
    """The attributes that an index is read by: one value of `partition`, in the order of `sort`."""

    partition: str
    sort: str


class Definition(NamedTuple):
    """`types` are those of the attributes in keys: S or N. `indexes` are by name; the table's own key is not among them."""

    key: Index
    indexes: dict[str, Index]
    types: dict[str, str]
    expires: str

    @property
    def columns(self) -> list[str]:
        """Return the attributes beside the table's own key that rows are looked up by."""
        indexed = [name for index in self.indexes.values() for name in index if name not in self.key]
        return [*dict.fromkeys(indexed), self.expires]


def read() -> Definition:
    """Return the definition of the application's table."""
    properties = template.load()['Resources']['Table']['Properties']
    indexes = properties.get('LocalSecondaryIndexes', []) + properties.get('GlobalSecondaryIndexes', [])
    return Definition(
        key=_index(properties),
        indexes={one['IndexName']: _index(one) for one in indexes},
        types={one['AttributeName']: one['AttributeType'] for one in properties['AttributeDefinitions']},
        expires=properties['TimeToLiveSpecification']['AttributeName'],
    )


def _index(described: dict[str, Any]) -> Index:
    names = {one['KeyType']: one['AttributeName'] for one in described['KeySchema']}
    return Index(names['HASH'], names['RANGE'])
