"""Takes out of the functions' code what nothing in it imports, and lets everybody read the rest.

That is most of ccxt, what only its asynchronous clients use, and botocore's descriptions of services that no function calls; the others
are shortened (`botocore_data.py`). ccxt comes with a hundred exchanges, which it imports all at once. A function needs the class of one.
So `ccxt/__init__.py` is emptied, and that class is imported by the name of its module.
"""

import re
import zipfile
from collections.abc import Collection
from pathlib import Path

from infra.deploy import botocore_data
from infra.deploy.bytecode import READABLE

# By ccxt's ids: those that every stage has. A stage may name experimental ones too.
EXCHANGES = ('binance', 'bitfinex', 'bitstamp', 'bybit', 'coinbase', 'gemini', 'kraken', 'kucoin', 'okx')
# Whose clients the functions make, and with which botocore gets credentials.
SERVICES = ('dynamodb', 'kms', 'sesv2', 'sqs', 'ssm', 'sts')
# What ccxt requires and none of these imports; most of that is not in the lock file, see pyproject.toml.
_UNUSED = ('attr', 'attrs')
_PARENT = re.compile(r'^from ccxt\.([a-z0-9]+) import', re.M)
_OF_CCXT = re.compile(r'ccxt/(?:base/.*|static_dependencies/.*|abstract/__init__\.py)')


class UnknownExchange(Exception):
    """A stage names an experimental exchange that ccxt does not have."""


def slim(archive: Path, experimental: Collection[str] = ()) -> None:
    """Rewrite an archive without what is not needed, but with some `experimental` exchanges. Can be repeated. Raises UnknownExchange.

    Functions run as another user than the owner of the files, who on this computer may be the only one allowed to read them.
    """
    slimmer = archive.with_name(f'{archive.name}.slim')
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(slimmer, 'w', zipfile.ZIP_DEFLATED) as new:
        exchanges = [*EXCHANGES, *_with_parents(old, experimental)]
        for entry in old.infolist():
            if is_needed(entry.filename, exchanges):
                content = b'' if entry.filename == 'ccxt/__init__.py' else old.read(entry)
                entry.filename, content = botocore_data.shorten(entry.filename, content)
                entry.external_attr = READABLE
                new.writestr(entry, content, zipfile.ZIP_DEFLATED)
    slimmer.replace(archive)


def _with_parents(archive: zipfile.ZipFile, exchanges: Collection[str]) -> set[str]:
    """Return exchanges with those whose classes theirs are made of. Raises UnknownExchange."""
    names, pending = set(archive.namelist()), set(exchanges)
    needed: set[str] = set()
    while pending:
        exchange = pending.pop()
        if f'ccxt/{exchange}.py' not in names:
            raise UnknownExchange(exchange)
        needed.add(exchange)
        pending |= set(_PARENT.findall(archive.read(f'ccxt/{exchange}.py').decode())) - needed
    return needed


def is_needed(name: str, exchanges: Collection[str] = EXCHANGES) -> bool:
    """Return whether a file of the package is needed.

    >>> [is_needed(name) for name in ('ccxt/kraken.py', 'ccxt/gate.py', 'ccxt/pro/kraken.py', 'attr/setters.py', 'requests/api.py')]
    [True, False, False, False, True]
    """
    if '__pycache__' in name:  # the deployer's own, which Python would compare with the times of files
        return False
    top = name.partition('/')[0]
    if top == 'ccxt':
        named = {'ccxt/__init__.py', *(f'ccxt/{folder}{one}.py' for folder in ('', 'abstract/') for one in exchanges)}
        return name in named or _OF_CCXT.fullmatch(name) is not None
    if name.startswith('botocore/data/') and name.count('/') > 2:
        return name.split('/')[2] in SERVICES and botocore_data.is_read(name)
    return _package_of(top) not in _UNUSED


def _package_of(top: str) -> str:
    """Return the package that a file or folder at the top is of: `yarl` of `yarl-1.25.1.dist-info` and of `yarl.libs`."""
    return re.split(r'-[0-9]|\.', top)[0].replace('-', '_')
