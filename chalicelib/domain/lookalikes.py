"""Names that look alike: what is left of one when letters that look like others are replaced by these. Pure.

After the skeletons of Unicode Technical Standard 39 (https://www.unicode.org/reports/tr39/), for a few letters: its list of all of
Unicode is hundreds of kilobytes. Skeletons are compared and never shown.
"""

import unicodedata

# From confusables.txt of that standard: what looks like a letter of the name of this server, small where a script has small letters. Latin,
# Greek, Cyrillic, Armenian, Georgian, Cherokee, Canadian, Coptic, Tifinagh, Lisu, symbols. As there, i and the digit 1 are an l.
_LOOKALIKES = {
    'c': '\u00a2\u023c\u03f2\u03f9\u0441\u04ab\u13df\u1d04\u20a1\u2ca5\ua4da',
    'r': '\u024d\u027c\u027d\u0280\u0433\u0493\u13a1\u13b1\u13d2\u1587\u1d26\u1d72\u2c85\ua4e3\uab47\uab48',
    'y': '\u00a5\u01b4\u024f\u0263\u028f\u03b3\u03c5\u0443\u04af\u04b1\u10e7\u13a9\u13bd\u1d8c\u1eff\u2ca9\ua4ec\uab5a',
    'p': '\u01a5\u03c1\u0440\u13e2\u146d\u1d7d\u2ca3\ua4d1',
    't': '\u0167\u01ad\u0288\u03c4\u0442\u04ad\u13a2\u1d1b\u1d75\u20ae\u2c66\u2ca7\ua4d4',
    'f': '\u017f\u0192\u03dd\u0584\u15b4\u1d6e\u1e9d\ua4dd\ua799\uab35',
    'o': (
        '0\u00f8\u0275\u03b8\u03bf\u03c3\u043e\u0473\u04e9\u0585\u10ff\u13a4\u13be\u13eb\u1d0f\u1d11\u2c9f\u2d54'
        '\u3007\ua4f3\ua74b\uab3d\uab3e'
    ),
    'l': (
        '1i|\u0131\u0142\u019a\u01c0\u0268\u0269\u026a\u026b\u026d\u03b9\u0456\u04cf\u13a5\u13de\u14aa'
        '\u16c1\u1d7b\u1d7c\u2223\u2502\u2c93\u2cd1\u2d4f\ua4e1\ua4f2\ua647'
    ),
}
_PROTOTYPES = str.maketrans({lookalike: letter for letter, alike in _LOOKALIKES.items() for lookalike in alike})


def skeleton(name: str) -> str:
    """Return the letters from a to z of a name, in lower case, with those in place of others that look like them.

    >>> skeleton('C-r\\u00fdpt 0!'), skeleton('\\u0421rypto')
    ('crypto', 'crypto')
    """
    seen = name.translate(_PROTOTYPES)  # first, since compatible forms are a sigma of what looks like c, and an s of what looks like f
    folded = unicodedata.normalize('NFKD', seen).casefold()  # accents become characters of their own, which are no letters
    return ''.join(letter for letter in folded.translate(_PROTOTYPES) if 'a' <= letter <= 'z')
