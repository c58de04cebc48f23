"""What the README lists from the code: chains, rate sources, and a table of explorers. `python -m infra.catalogue.readme` writes it."""

from collections.abc import Iterator
from pathlib import Path

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers import EXPLORERS, Explorer
from chalicelib.providers.rates import RATE_SOURCES

README = Path(__file__).parents[2] / 'README.md'
BEGIN = '<!-- explorers: written by `python -m infra.catalogue.readme` -->'
END = '<!-- /explorers -->'
BEGIN_CHAINS, END_CHAINS = '<!-- chains -->', '<!-- /chains -->'
BEGIN_SOURCES, END_SOURCES = '<!-- rate sources -->', '<!-- /rate sources -->'
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
    """Write each between its marks."""
    README.write_text(renewed(README.read_text()))


def renewed(text: str) -> str:
    """Return the README as it should be. Raises ValueError if it lacks the marks."""
    text = _replace_between(BEGIN_CHAINS, END_CHAINS, _enumerate([currencies.get(code).title for code in CHAINS]), text)
    text = _replace_between(BEGIN_SOURCES, END_SOURCES, _enumerate([source.info.title for source in RATE_SOURCES]), text)
    return _replace_between(BEGIN, END, f'\n{table()}', text)


def _enumerate(names: list[str]) -> str:
    """Return names as one phrase: `Bitcoin, Litecoin and Cardano`."""
    return f'{", ".join(names[:-1])} and {names[-1]}'


def _replace_between(begin: str, end: str, content: str, text: str) -> str:
    before, has_begin, rest = text.partition(begin)
    _, has_end, after = rest.partition(end)
    if not (has_begin and has_end):
        raise ValueError(f'the README must have {begin} and {end}')
    return f'{before}{begin}{content}{end}{after}'


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
