"""The fields of request bodies: how each is parsed, and one answer with everything that is wrong."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar, cast

from chalicelib.domain import addresses, currencies, money
from chalicelib.errors import Fault, Invalid

LONGEST_TITLE = 64
MOST_BALANCES = 200

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
        self._path = ''
        self._faults: list[Fault] = []

    def within(self, name: str, values: dict[str, Any]) -> 'Fields':
        """Return the fields of an object inside this one; their faults are named `name.field` and count as faults of this one."""
        inner = Fields(values)
        inner._path = f'{self._path}{name}.'
        inner._faults = self._faults
        return inner

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
        path = self._path + name
        self._faults.append(Fault(path, code, sentence.replace('{field}', path)))

    def check(self) -> None:
        """Raise Invalid if anything was wrong."""
        if self._faults:
            raise Invalid(*self._faults)


def text(value: Any) -> str:
    """Return a text, trimmed; an array of one text counts as that text."""
    single = _single(value)
    if not isinstance(single, str):
        raise FieldError('type', '{field} must be a text')
    return single.strip()


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


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


def amount_of(currency_code: str | None) -> Callable[[Any], Decimal]:
    """Return the parser of amounts of a currency, of any amount while the currency itself is wrong."""
    decimals = money.MOST_DIGITS if currency_code is None else currencies.get(currency_code).decimals

    def amount(value: Any) -> Decimal:
        single = _single(value)
        try:
            return money.parse_amount(single.strip() if isinstance(single, str) else single, decimals)
        except ValueError as error:
            raise FieldError('invalid_amount', f'{{field}} {error}') from None

    return amount


def take_balances(given: Fields) -> dict[str, Decimal] | None:
    """Take `balances`, up to 200 objects of a currency and a balance: the amounts by currency code, None when it is absent."""
    rows = given.take('balances', _rows)
    if rows is None:
        return None
    found: dict[str | None, Decimal] = {}
    for number, values in enumerate(rows):
        row = given.within(f'balances[{number}]', values)
        code = row.need('currency', currency)
        if code in found and code is not None:
            row.refuse('currency', 'duplicate_currency', f'"{code}" stands in balances more than once')
        found[code] = row.need('balance', amount_of(code))
    return cast(dict[str, Decimal], found)


def _rows(value: Any) -> list[dict[str, Any]]:
    """Return a list of objects; a form's `balances=` is the empty one."""
    rows = [] if value in ('', ['']) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FieldError('type', '{field} must be a list of objects with currency and balance')
    if len(rows) > MOST_BALANCES:
        raise FieldError('too_many', f'{{field}} must have at most {MOST_BALANCES} entries')
    return rows
