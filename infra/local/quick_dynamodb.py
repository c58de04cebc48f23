"""Moto's DynamoDB with the same outcome in less time.

A query goes through its partition instead of the table; a transaction keeps the items that it changes instead of a copy of the table; an
expression, of which there are few, is parsed once; and values are measured, compared and copied without looking for their type ten times.
"""

import copy
from collections import defaultdict
from decimal import Decimal
from functools import lru_cache
from typing import Any

from moto.dynamodb import responses
from moto.dynamodb.comparisons import AttributeValue, ConditionExpressionParser, FuncIn, OpDefault
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend, utilities
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node  # type: ignore[attr-defined]
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.parsing.validators import ActionCountValidator, UpdateExpressionValidator

_LARGEST_ITEM = 405_000  # bytes, as in LimitedSizeDict

_cast_thoroughly = DynamoType.cast_value.fget  # type: ignore[attr-defined]
_measure_thoroughly = DynamoType.size
_to_dict_thoroughly = utilities.dynamo_to_dict
_query_everywhere = Table.query
_update_in_place = DynamoDBBackend.update_item
_parse_thoroughly = ConditionExpressionParser.parse
_parse_update_thoroughly = UpdateExpressionParser.make
_list_all_processors = UpdateExpressionValidator.get_ast_processors
_make_operand_thoroughly = ConditionExpressionParser._make_operand

_PROCESSED: dict[tuple[type, type], bool | None] = {}  # by classes of traversers and of nodes; None for what is no node


# Values


def _cast(self: DynamoType) -> Any:
    if self.type in ('S', 'BOOL', 'B'):
        return self.value
    return Decimal(self.value) if self.type == 'N' else _cast_thoroughly(self)


def _measure(self: DynamoType) -> int:
    if self.type == 'S':
        return len(self.value) if self.value.isascii() else len(self.value.encode())
    if self.type == 'L':
        return sum(map(_measure, self.value))
    if self.type == 'M':
        return sum(len(name.encode()) + _measure(value) for name, value in self.value.items())
    return len(self.value) if self.type == 'N' else _measure_thoroughly(self)


def _copy_value(self: DynamoType, memo: dict[int, Any]) -> DynamoType:
    """Share what is never changed in place: all but lists, maps and sets."""
    if not isinstance(self.value, (list, dict)):
        return self
    result: DynamoType = object.__new__(DynamoType)
    result.type = self.type
    if isinstance(self.value, dict):
        result.value = {name: _copy_value(value, memo) for name, value in self.value.items()}
    else:
        result.value = [_copy_value(value, memo) if isinstance(value, DynamoType) else value for value in self.value]
    return result


def _to_dict(value: Any) -> Any:
    """Return what an answer of moto's says, in which items are values of its own kind, as JSON says it."""
    match value:
        case str():
            return value
        case DynamoType(type='S' | 'N' | 'BOOL' | 'NULL'):
            return {value.type: value.value}
        case DynamoType(type='M' | 'L'):
            return {value.type: _to_dict(value.value)}
        case dict():
            return {name: _to_dict(one) for name, one in value.items()}
        case list():
            return [_to_dict(one) for one in value]
    return _to_dict_thoroughly(value)


# Items


def _fill_item(self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    """Measure it when it is whole."""
    self.hash_key, self.range_key, self.attrs = hash_key, range_key, LimitedSizeDict()
    self.attrs.update({name: DynamoType(value) for name, value in attrs.items()})
    if self.size() > _LARGEST_ITEM:
        raise ItemSizeTooLarge


def _measure_item(self: Item) -> int:
    total = 0
    for name, value in self.attrs.items():
        plain = value.type in ('S', 'N') and value.value.isascii()
        total += len(name) + (len(value.value) if plain else value.size())
    return total


def _copy_item(self: Item, memo: dict[int, Any]) -> Item:
    result: Item = object.__new__(Item)
    result.hash_key, result.range_key, result.attrs = self.hash_key, self.range_key, LimitedSizeDict()
    result.attrs.update({name: _copy_value(value, memo) for name, value in self.attrs.items()})
    return result


# Tables


def _query_partition(self: Table, hash_key: DynamoType, *arguments: Any, **options: Any) -> Any:
    """Query a table that has only the partition, where the table or its local index is queried."""
    conditions = dict(options['hash_key_conditions'])
    if self.hash_key_attr in conditions:
        whole, self = self, copy.copy(self)
        key = conditions[self.hash_key_attr]
        self.items = defaultdict(dict, {key: whole.items[key]} if key in whole.items else {})
    return _query_everywhere(self, hash_key, *arguments, **options)


def _copy_table(self: Table, memo: dict[int, Any]) -> Table:
    """Copy which items there are: items are replaced, see `_update_copy`."""
    result = copy.copy(self)
    result.items = defaultdict(dict, {key: partition.copy() for key, partition in self.items.items()})
    return result


def _update_copy(self: DynamoDBBackend, table_name: str, key: dict[str, Any], **options: Any) -> Item:
    """Put a copy of the item into its place, and change that."""
    table = self.get_table(table_name)
    hash_key, range_key = self.get_keys_value(table, key)
    if (item := table.get_item(hash_key, range_key)) is not None:
        table.items[hash_key][range_key] = copy.deepcopy(item)
    return _update_in_place(self, table_name, key, **options)


# Expressions


class _Tree(ConditionExpressionParser):
    """Parses an expression into a tree with the names of its values."""

    parse = _parse_thoroughly

    def _make_op_condition(self, node: Any) -> Any:
        return node

    def _lookup_expression_attribute_value(self, name: str) -> Any:
        return name


@lru_cache
def _parse_tree(expression: str, names: tuple[tuple[str, str], ...]) -> tuple[Any, list[str], list[str]]:
    parser = _Tree(expression, dict(names), {})
    return parser.parse(), parser.expr_attr_names_found, parser.expr_attr_values_found


def _parse_condition(self: ConditionExpressionParser) -> Any:
    if not self.condition_expression:
        return OpDefault(None, None)  # type: ignore[arg-type]
    tree, names, values = _parse_tree(self.condition_expression, tuple((self.expression_attribute_names or {}).items()))
    self.expr_attr_names_found.extend(names)
    self.expr_attr_values_found.extend(values)
    return self._make_op_condition(tree)


def _make_operand(self: ConditionExpressionParser, node: Any) -> Any:
    if node.kind == self.Kind.EXPRESSION_ATTRIBUTE_VALUE:
        return AttributeValue(self._lookup_expression_attribute_value(node.text))
    return _make_operand_thoroughly(self, node)


def _is_in(self: FuncIn, item: Item | None) -> bool:
    """Look up the attribute once, not for each value that it may have."""
    value = self.attr.expr(item)
    return any(value == possible.expr(item) for possible in self.possible_values)


def _copy_node(self: Node, memo: dict[int, Any]) -> Node:
    result: Node = object.__new__(type(self))
    result.type, result.parent, result.children = self.type, None, self.children
    if self.children is not None:
        result.children = [_copy_node(child, memo) if isinstance(child, Node) else child for child in self.children]
        for child in result.children:
            if isinstance(child, Node):
                child.parent = result
    return result


@lru_cache
def _parse_update(expression: str) -> Node:
    """Parse it and look once whether a clause is there twice."""
    return ActionCountValidator().traverse(_parse_update_thoroughly(expression))


def _list_processors(self: UpdateExpressionValidator) -> list[DepthFirstTraverser]:
    return [one for one in _list_all_processors(self) if not isinstance(one, ActionCountValidator)]


def _traverse(self: DepthFirstTraverser, node: Any, child_id: int = -1) -> Any:
    """Look up whether nodes of a class are processed, instead of listing the classes that are at each node."""
    pair = self.__class__, node.__class__
    if pair not in _PROCESSED:
        _PROCESSED[pair] = isinstance(node, self.nodes_to_be_processed()) if isinstance(node, Node) else None
    is_processed = _PROCESSED[pair]
    if is_processed is None:
        return node
    parent = node.parent
    for index, child in enumerate(node.children or ()):
        self.pre_processing_of_child(node, index)
        self.traverse_node_recursively(child, index)
    if is_processed:
        node = self.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


MEMBERS = (
    (DynamoType, 'cast_value', property(_cast)),
    (DynamoType, 'size', _measure),
    (DynamoType, '__deepcopy__', _copy_value),
    (responses, 'dynamo_to_dict', _to_dict),
    (Item, '__init__', _fill_item),
    (Item, 'size', _measure_item),
    (Item, '__deepcopy__', _copy_item),
    (Table, 'query', _query_partition),
    (Table, '__deepcopy__', _copy_table),
    (DynamoDBBackend, 'update_item', _update_copy),
    (ConditionExpressionParser, 'parse', _parse_condition),
    (ConditionExpressionParser, '_make_operand', _make_operand),
    (FuncIn, 'expr', _is_in),
    (UpdateExpressionParser, 'make', staticmethod(_parse_update)),
    (UpdateExpressionValidator, 'get_ast_processors', _list_processors),
    (Node, '__deepcopy__', _copy_node),
    (DepthFirstTraverser, 'traverse_node_recursively', _traverse),
)
