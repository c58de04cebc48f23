"""The fields of request bodies: how each is parsed, and one answer with everything that is wrong."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from chalicelib.domain import addresses, currencies
from chalicelib.errors import Fault, Invalid

LONGEST_TITLE = 64

T = TypeVar('T')


class FieldError(Exception):
    """A field cannot be taken; `code` is for programs, `sentence` for people, `{field}` in it stands for the name."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Fields:
    """The fields of one request body, parsed one by one; `check` then reports all that was wrong at once."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self._faults: list[Fault] = []

    def need(self, name: str, parse: Callable[[Any], T], *, absent: Any = None) -> T:
        """Return the parsed field; when it is not there `absent` is parsed, or it is a fault if that is None.

        What this returns for a fault is only good until `check`.
        """
        if name in self._values or absent is not None:
            return cast(T, self._parse(name, self._values.get(name, absent), parse))
        self.refuse(name, 'required', '{field} is required')
        return cast(T, None)

    def take(self, name: str, parse: Callable[[Any], T]) -> T | None:
        """Return the parsed field, None when it is absent or was wrong."""
        return self._parse(name, self._values[name], parse) if name in self._values else None

    def _parse(self, name: str, value: Any, parse: Callable[[Any], T]) -> T | None:
        try:
            return parse(value)
        except FieldError as error:
            self.refuse(name, error.code, error.sentence)
            return None

    def refuse(self, name: str, code: str, sentence: str) -> None:
        """Note a fault that only shows when fields are seen together."""
        self._faults.append(Fault(name, code, sentence.replace('{field}', name)))

    def check(self) -> None:
        """Raise Invalid if anything was wrong."""
        if self._faults:
            raise Invalid(*self._faults)


def text(value: Any) -> str:
    """Return a text, trimmed; an array of one text counts as that text."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        raise FieldError('type', '{field} must be a text')
    return value.strip()


def title(value: Any) -> str:
    """Return a title of 1 to 64 characters after trimming."""
    trimmed = text(value)
    if not trimmed or len(trimmed) > LONGEST_TITLE:
        raise FieldError('length', f'title must have 1 to {LONGEST_TITLE} characters')
    if not trimmed.isprintable():
        raise FieldError('characters', 'title must not contain control characters')
    return trimmed


def currency(value: Any) -> str:
    """Return the code of a known currency, in lower case; any case is taken."""
    code = text(value)
    found = currencies.find(code)
    if found is None:
        raise FieldError('unknown_currency', f'Unknown currency "{code[:32]}"')
    return found.code


def reporting_currencies(value: Any) -> list[str]:
    """Return codes of known currencies, at least one, each once, in the order given."""
    values = value if isinstance(value, list) else [value]
    if not values or values == ['']:
        raise FieldError('empty', 'must have at least one reporting currency selected')
    return list(dict.fromkeys(currency(item) for item in values))


def followed_currency(value: Any) -> str:
    """Return the code of a currency whose addresses can be followed."""
    code = currency(value)
    if code not in addresses.SUPPORTED:
        raise FieldError('unsupported_currency', f'addresses of "{code}" cannot be followed')
    return code


def address_of(currency_code: str | None) -> Callable[[Any], str]:
    """Return the parser of addresses of a currency, of any text while the currency itself is wrong."""

    def address(value: Any) -> str:
        given = text(value)
        if currency_code is None:
            return given
        try:
            return addresses.normalise(currency_code, given)
        except addresses.BadAddress as error:
            raise FieldError('invalid_address', error.reason) from None

    return address
