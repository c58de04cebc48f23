"""Every chain has all that following its addresses requires; a message says what to add where something is missing."""

import pytest

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers import EXPLORERS

KEYLESS_AT_LEAST = dict.fromkeys(('bnb', 'avax', 'ada'), 1)  # no second explorer serves them without an API key
each_chain = pytest.mark.parametrize('code', CHAINS)


def test_every_chain_has_explorers_and_no_explorers_are_left_over() -> None:
    assert EXPLORERS.keys() == CHAINS.keys(), 'a chain needs a Chain in domain/chains.py and a row in providers/explorers/__init__.py'


@each_chain
def test_the_coin_of_a_chain_is_in_the_catalogue(code: str) -> None:
    coin = currencies.find(code)
    assert coin is not None, f'add {code} to infra/catalogue/cryptocurrencies.csv and run `python -m infra.catalogue`'
    assert coin.kind == 'cryptocurrency'


@each_chain
def test_a_chain_has_two_explorers_that_need_no_key(code: str) -> None:
    keyless = [explorer for explorer in EXPLORERS[code] if explorer.endpoint.url and not explorer.endpoint.needs_secret]
    assert len(keyless) >= KEYLESS_AT_LEAST.get(code, 2), f'find another explorer of {code}, or add it to KEYLESS_AT_LEAST and say why'


@pytest.mark.parametrize('code', [code for code, chain in CHAINS.items() if chain.legacy_prefixes])
def test_a_chain_of_unspent_outputs_has_public_explorers_of_two_kinds(code: str) -> None:
    kinds = {type(explorer) for explorer in EXPLORERS[code] if explorer.endpoint.url and not explorer.endpoint.needs_secret}
    assert len(kinds) >= KEYLESS_AT_LEAST.get(code, 2), f'all public explorers of {code} have the same API, and so the same faults'


@each_chain
def test_all_explorers_of_a_chain_tell_its_tokens_if_the_catalogue_has_any(code: str) -> None:
    assert {explorer.info.lists_tokens for explorer in EXPLORERS[code]} == {bool(currencies.tokens_on(code))}


@each_chain
def test_explorers_that_list_no_transactions_are_asked_last(code: str) -> None:
    lists = [explorer.info.lists_transactions for explorer in EXPLORERS[code]]
    assert lists == sorted(lists, reverse=True)


@each_chain
def test_the_explorers_of_a_chain_have_different_keys_and_read_that_chain(code: str) -> None:
    assert len({explorer.endpoint.key for explorer in EXPLORERS[code]}) == len(EXPLORERS[code])
    assert {explorer.chain.currency for explorer in EXPLORERS[code] if hasattr(explorer, 'chain')} == {code}
