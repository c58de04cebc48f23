"""Names that look alike: what is left of one when characters that look like letters are replaced by these. Pure.

After the skeletons of Unicode Technical Standard 39 (https://www.unicode.org/reports/tr39/), for the letters of the name of this server: of
its list of all of Unicode, hundreds of kilobytes, `python -m infra.catalogue.lookalikes` writes these to a file of the package.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parents[1] / 'data' / 'lookalikes.json'

# What looks like a letter of that name, too, and is not in the file, or as another one. As in the standard, i and the digit 1 are an l.
UNLISTED = {
    'c': '\u00a9\u037c\u03fe\u1455\u1974\u2282\u3108\u3137\u531a',
    'f': '\u03dd\u0493\u0552\u20a3\u4e0b\u5343',
    'l': '!1i|\u00a1\u10a8\u1175\u13c6\u23d0\u2502\u2503\u258f\u2595\u2758\u2759\u275a\u2c93\u2cd1\u3021\u3125\u3163'
    '\u4e28\u5de5\ua7fe\uab96\ufe31',
    'o': '0\u0298\u13a4\u1c5b\u2295\u2297\u2299\u25cb\u25ce\u25cf\u25ef\u26aa\u26ab\u2b24\u2b55\u2b58\u3116\u3147\u30ed\u53e3\u0153',
    'p': '\u00b6\u00fe\u01bf\u03fc\u048f\u1d29\u2117\u5369\u03c6\u0562\u0569\u3115',
    'r': '\u00ae\u042f\u0491\u04f7\u13b1\u16b1\u5c3a\ua785',
    't': '+\u03c4\u0442\u04ad\u2020\u271d\u271e\u2ca7\u0565\u3112\u4e03\u4e05\uaba6',
    'y': '\u03c5\u2ca9\u311a',
}
_MOST_GUESSES = 3  # of ten letters, so that a row of symbols, or a word between some, is nobody's name

# By the name that Unicode gives to variants: LATIN LETTER SMALL CAPITAL R, LATIN SMALL LETTER L WITH DOUBLE BAR, REGIONAL INDICATOR SYMBOL
# LETTER C, NEGATIVE SQUARED LATIN CAPITAL LETTER C.
_VARIANT = re.compile(r'(?:[A-Z]+ )*(?:LATIN|REGIONAL INDICATOR)\b.* LETTER (?:[A-Z]+ )*([A-Z])(?: WITH .+)?')


def can_be_read_in(name: str, other: str) -> bool:
    """Return whether a name can be read in another one, in which symbols are letters that they look like, or stand between letters.

    A few symbols may be any letter, as no list of what they look like ends. Takes a time proportional to the length of `other`.

    >>> [can_be_read_in('Crypto', other) for other in ('My C-r\\u00fdpt 0', '\\u0421ryp\\u20b8|\\u25ef', 'Cryptio')]
    [True, True, False]
    """
    letters = [sign.letter for sign in _signs(name)]
    reached = {0: 0}  # by how many letters of the name may end here: how many of them at least are guessed
    for sign in _signs(other):
        following = {0: 0}  # the name may begin anywhere
        for number, guesses in reached.items():
            for end, fewest in _readings(sign, number, letters[number], guesses):
                following[end] = min(fewest, following.get(end, fewest))
        if len(letters) in following:
            return True
        reached = following
    return False


class _Sign(NamedTuple):
    """What is seen of a character: a letter from a to z, or a symbol, which may look like one; else the letter is empty."""

    letter: str
    is_symbol: bool


def _readings(sign: _Sign, number: int, letter: str, guesses: int) -> Iterator[tuple[int, int]]:
    """Yield how many letters, and guesses, there may be after a sign that follows `number` letters, the next of which is `letter`."""
    if sign.letter == letter:
        yield number + 1, guesses
    elif sign.is_symbol and guesses < _MOST_GUESSES:
        yield number + 1, guesses + 1
    if sign.is_symbol:
        yield number, guesses


def _signs(name: str) -> Iterator[_Sign]:
    for character in name:
        is_symbol = unicodedata.category(character)[0] in 'PS'
        for letter in _letters(character) or [''] * is_symbol:
            yield _Sign(letter, is_symbol)


def _letters(character: str) -> str:
    seen = _prototype(character)  # first, since compatible forms are a sigma of what looks like c, and an s of what looks like f
    folded = unicodedata.normalize('NFKD', seen).casefold()  # accents become characters of their own, which are no letters
    return ''.join(letter for letter in map(_prototype, folded) if 'a' <= letter <= 'z')


def _prototype(character: str) -> str:
    """Return the letter that a character looks like, or the character."""
    prototypes = _prototypes()
    if character in prototypes:
        return prototypes[character]
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return prototypes.get(str(digit), character)
    variant = _VARIANT.fullmatch(unicodedata.name(character, ''))
    letter = variant[1].lower() if variant else character
    return prototypes.get(letter, letter)


@lru_cache(1)
def _prototypes() -> dict[str, str]:
    listed: dict[str, str] = json.loads(FILE.read_text())['letters']
    return {lookalike: letter for table in (listed, UNLISTED) for letter, alike in table.items() for lookalike in alike}
