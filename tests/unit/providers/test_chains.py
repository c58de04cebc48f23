"""Every currency whose addresses can be followed has all that following takes."""

import pytest

from chalicelib.domain import currencies
from chalicelib.domain.addresses import SUPPORTED
from chalicelib.domain.chains import CHAINS
from chalicelib.providers.explorers import EXPLORERS


@pytest.mark.parametrize('code', sorted(SUPPORTED))
def test_a_currency_that_can_be_followed_is_known_has_a_chain_and_two_explorers_that_need_no_key(code: str) -> None:
    assert currencies.get(code).kind == 'cryptocurrency'
    assert CHAINS[code].currency == code
    keyless = [explorer for explorer in EXPLORERS[code] if explorer.endpoint.url and not explorer.endpoint.needs_secret]
    assert len(keyless) >= (1 if code in ('bnb', 'avax', 'ada') else 2)


@pytest.mark.parametrize('code', sorted(EXPLORERS))
def test_explorers_of_a_chain_are_of_that_chain_and_balances_alone_are_asked_last(code: str) -> None:
    lists = [explorer.info.lists_transactions for explorer in EXPLORERS[code]]
    assert lists == sorted(lists, reverse=True)
    assert len({explorer.endpoint.key for explorer in EXPLORERS[code]}) == len(EXPLORERS[code])
