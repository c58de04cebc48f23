"""The README tells what the code can do."""

import pytest

from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers import EXPLORERS
from infra.catalogue import readme


def test_the_table_of_explorers_is_that_of_the_code():
    text = readme.README.read_text()

    assert readme.renewed(text) == text, 'run `python -m infra.catalogue.readme`'


def test_every_explorer_of_every_chain_has_a_row():
    keys = [row.split('`')[-2] for row in readme.table().splitlines()[2:]]

    assert keys == [explorer.endpoint.key for chain in CHAINS for explorer in EXPLORERS[chain]]


@pytest.mark.parametrize(
    ('chain', 'assets', 'balances', 'transactions'),
    [
        ('btc', 'the coin', 'no key', 'no key'),
        ('etc', 'the coin', 'no key', 'no key'),
        ('bnb', 'the coin, 3 tokens', 'no key', 'a paid key'),
        ('avax', 'the coin, 3 tokens', 'no key', 'no key'),
        ('eth-base', 'the coin, 3 tokens', 'no key', 'no key'),
    ],
)
def test_a_chain_says_what_is_followed_and_what_that_needs(chain: str, assets: str, balances: str, transactions: str):
    rows = [row.strip('| ').split(' | ') for row in readme.followed().splitlines()[2:]]

    assert [row[1] for row in rows] == [f'`{code}`' for code in CHAINS]
    assert [row[2:] for row in rows if row[1] == f'`{chain}`'] == [[assets, balances, transactions]]


def test_every_capability_has_a_column():
    told = {capability for chain in EXPLORERS.values() for explorer in chain for capability in explorer.info.capabilities}

    assert told == set(readme.CAPABILITIES)


def test_a_readme_without_the_marks_is_left_alone():
    with pytest.raises(ValueError, match='must have'):
        readme.renewed('nothing')
