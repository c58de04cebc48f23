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


def test_every_capability_has_a_column():
    told = {capability for chain in EXPLORERS.values() for explorer in chain for capability in explorer.info.capabilities}

    assert told == set(readme.CAPABILITIES)


def test_a_readme_without_the_marks_is_left_alone():
    with pytest.raises(ValueError, match='must have'):
        readme.renewed('nothing')
