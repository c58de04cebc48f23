"""Amounts as people type them on pages: in the notation of the API, and with the decimal comma of a language where that means one thing."""

import re

from chalicelib import locales
from chalicelib.texts import translatable, with_values

_TYPED = re.compile(r'(-?[0-9]+)(?:([.,])([0-9]+))?')
_GROUPED = re.compile(r'-?[1-9][0-9]{0,2}[.,][0-9]{3}')  # as thousands are, and as three digits after the point are


class BadAmount(ValueError):
    """A text is no amount, or may be two; `sentence` says what to type instead."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def to_api(typed: str) -> str:
    """Return an amount in the notation of the API: in German `12500,50` and `12500.50` are `12500.50`. Raises BadAmount.

    A point is a decimal point everywhere, but in German `1.234` may also be a thousand, as `1,234` may be for who is used to English.
    Separators of thousands are refused, whichever: what they mean depends on who types them.
    """
    match = _TYPED.fullmatch(typed)
    comma_is_decimal = locales.current().point == ','
    if match is None or (match[2] == ',' and not comma_is_decimal):
        text = translatable('“{amount}” is not an amount: write it without thousands separators, such as {example}')
        raise BadAmount(with_values(text, amount=typed, example=to_type('12500.50')))
    whole, _, fraction = match.groups()
    if comma_is_decimal and _GROUPED.fullmatch(typed):
        text = translatable('“{amount}” can mean two amounts: write {large} or {small}')
        raise BadAmount(with_values(text, amount=typed, large=whole + fraction, small=f'{whole}.{fraction}0'))
    return whole if fraction is None else f'{whole}.{fraction}'


def to_type(amount: str) -> str:
    """Return an amount of the API as it is to be typed, so that `to_api` takes it for the same."""
    typed = amount.replace('.', locales.current().point)
    is_ambiguous = locales.current().point == ',' and _GROUPED.fullmatch(typed)
    return f'{typed}0' if is_ambiguous else typed
