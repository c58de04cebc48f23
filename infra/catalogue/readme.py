"""What the README lists from the code: chains, rate sources, what is followed, explorers. `python -m infra.catalogue.readme` writes it."""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers import EXPLORERS, Explorer
from chalicelib.providers.rates import RATE_SOURCES

README = Path(__file__).parents[2] / 'README.md'
BEGIN = '<!-- explorers: written by `python -m infra.catalogue.readme` -->'
END = '<!-- /explorers -->'
BEGIN_FOLLOWED = '<!-- followed: written by `python -m infra.catalogue.readme` -->'
END_FOLLOWED = '<!-- /followed -->'
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


_HEAD_FOLLOWED = ('chain', 'code', 'followed', 'balances need', 'transactions need')
_NEEDS = ('no key', 'a free key', 'a paid key', 'your own server')  # the cheapest first


def main(arguments: list[str] | None = None) -> None:
    """Write each between its marks."""
    argparse.ArgumentParser(prog='python -m infra.catalogue.readme', description=__doc__).parse_args(arguments)
    README.write_text(renewed(README.read_text()))


def renewed(text: str) -> str:
    """Return the README as it should be. Raises ValueError if it lacks the marks."""
    text = _replace_between(BEGIN_CHAINS, END_CHAINS, _enumerate([currencies.get(code).title for code in CHAINS]), text)
    text = _replace_between(BEGIN_SOURCES, END_SOURCES, _enumerate([source.info.title for source in RATE_SOURCES]), text)
    text = _replace_between(BEGIN_FOLLOWED, END_FOLLOWED, f'\n{followed()}', text)
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


def followed() -> str:
    """Return a row for each chain: what of it is followed, and what that needs at least."""
    return _markdown(_HEAD_FOLLOWED, (_followed(code) for code in CHAINS))


def _followed(code: str) -> tuple[str, ...]:
    lists_tokens = any(explorer.info.lists_tokens for explorer in EXPLORERS[code])
    assets = f'the coin, {len(currencies.tokens_on(code))} tokens' if lists_tokens else 'the coin'
    listing = [explorer for explorer in EXPLORERS[code] if explorer.info.lists_transactions]
    return currencies.get(code).title, f'`{code}`', assets, _least(EXPLORERS[code]), _least(listing)


def _least(explorers: Iterable[Explorer]) -> str:
    return min((_need(explorer) or 'no key' for explorer in explorers), key=_NEEDS.index)


def _need(explorer: Explorer) -> str:
    if explorer.endpoint.needs_secret:
        return f'a {explorer.info.plan} key'
    return '' if explorer.endpoint.url else 'your own server'


def table() -> str:
    """Return a row for each explorer of each chain, in the order in which they are asked."""
    return _markdown(_HEAD, (row for code in CHAINS for row in _rows(code)))


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    rows = [head, ('---',) * len(head), *rows]
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
    yield _need(explorer)


if __name__ == '__main__':
    main()
