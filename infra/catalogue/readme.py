"""The README's table of chains and their explorers, generated from the code; `python -m infra.catalogue.readme` writes it."""

from collections.abc import Iterator
from pathlib import Path

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers import EXPLORERS, Explorer

README = Path(__file__).parents[2] / 'README.md'
BEGIN = '<!-- explorers: written by `python -m infra.catalogue.readme` -->'
END = '<!-- /explorers -->'
CAPABILITIES = {
    'balances': 'balances',
    'transactions': 'transactions',
    'sent_received': 'sent, received',
    'tokens': 'tokens',
    'p2pk_outputs': 'pay to public key',
    'unconfirmed': 'unconfirmed',
}
_HEAD = ('chain', 'code', 'explorers, in fail-over order', *CAPABILITIES.values(), 'history', 'needs')


def main() -> None:
    """Write the table between its marks."""
    README.write_text(renewed(README.read_text()))


def renewed(text: str) -> str:
    """Return the README with the table as it should be. Raises ValueError when it lacks the marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f'the README must have {BEGIN} and {END}')
    return f'{before}{BEGIN}\n{table()}{END}{after}'


def table() -> str:
    """Return a row for each explorer of each chain, in the order in which they are asked."""
    rows = [_HEAD, ('---',) * len(_HEAD), *(row for code in CHAINS for row in _rows(code))]
    return ''.join(f'| {" | ".join(row)} |\n' for row in rows)


def _rows(code: str) -> Iterator[tuple[str, ...]]:
    chain = (currencies.get(code).title, f'`{code}`')
    for explorer in EXPLORERS[code]:
        yield (*chain, f'[{explorer.info.title}]({explorer.info.documentation}) `{explorer.endpoint.key}`', *_cells(explorer))
        chain = ('', '')


def _cells(explorer: Explorer) -> Iterator[str]:
    info = explorer.info
    yield from ('yes' if capability in info.capabilities else '' for capability in CAPABILITIES)
    yield info.history if info.lists_transactions else ''
    yield 'a key' if explorer.endpoint.needs_secret else '' if explorer.endpoint.url else 'your own server'


if __name__ == '__main__':
    main()
