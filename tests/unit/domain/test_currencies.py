import re
from collections import Counter
from datetime import date

import pytest

from chalicelib.domain import currencies
from chalicelib.domain.chains import CHAINS
from chalicelib.domain.currencies import Currency, every, find
from chalicelib.domain.successions import SUCCESSIONS


def found(code: str) -> Currency:
    currency = find(code)
    assert currency is not None
    return currency


def test_bitcoin_is_the_first_currency():
    assert (found('btc').id, found('btc').title, found('btc').kind, found('btc').decimals) == (1, 'Bitcoin', 'cryptocurrency', 8)


def test_the_united_states_dollar_is_the_second_currency():
    assert (found('usd').id, found('usd').title, found('usd').kind) == (2, 'United States dollar', 'fiat')


def test_a_code_is_found_in_any_case():
    assert found('BTC') is found('Btc') is found('btc')


def test_an_unknown_code_is_none():
    assert find('nosuchcurrency') is None


def test_a_stored_code_that_is_unknown_is_an_error():
    with pytest.raises(KeyError):
        currencies.get('nosuchcurrency')


def test_the_catalogue_is_ordered_by_id():
    ids = [currency.id for currency in every()]
    assert ids == sorted(ids)


def test_no_id_is_given_twice():
    assert len({currency.id for currency in every()}) == len(every())


def test_no_code_is_given_twice():
    assert len({currency.code for currency in every()}) == len(every())


def test_no_contract_is_listed_twice():
    contracts = [(currency.chain, currency.contract) for currency in every() if currency.contract]
    assert len(set(contracts)) == len(contracts)


def test_codes_are_lower_case_words_that_fit_a_path():
    names = '|'.join(code.removeprefix('eth-') for code in CHAINS)
    assert [currency.code for currency in every() if not re.fullmatch(f'[a-z0-9]+(-({names})(-[0-9]+)?)?', currency.code)] == []


@pytest.mark.parametrize('word', ['history', 'cryptocurrencies', 'fiat', 'tokens'])
def test_words_of_the_paths_are_no_codes(word):
    assert find(word) is None


def test_every_kind_is_well_represented():
    kinds = Counter(currency.kind for currency in every())
    assert kinds.keys() == {'cryptocurrency', 'fiat', 'token'}
    assert kinds['cryptocurrency'] >= 200
    assert kinds['token'] >= 200
    assert kinds['fiat'] >= 150


@pytest.mark.parametrize(('code', 'minor_units'), [('usd', 2), ('eur', 2), ('jpy', 0), ('krw', 0), ('kwd', 3), ('bhd', 3), ('clp', 0)])
def test_fiat_has_the_minor_units_of_iso_4217(code, minor_units):
    assert found(code).decimals == minor_units


@pytest.mark.parametrize(('code', 'decimals'), [('eth', 18), ('xrp', 6), ('ltc', 8), ('doge', 8), ('dash', 8), ('sol', 9), ('xlm', 7)])
def test_coins_have_the_smallest_unit_of_their_chain(code, decimals):
    assert found(code).decimals == decimals


@pytest.mark.parametrize('code', ['xau', 'xag', 'xdr', 'xts', 'xxx', 'clf', 'che', 'bov', 'usn', 'uyw', 'xad'])
def test_metals_funds_and_test_codes_are_not_listed(code):
    assert find(code) is None


@pytest.mark.parametrize('code', ['cuc', 'dem', 'ltl', 'trl'])
def test_withdrawn_fiat_is_not_listed(code):
    assert find(code) is None


@pytest.mark.parametrize('code', ['bgn', 'hrk', 'ang', 'zwl', 'sll', 'byr', 'mro', 'std', 'vef'])
def test_withdrawn_fiat_that_converts_by_a_fixed_ratio_is_listed(code):
    assert SUCCESSIONS[code].since <= date(2026, 1, 1)
    assert found(code).kind == 'fiat'


@pytest.mark.parametrize(('code', 'title'), [('gbp', 'Pound sterling'), ('jpy', 'Japanese yen'), ('eur', 'Euro')])
def test_fiat_has_its_english_name_with_the_unit_in_lower_case(code, title):
    assert found(code).title == title


def test_exactly_the_tokens_have_a_contract():
    assert {currency.kind for currency in every() if currency.contract} == {'token'}
    assert {currency.kind for currency in every() if not currency.contract} == {'cryptocurrency', 'fiat'}


def test_contracts_have_the_form_that_they_have_on_their_chain():
    forms = {
        'ada': '[0-9a-f]{56,120}',
        'sol': '[1-9A-HJ-NP-Za-km-z]{32,44}',
        'xlm': '[A-Za-z0-9]{1,12}-G[A-Z2-7]{55}',
        'xrp': '([A-Z]{3}|[0-9A-F]{40})[.]r[1-9A-HJ-NP-Za-km-z]{24,34}',
    }
    tokens = [currency for currency in every() if currency.contract]
    assert [token.contract for token in tokens if not re.fullmatch(forms.get(token.chain, '0x[0-9a-fA-F]{40}'), token.contract)] == []


def test_tether_is_found_at_its_contract():
    assert (found('usdt').contract, found('usdt').decimals) == ('0xdAC17F958D2ee523a2206206994597C13D831ec7', 6)


@pytest.mark.parametrize(
    ('code', 'contract'),
    [
        ('usdc-sol', 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v'),  # developers.circle.com/stablecoins/usdc-contract-addresses
        ('usdt-sol', 'Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB'),  # tether.to/supported-protocols
        ('usdc-xlm', 'USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN'),
        ('rlusd-xrp', '524C555344000000000000000000000000000000.rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De'),  # docs.ripple.com
        ('eurc-xlm', 'EURC-GDHU6WRG4IEQXM5NZ4BMPKOXHW76MZM4Y2IEMFDVXBSDP6SJY4ITNPP2'),
    ],
)
def test_dollars_of_other_chains_are_those_of_their_issuers_at_the_price_of_these(code, contract):
    assert (found(code).contract, found(code).prices) == (contract, found(code.partition('-')[0]).prices)


def test_a_token_yields_its_code_to_a_fiat_currency():
    assert found('mnt').title == 'Mongolian tögrög'
    assert found('mnt-eth').title == 'Mantle'


def test_exactly_the_tokens_are_on_a_chain():
    assert {currency.kind for currency in every() if currency.chain} == {'token'}
    assert {currency.chain for currency in every() if currency.kind == 'token'} <= CHAINS.keys()


@pytest.mark.parametrize('chain', ['eth', 'pol', 'bnb', 'avax', 'eth-arbitrum', 'eth-optimism', 'eth-base', 'sol', 'xlm', 'xrp'])
def test_every_followed_chain_of_contracts_has_the_dollars_that_people_hold(chain):
    titles = {token.title for token in currencies.tokens_on(chain)}
    assert any('USDC' in title for title in titles)


@pytest.mark.parametrize('code', ['eth-arbitrum', 'eth-optimism', 'eth-base'])
def test_ether_on_another_chain_has_the_price_of_ether(code):
    assert (found(code).prices, found(code).decimals) == (found('eth').prices, found('eth').decimals)


@pytest.mark.parametrize(
    ('kind', 'codes'),
    [
        ('wrapped', {'weth', 'wbnb', 'wpol', 'wavax', 'weth-optimism', 'weth-base'}),
        ('rebasing', {'steth', 'ampl', 'ousd', 'oeth', 'eeth'}),
        ('fee_on_transfer', {'paxg'}),
    ],
)
def test_tokens_whose_balance_is_more_than_their_transfers_are_marked(kind, codes):
    assert {currency.code for currency in every() if currency.balance_kind == kind} == codes


@pytest.mark.parametrize('code', ['wsteth', 'weeth', 'reth', 'cbeth', 'susds', 'susde', 'usdy', 'weth-arbitrum', 'usdc', 'usdt', 'eth'])
def test_what_only_earns_by_its_price_is_not_marked(code):
    assert not found(code).moves_by_itself
    assert found(code).balance_kind == 'plain'


def test_the_coin_of_polygon_seen_as_a_token_is_not_listed():
    """Its contract 0x…1010 shows the same coins again."""
    assert '0x0000000000000000000000000000000000001010' not in [token.contract for token in currencies.tokens_on('pol')]


def test_every_cryptocurrency_and_token_has_a_price_source():
    assert [currency.code for currency in every() if currency.kind != 'fiat' and not currency.prices.get('coingecko')] == []


def test_no_fiat_currency_passes_for_a_coin():
    assert [currency.code for currency in every() if currency.kind == 'fiat' and 'coingecko' in currency.prices] == []


def test_nobody_can_change_the_catalogue_by_accident():
    with pytest.raises(TypeError):
        found('btc').prices['coingecko'] = 'other'
