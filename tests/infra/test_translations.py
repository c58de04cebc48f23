"""Everything that pages and mails say is in the catalogue of each language, translated, with the same placeholders and markup."""

import re

import pytest

from chalicelib import texts
from chalicelib.locales import LOCALES
from infra import translations

# What to do when one of these fails: `make messages`, translate what it names in translations/, `make messages` again.
TO_DO = 'run `make messages`, translate what it names in translations/{code}.po, and run it again'
_PARTS = re.compile(r'%\(\w+\)s|%%|\{\w+\}|<[^>]*>')


def forms(message: translations.Message) -> list[tuple[str, str]]:
    """Return each text of a message with its translation; the forms of a plural in German are the two of English."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return list(zip(message.id, message.string, strict=True))


@pytest.mark.parametrize('code', translations.LANGUAGES)
def test_every_text_of_the_source_is_translated(code: str):
    to_do = TO_DO.format(code=code)
    catalogue = translations.read_catalogue(code)
    collected = {(message.context, message.id) for message in translations.collect_texts() if message.id}
    translated = {(message.context, message.id): message for message in catalogue if message.id}

    assert len(collected) > 400
    assert collected - translated.keys() == set(), f'not in the catalogue: {to_do}'
    assert translated.keys() - collected == set(), f'no longer in the source: {to_do}'
    assert [message.id for message in translated.values() if not translations.is_translated(message)] == [], to_do
    assert translations.compiled_of(code).read_bytes() == translations.compile_catalogue(catalogue), f'not compiled: {to_do}'


@pytest.mark.parametrize('code', translations.LANGUAGES)
def test_a_translation_has_the_placeholders_and_the_markup_of_its_text(code: str):
    messages = [message for message in translations.read_catalogue(code) if message.id]
    pairs = [pair for message in messages for pair in forms(message)]

    assert [text for text, string in pairs if sorted(_PARTS.findall(text)) != sorted(_PARTS.findall(string))] == []
    assert [text for text, string in pairs if text.endswith('.') != string.endswith('.')] == []


def test_the_languages_of_pages_are_those_that_have_a_catalogue_and_customs():
    assert translations.CURRENCY_CONTEXT == texts.CURRENCY
    assert set(texts.LANGUAGES) == {texts.ENGLISH, *translations.LANGUAGES} == set(LOCALES)
