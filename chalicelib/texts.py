"""Texts for people, which pages and mails show in the language of their reader.

The source has them in English, and the API answers nothing else. Templates mark theirs by `_` and `trans`, Python code by `translatable`.
`make messages` collects all of them in translations/, and compiles that into chalicelib/data, from where a language is loaded when a text
is first needed in it.
"""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from gettext import NullTranslations

ENGLISH = 'en'
LANGUAGES = {ENGLISH: 'English', 'de': 'Deutsch'}
"""The languages by code (RFC 5646), each with what it calls itself."""

CURRENCY = 'currency'  # the context of titles of currencies in the catalogues

_language: ContextVar[str] = ContextVar('language', default=ENGLISH)
_CATALOGUES = Path(__file__).parent / 'data'
_PLACEHOLDER = re.compile(r'\{(\w+)\}')

Value = str | int


class Translatable(str):
    """A text in English that pages and mails can show in another language. Everywhere else it is an ordinary string."""

    singular: str
    plural: str | None
    number: int
    values: dict[str, Value]

    def __new__(cls, singular: str, plural: str | None, number: int, values: dict[str, Value]) -> Self:
        text = super().__new__(cls, _fill(singular if plural is None or number == 1 else plural, values))
        text.singular, text.plural, text.number, text.values = singular, plural, number, values
        return text

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return what a copy is made from, which stays translatable."""
        return self.singular, self.plural, self.number, self.values

    def __html__(self) -> str:
        """Return it as templates write it: in the language of the request, escaped."""
        return html.escape(translate(self))


def translatable(text: str, /, **values: Value) -> Translatable:
    """Mark a text of the source for translation; `values` take the place of `{name}` in it, and may be translatable themselves.

    >>> translatable('Enter at most {most} lines', most=100)
    'Enter at most 100 lines'
    """
    return Translatable(text, None, 1, values)


def translatable_plural(singular: str, plural: str, /, number: int, **values: Value) -> Translatable:
    """Mark two texts of the source for translation, of which `number`, also the value of `{number}`, decides.

    >>> translatable_plural('{number} line has a fault', '{number} lines have a fault', 3)
    '3 lines have a fault'
    """
    return Translatable(singular, plural, number, {'number': number, **values})


def with_values(text: str, **values: Value) -> str:
    """Return a text with further values in place of `{name}`, still translatable if it was."""
    if isinstance(text, Translatable):
        return Translatable(text.singular, text.plural, text.number, text.values | values)
    return _fill(text, values)


def translate(text: str) -> str:
    """Return a text in the language of the request; one that is not translatable as it is."""
    if not isinstance(text, Translatable):
        return text
    template = gettext(text.singular) if text.plural is None else ngettext(text.singular, text.plural, text.number)
    return _fill(template, {name: translate(value) if isinstance(value, str) else value for name, value in text.values.items()})


def gettext(text: str) -> str:
    """Return the translation of a text of the source into the language of the request, for templates."""
    return _catalogue(_language.get()).gettext(text)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the translation of whichever of two texts fits a number, for templates."""
    return _catalogue(_language.get()).ngettext(singular, plural, number)


def currency_title(title: str) -> str:
    """Return what a currency of the catalogue is called in the language of the request: fiat money has a name of its own in each."""
    return _catalogue(_language.get()).pgettext(CURRENCY, title)


def language() -> str:
    """Return the code of the language of the request, English outside of any."""
    return _language.get()


@contextmanager
def use_language(code: str) -> Iterator[None]:
    """Let `code` be the language until the block ends."""
    token = _language.set(code)
    try:
        yield
    finally:
        _language.reset(token)


def _fill(template: str, values: dict[str, Value]) -> str:
    """Return a text with its values, none of which is looked at for placeholders; those without a value stay."""
    return _PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), template)


@lru_cache
def _catalogue(code: str) -> 'NullTranslations':
    from gettext import GNUTranslations, NullTranslations  # API calls should not pay for it

    if code == ENGLISH:
        return NullTranslations()
    with _CATALOGUES.joinpath(f'{code}.mo').open('rb') as file:
        return GNUTranslations(file)
