"""Writes chalicelib/data/currencies.json: `python -m infra.catalogue`. Needs pip, npm, node and the package registries."""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

from chalicelib.domain import currencies
from infra.catalogue import rules

ISO_4217 = 'iso4217==1.16.20260101'  # the list published by the standard's maintenance agency on 2026-01-01
TOKEN_LIST = '@uniswap/default-token-list@22.21.0'  # contracts, symbols and decimals
COINS = '@web3icons/common@0.11.51'  # CoinGecko's ids of contracts

INPUTS = Path(__file__).parent
OUTPUT = Path(currencies.__file__).parents[1] / 'data' / 'currencies.json'


def main(arguments: list[str] | None = None) -> None:
    """Fetch the sources, merge them into the catalogue and write it."""
    argparse.ArgumentParser(prog='python -m infra.catalogue', description=__doc__).parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        candidates = read_sources(Path(folder))
    merged = rules.merge(currencies.every(), candidates, int(time.time()))
    OUTPUT.write_text(rules.dump(merged.currencies))
    kinds = Counter(currency.kind for currency in merged.currencies)
    print(f'{OUTPUT}: {len(merged.currencies)} currencies ({", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))})')
    print(f'added: {len(merged.currencies) - len(currencies.every())}')
    print(f'kept though no source names them any more: {", ".join(merged.unnamed) or "none"}')


def read_sources(folder: Path) -> list[rules.Candidate]:
    """Return what the packages and the lists beside this file name, Bitcoin and the United States dollar first."""
    coins = rules.read_cryptocurrencies((INPUTS / 'cryptocurrencies.csv').read_text())
    fiat = rules.read_fiat(fetch_iso_4217(folder), (INPUTS / 'fiat.csv').read_text())
    tokens = rules.read_tokens(fetch_token_list(folder), fetch_coins(folder), (INPUTS / 'tokens.csv').read_text())
    replaced = rules.read_replaced((INPUTS / 'replaced.csv').read_text())
    return [coins[0], fiat[0], *coins[1:], *fiat[1:], *tokens, *replaced]


def fetch_iso_4217(folder: Path) -> bytes:
    """Return ISO 4217's list one as XML."""
    print(f'fetching {ISO_4217}', flush=True)
    run([sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', str(folder), ISO_4217])
    (wheel,) = folder.glob('iso4217-*.whl')
    with zipfile.ZipFile(wheel) as archive:
        return archive.read('iso4217/table.xml')


def fetch_token_list(folder: Path) -> dict[str, Any]:
    """Return the token list."""
    loaded: dict[str, Any] = json.loads(npm_file(folder, TOKEN_LIST, 'build/uniswap-default.tokenlist.json'))
    return loaded


def fetch_coins(folder: Path) -> list[dict[str, Any]]:
    """Return coins with their contracts; the package has them as a JavaScript literal, which only node reads reliably."""
    module = folder / 'coins.mjs'
    module.write_bytes(npm_file(folder, COINS, 'dist/metadata/tokens.js') + b'\nconsole.log(JSON.stringify(tokens))\n')
    loaded: list[dict[str, Any]] = json.loads(run(['node', str(module)]))
    return loaded


def npm_file(folder: Path, package: str, name: str) -> bytes:
    """Return one file of an npm package."""
    print(f'fetching {package}', flush=True)
    archive_name = run(['npm', 'pack', '--silent', '--pack-destination', str(folder), package]).decode().strip()
    with tarfile.open(folder / archive_name) as archive:
        member = archive.extractfile(f'package/{name}')
        if member is None:
            raise FileNotFoundError(name)
        return member.read()


def run(command: list[str]) -> bytes:
    """Return what a command prints. Raises CalledProcessError if it fails."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


if __name__ == '__main__':
    main()
