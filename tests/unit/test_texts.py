"""Texts are English strings everywhere, and in another language where a page or mail writes them."""

import copy
import json

import pytest
from markupsafe import Markup, escape

from chalicelib.texts import currency_title, gettext, language, translatable, translatable_plural, translate, use_language, with_values


def test_a_text_is_its_english_wherever_it_is_not_translated():
    text = translatable('Use at least {least} characters', least=10)

    with use_language('de'):
        assert (text, f'{text}.', json.dumps([text])) == (
            'Use at least 10 characters',
            'Use at least 10 characters.',
            '["Use at least 10 characters"]',
        )
        assert translate(text) == translate(copy.deepcopy(text)) == 'Verwenden Sie mindestens 10 Zeichen'
        assert translate('Use at least 10 characters') == 'Use at least 10 characters'
    assert (language(), translate(text)) == ('en', 'Use at least 10 characters')


@pytest.mark.parametrize(('number', 'shown'), [(1, '1 Minute'), (2, '2 Minuten'), (0, '0 Minuten')])
def test_a_number_decides_the_form(number: int, shown: str):
    with use_language('de'):
        assert translate(translatable_plural('{number} minute', '{number} minutes', number)) == shown


def test_texts_within_texts_are_translated_and_what_people_wrote_is_not():
    problem = translatable('must have 1 to {most} characters', most=255)
    text = with_values(translatable('Line {number}: {problem}', problem=problem), number='{problem}')

    assert text == 'Line {problem}: must have 1 to 255 characters'
    with use_language('de'):
        assert translate(text) == 'Zeile {problem}: muss 1 bis 255 Zeichen haben'
    assert with_values('{field} is wrong, {other}', field='x') == 'x is wrong, {other}'


def test_templates_write_a_text_in_the_language_of_the_request_and_escape_what_people_wrote():
    text = translatable('Unknown chain {chain}', chain='<b>')

    with use_language('de'):
        assert escape(text) == Markup('Unbekannte Blockchain &lt;b&gt;')
        assert Markup('<i>%s</i>') % text == Markup('<i>Unbekannte Blockchain &lt;b&gt;</i>')


def test_a_text_that_has_no_translation_stays_english():
    with use_language('de'):
        assert gettext('This is in no catalogue') == 'This is in no catalogue'


def test_money_is_called_what_the_language_calls_it_and_coins_what_they_are_called():
    with use_language('de'):
        assert [currency_title(title) for title in ('Swiss franc', 'Bitcoin')] == ['Schweizer Franken', 'Bitcoin']
    assert currency_title('Swiss franc') == 'Swiss franc'
