"""The capacity that DynamoDB counts for reads: by the size of what is read.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from collections.abc import Iterable
from typing import Any

_UNIT_BYTES = 4_096
_CONTAINER_BYTES = 3  # of a list or map by itself
_MEMBER_BYTES = 1  # beside each of its members

Json = dict[str, Any]


def measure(item: Json) -> int:
    """Return how many bytes an item, or a map in it, is long."""
    return sum(len(name.encode()) + _measure_value(value) for name, value in item.items())


def _measure_value(value: Json) -> int:
    [(kind, content)] = value.items()
    match kind:
        case 'S':
            return len(content) if content.isascii() else len(content.encode())
        case 'N':  # two digits to a byte, and one for the rest
            return len(content) // 2 + 1
        case 'B':
            return len(content)
        case 'M':
            return _CONTAINER_BYTES + len(content) * _MEMBER_BYTES + measure(content)
        case 'L':
            return _CONTAINER_BYTES + sum(_MEMBER_BYTES + _measure_value(one) for one in content)
        case 'SS' | 'NS' | 'BS':
            return sum(_measure_value({kind[0]: one}) for one in content)
        case _:
            return 1


def units(sizes: Iterable[int], request: Json) -> float:
    """Return the units of reads of so many bytes each, of which one that finds nothing takes as many as a small one."""
    each = sum(max(1, -(-size // _UNIT_BYTES)) for size in sizes)
    return each if request.get('ConsistentRead') else each / 2
