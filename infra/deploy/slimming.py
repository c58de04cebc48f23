"""Takes out of the functions' code what nothing in it imports, and lets everybody read the rest.

That is most of ccxt, what only its asynchronous clients use, and botocore's descriptions of services that no function calls; the others
are shortened (`botocore_data.py`). ccxt comes with a hundred exchanges, which it imports all at once. A function needs the class of one.
So `ccxt/__init__.py` is emptied, and that class is imported by the name of its module.
"""

import re
import zipfile
from pathlib import Path

from infra.deploy import botocore_data
from infra.deploy.bytecode import READABLE

# By ccxt's ids.
EXCHANGES = ('binance', 'bitfinex', 'bitstamp', 'bybit', 'coinbase', 'gemini', 'kraken', 'kucoin', 'okx')
# Whose clients the functions make, and with which botocore gets credentials.
SERVICES = ('dynamodb', 'kms', 'sesv2', 'sqs', 'sts')
# What ccxt requires and none of these imports; most of that is not in the lock file, see pyproject.toml.
_UNUSED = ('attr', 'attrs')
_OF_CCXT = re.compile(r'ccxt/(?:base/.*|static_dependencies/.*|abstract/__init__\.py)')


def slim(archive: Path) -> None:
    """Rewrite an archive without what is not needed. Can be repeated.

    Functions run as another user than the owner of the files, who on this computer may be the only one allowed to read them.
    """
    slimmer = archive.with_name(f'{archive.name}.slim')
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(slimmer, 'w', zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if is_needed(entry.filename):
                content = b'' if entry.filename == 'ccxt/__init__.py' else old.read(entry)
                entry.filename, content = botocore_data.shorten(entry.filename, content)
                entry.external_attr = READABLE
                new.writestr(entry, content, zipfile.ZIP_DEFLATED)
    slimmer.replace(archive)


def is_needed(name: str) -> bool:
    """Return whether a file of the package is needed.

    >>> [is_needed(name) for name in ('ccxt/kraken.py', 'ccxt/gate.py', 'ccxt/pro/kraken.py', 'attr/setters.py', 'requests/api.py')]
    [True, False, False, False, True]
    """
    if '__pycache__' in name:  # the deployer's own, which Python would compare with the times of files
        return False
    top = name.partition('/')[0]
    if top == 'ccxt':
        named = {'ccxt/__init__.py', *(f'ccxt/{folder}{one}.py' for folder in ('', 'abstract/') for one in EXCHANGES)}
        return name in named or _OF_CCXT.fullmatch(name) is not None
    if name.startswith('botocore/data/') and name.count('/') > 2:
        return name.split('/')[2] in SERVICES and botocore_data.is_read(name)
    return _package_of(top) not in _UNUSED


def _package_of(top: str) -> str:
    """Return the package that a file or folder at the top is of: `yarl` of `yarl-1.25.1.dist-info` and of `yarl.libs`."""
    return re.split(r'-[0-9]|\.', top)[0].replace('-', '_')
