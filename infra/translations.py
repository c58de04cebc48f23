"""The catalogues of translations: collects the texts of the source in translations/, and compiles those into chalicelib/data.

`make messages` runs this. The compiled ones are in the repository, so that neither a package nor a clone needs a step that makes them.
"""

import argparse
import io
import json
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
LANGUAGES = ('de',)
CURRENCIES = ROOT / 'chalicelib' / 'data' / 'currencies.json'
CURRENCY_CONTEXT = 'currency'
_METHODS = [('**.py', 'python'), ('web/templates/**.html', 'jinja2')]
_OPTIONS = {'**.html': {'trim_blocks': 'true', 'lstrip_blocks': 'true', 'silent': 'false'}}
_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    **dict.fromkeys(('_', 'gettext', 'translatable')),
    **dict.fromkeys(('ngettext', 'translatable_plural'), (1, 2)),
}
_LINE = 140


def collect_texts() -> Catalog:
    """Return the texts of the source that are marked for translation, and the titles of fiat currencies."""
    catalogue = Catalog(fuzzy=False)
    for _, _, text, _, _ in extract_from_dir(ROOT / 'chalicelib', _METHODS, _OPTIONS, _KEYWORDS):
        catalogue.add(text)
    for currency in json.loads(CURRENCIES.read_text()):
        if currency['kind'] == 'fiat':  # coins and tokens are called the same everywhere
            catalogue.add(currency['title'], context=CURRENCY_CONTEXT)
    return catalogue


def source_of(code: str) -> Path:
    """Return the file that translators edit."""
    return ROOT / 'translations' / f'{code}.po'


def compiled_of(code: str) -> Path:
    """Return the file that the application loads."""
    return ROOT / 'chalicelib' / 'data' / f'{code}.mo'


def read_catalogue(code: str) -> Catalog:
    with source_of(code).open('rb') as file:
        return read_po(file, locale=code)


def compile_catalogue(catalogue: Catalog) -> bytes:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    return compiled.getvalue()


def update_catalogues() -> list[Message]:
    """Bring the catalogues of all languages up to date with the source; return the messages that are still to be translated."""
    texts = collect_texts()
    missing: list[Message] = []
    for code in LANGUAGES:
        catalogue = read_catalogue(code)
        catalogue.update(texts, no_fuzzy_matching=True, update_creation_date=False)
        with source_of(code).open('wb') as file:
            write_po(file, catalogue, width=_LINE, sort_output=True, no_location=True, ignore_obsolete=True)
        compiled_of(code).write_bytes(compile_catalogue(catalogue))
        missing += [message for message in catalogue if message.id and not is_translated(message)]
    return missing


def is_translated(message: Message) -> bool:
    """Whether there is a translation, in each of its plural forms."""
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return all(forms) and not message.fuzzy


def main(arguments: list[str] | None = None) -> None:
    argparse.ArgumentParser(prog='python -m infra.translations', description=__doc__).parse_args(arguments)
    for message in update_catalogues():
        print(f'not translated: {message.id!r}', file=sys.stderr)


if __name__ == '__main__':
    main()
