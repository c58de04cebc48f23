"""The formats in which a server of one's own may tell balances: a number with its currency, JSON, CSV. Pure.

1.5 btc
{"btc": "1.5", "eur": 10}
[{"currency": "btc", "balance": "1.5"}]
currency,balance
btc,1.5
"""

import csv
import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NoReturn

from chalicelib.domain import currencies, money
from chalicelib.texts import translatable

_NUMBER = r'-?[0-9]+(?:\.[0-9]+)?'
_CODE = r'[A-Za-z0-9]{1,12}(?:-[A-Za-z0-9]{1,12}){0,4}'
_ONE = re.compile(rf'({_NUMBER})\s+({_CODE})|({_CODE})\s+({_NUMBER})')
_AMOUNTS = ('balance', 'value')
_MOST_CURRENCIES = 100  # all of them are stored anew each time that one changed


class UnknownFormat(ValueError):
    """A text does not tell balances; the message says what is wrong with it, without repeating it."""


def parse(text: str) -> dict[str, Decimal]:
    """Return the balances that a text tells, by currency code. Raises UnknownFormat.

    >>> parse('BTC 1.50'), parse('{"eur": 10.25}')
    ({'btc': Decimal('1.5')}, {'eur': Decimal('10.25')})
    """
    stripped = text.strip().removeprefix('\ufeff')
    match = _ONE.fullmatch(stripped)
    if match:
        return _balances([(match[2] or match[3], match[1] or match[4])])
    if stripped[:1] in ('{', '['):
        return _balances(_of_json(stripped))
    if re.fullmatch(_NUMBER, stripped):
        raise UnknownFormat(translatable('a number needs its currency, such as 1.5 btc'))
    return _balances(_of_csv(stripped))


def _balances(rows: Iterable[tuple[Any, Any]]) -> dict[str, Decimal]:
    balances: dict[str, Decimal] = {}
    for name, value in rows:
        code = _code(name)
        if code in balances:
            raise UnknownFormat(translatable('a currency appears twice'))
        if len(balances) == _MOST_CURRENCIES:
            raise UnknownFormat(translatable('more than 100 currencies were sent'))
        try:
            balances[code] = money.parse_amount(value.strip() if isinstance(value, str) else value, money.MOST_DIGITS)
        except ValueError:
            raise UnknownFormat(translatable('a balance is not a number in plain decimal notation')) from None
    return balances


def _code(name: Any) -> str:
    """Return the code of a currency; one that the catalogue does not have is shown as it is called, without a value."""
    if not isinstance(name, str) or not re.fullmatch(_CODE, name.strip()):
        raise UnknownFormat(translatable('a currency is not a code such as btc'))
    currency = currencies.find(name.strip())
    return currency.code if currency is not None else currencies.unlisted('generic', name.strip().lower())


def _of_json(text: str) -> Iterable[tuple[Any, Any]]:
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_distinct)
    except (ValueError, ArithmeticError, RecursionError):
        raise UnknownFormat(translatable('it is not valid JSON, or repeats a key')) from None
    if isinstance(document, dict) and 'currency' not in document:
        return list(document.items())
    return [_of_object(row) for row in (document if isinstance(document, list) else [document])]


def _of_object(row: Any) -> tuple[Any, Any]:
    amounts = [row[name] for name in _AMOUNTS if name in row] if isinstance(row, dict) else []
    if len(amounts) != 1 or 'currency' not in row:
        raise UnknownFormat(translatable('each element of a list must have a currency and a balance'))
    return row['currency'], amounts[0]


def _of_csv(text: str) -> Iterable[tuple[Any, Any]]:
    try:
        lines = [line for line in csv.reader(text.splitlines(), strict=True) if line]
    except csv.Error:
        raise UnknownFormat(translatable('it is neither JSON nor CSV')) from None
    header = [name.strip().lower() for name in lines[0]] if lines else []
    amounts = [name for name in header if name in _AMOUNTS]
    if len(amounts) != 1 or header.count('currency') != 1:
        raise UnknownFormat(translatable('it is neither JSON nor CSV with the columns currency and balance'))
    if any(len(line) != len(header) for line in lines):
        raise UnknownFormat(translatable('a line has more or fewer columns than the first'))
    return [(line[header.index('currency')], line[header.index(amounts[0])]) for line in lines[1:]]


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError('a name twice')
    return dict(pairs)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f'{constant} is no JSON')
