"""The file of characters that look like the letters of this server's name."""

import json

from chalicelib.domain import lookalikes
from infra.catalogue.lookalikes import SOURCE, by_letter


def test_of_what_unicode_lists_characters_are_taken_that_look_like_a_letter_of_the_name_alone():
    pairs = {
        'O': [{'c': '\u039f'}, {'c': '0'}, {'c': '\uff2f'}],  # the last one is an O in compatible form
        'o\u0335': [{'c': '\u04e9'}],  # with a mark
        'l': [{'c': '\u200e\u05d5\u200e'}],  # written from right to left
        'i': [{'c': '\u2373'}],
        'rn': [{'c': 'm'}],
        'a': [{'c': '\u0430'}],
        '\u0421': [{'c': 'C'}],
    }

    found = {letter: characters for letter, characters in by_letter(pairs).items() if characters}

    assert found == {'o': '\u039f\u04e9', 'l': '\u05d5\u2373'}


def test_the_file_says_whose_it_is_and_has_each_letter_of_the_name():
    written = json.loads(lookalikes.FILE.read_text())

    assert written['source'] == SOURCE
    assert set(written['letters']) == set('cryptfolio'.replace('i', 'l'))
    assert all(characters == ''.join(sorted(set(characters))) != '' for characters in written['letters'].values())
    assert all(lookalikes.can_be_read_in(letter, one) for letter, characters in written['letters'].items() for one in characters)
