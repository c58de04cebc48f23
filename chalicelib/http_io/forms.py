"""What parsing a form may cost; and forms with bracketed names, as Ruby, PHP and JavaScript clients send what others send as JSON. Pure.

`a=1` is a value, `a[]=1` an element of a list, `a[b]=1` a member of an object, `a[][b]=1` a member of an object in a list, where a
name that the last object has already starts the next one; `a[0]=1` and `a[0][b]=1` number the elements.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from chalicelib.errors import TooLarge

MOST_ESCAPES = 160_000  # five megabytes in lines of 64 characters have no more
MOST_FIELDS = 10_000
_MOST_ESCAPES_OF_OAUTH = 10_000  # no password or token needs as many
_NAME = re.compile(r'([^\[\]]+)((?:\[[^\[\]]*\])*)')
_DEEPEST = 4
_ASCII = bytes(range(128))


def check_cost(raw: bytes, most_escapes: int = MOST_ESCAPES) -> None:
    """Check that parsing a form (application/x-www-form-urlencoded) takes not much more memory than it is long. Raises TooLarge.

    Each % becomes a string of its own, some 180 bytes, and so may each character beyond ASCII, which no browser sends as it is.
    """
    escapes = raw.count(b'%') + len(raw.translate(None, delete=_ASCII))
    if escapes > most_escapes:
        raise TooLarge(f'Form with more than {most_escapes} escaped characters')


def encode_canonically(form: str, most_fields: int | None = None) -> str:
    """Return a form, or a query, as oauthlib takes it: it refuses unencoded spaces, which `curl -d 'scope=read write'` sends.

    Raises ValueError for more fields than `most_fields`, and TooLarge for what oauthlib, which decodes it again, would decode for long.
    """
    encoded = urlencode(parse_qsl(form, keep_blank_values=True, max_num_fields=most_fields))
    check_cost(encoded.encode(), _MOST_ESCAPES_OF_OAUTH)
    return encoded


def parse(text: str) -> dict[str, Any]:
    """Return the nested object that a form stands for; every value in it is a text.

    Raises ValueError for more than 10,000 fields, brackets that do not match or nest deeper than four, and names that would have
    to be two kinds of thing at once.
    """
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors='strict'):
        match = _NAME.fullmatch(name)
        keys = re.findall(r'\[([^\[\]]*)\]', match[2]) if match else []
        if match is None or len(keys) > _DEEPEST:
            raise ValueError('brackets that do not match, or too many of them')
        _put(root, [match[1], *keys], value)
    return {name: _lists(value) for name, value in root.items()}


def _put(parent: dict[str, Any], path: list[str], value: str) -> None:
    name, *rest = path
    if not rest:
        _expect(parent.get(name), str)
        parent[name] = value
    elif rest == ['']:
        _expect(parent.get(name), list)
        parent.setdefault(name, []).append(value)
    elif rest[0] == '':
        _expect(parent.get(name), list)
        _put(_element(parent.setdefault(name, []), rest[1:]), rest[1:], value)
    else:
        _expect(parent.get(name), dict)
        _put(parent.setdefault(name, {}), rest, value)


def _element(elements: list[Any], path: list[str]) -> dict[str, Any]:
    """Return the object that a member belongs to: the last one of the list, or the next when that has the member already."""
    if not elements or not isinstance(elements[-1], dict) or _has(elements[-1], path):
        elements.append({})
    last: dict[str, Any] = elements[-1]
    return last


def _has(parent: Any, path: list[str]) -> bool:
    if not path or path[0] == '':
        return not path
    return isinstance(parent, dict) and path[0] in parent and _has(parent[path[0]], path[1:])


def _expect(known: Any, kind: type) -> None:
    if known is not None and not isinstance(known, kind):
        raise ValueError('a name that is two kinds of thing')


def _lists(value: Any) -> Any:
    """Return `value` with objects whose names are all numbers as lists, in the order of the numbers."""
    if isinstance(value, list):
        return [_lists(element) for element in value]
    if not isinstance(value, dict):
        return value
    if all(name.isascii() and name.isdecimal() and len(name) < 6 for name in value):
        return [_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _lists(member) for name, member in value.items()}
