"""Names that look alike: what is left of one when letters that look like others are replaced by these. Pure.

After the skeletons of Unicode Technical Standard 39 (https://www.unicode.org/reports/tr39/), for a few letters: its list of all of
Unicode is hundreds of kilobytes. Skeletons are compared and never shown.
"""

import re
import unicodedata

# From confusables.txt of that standard: what looks like a letter of the name of this server, small where a script has small letters. Greek,
# Cyrillic, Armenian, Georgian, Cherokee, Canadian, Coptic, Tifinagh, Lisu, Tai Le, symbols, and what Unicode calls another Latin letter. As
# there, i and the digit 1 are an l.
_LOOKALIKES = {
    'c': '\u00a2\u03f2\u03f9\u0441\u04ab\u13df\u1974\u20a1\u2ca5\ua4da',
    'r': '\u0433\u13a1\u13b1\u13d2\u1587\u1d26\u2c85\ua4e3\uab47',
    'y': '\u00a5\u0263\u03b3\u03c5\u0443\u04af\u04b1\u10e7\u13a9\u13bd\u1d8c\u2ca9\ua4ec',
    'p': '\u00fe\u03c1\u0440\u13e2\u146d\u2ca3\ua4d1',
    't': '\u03c4\u0442\u04ad\u13a2\u20ae\u2ca7\ua4d4',
    'f': '\u017f\u03dd\u0493\u0584\u15b4\u1e9d\u20a3\ua4dd',
    'o': '0\u03b8\u03bf\u03c3\u043e\u0473\u04e9\u0585\u10ff\u13a4\u13be\u13eb\u2c9f\u2d54\u3007\ua4f3',
    'l': ('!1i|\u00a1\u01c0\u0269\u03b9\u0456\u04cf\u13a5\u13de\u14aa\u16c1\u1d7c\u2223\u2502\u2c93\u2cd1\u2d4f\u4e28\ua4e1\ua4f2\ua647'),
}
_PROTOTYPES = {lookalike: letter for letter, alike in _LOOKALIKES.items() for lookalike in alike}
# By the name that Unicode gives to variants: LATIN LETTER SMALL CAPITAL R, LATIN SMALL LETTER L WITH DOUBLE BAR, REGIONAL INDICATOR SYMBOL
# LETTER C, NEGATIVE SQUARED LATIN CAPITAL LETTER C.
_VARIANT = re.compile(r'(?:[A-Z]+ )*(?:LATIN|REGIONAL INDICATOR)\b.* LETTER (?:[A-Z]+ )*([A-Z])(?: WITH .+)?')


def skeleton(name: str) -> str:
    """Return the letters from a to z of a name, in lower case, with those in place of others that look like them.

    >>> skeleton('C-r\\u00fdpt 0?'), skeleton('\\u0421rypto')
    ('crypto', 'crypto')
    """
    seen = ''.join(map(_prototype, name))  # first, since compatible forms are a sigma of what looks like c, and an s of what looks like f
    folded = unicodedata.normalize('NFKD', seen).casefold()  # accents become characters of their own, which are no letters
    return ''.join(letter for letter in map(_prototype, folded) if 'a' <= letter <= 'z')


def _prototype(character: str) -> str:
    """Return the letter that a character looks like, or the character."""
    if character in _PROTOTYPES:
        return _PROTOTYPES[character]
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return _PROTOTYPES.get(str(digit), character)
    variant = _VARIANT.fullmatch(unicodedata.name(character, ''))
    letter = variant[1].lower() if variant else character
    return _PROTOTYPES.get(letter, letter)
