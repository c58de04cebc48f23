import json

import pytest

from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.currencies import Currency, every
from infra.catalogue import rules, token_ids
from infra.catalogue.__main__ import OUTPUT
from infra.catalogue.rules import Candidate, free_code, merge, read_fiat, read_tokens

USDT = '0xdAC17F958D2ee523a2206206994597C13D831ec7'
DAI = '0x6B175474E89094C44Da98b954EedeAC495271d0F'
MNT = '0x3c3a81e81dc49A522A592e7622A7E711c06bf354'
XRP_ISSUER = 'rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De'
ISSUER = 'GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN'
THEN, NOW = 1_700_000_000, 1_800_000_000


def coin(code: str) -> Candidate:
    return Candidate(code, code.upper(), 'cryptocurrency', 8, None, {'coingecko': code})


def token(code: str, contract: str, chain: str = 'eth') -> Candidate:
    return Candidate(code, code.upper(), 'token', 18, contract, {'coingecko': code}, chain)


def by_code(currencies: list[Currency]) -> dict[str, int]:
    return {currency.code: currency.id for currency in currencies}


def iso(*entries: str) -> bytes:
    return f'<ISO_4217><CcyTbl>{"".join(entries)}</CcyTbl></ISO_4217>'.encode()


def iso_entry(code: str, minor_units: str, fund: str = '') -> str:
    return f'<CcyNtry><CcyNm{fund}>name</CcyNm><Ccy>{code}</Ccy><CcyMnrUnts>{minor_units}</CcyMnrUnts></CcyNtry>'


def test_new_currencies_are_numbered_in_the_order_of_their_sources():
    assert by_code(merge([], [coin('btc'), coin('ltc')], THEN).currencies) == {'btc': 1, 'ltc': 2}


def test_a_known_currency_keeps_its_id_in_whatever_order_it_comes():
    first = merge([], [coin('btc'), coin('ltc')], THEN).currencies
    assert by_code(merge(first, [coin('new'), coin('ltc'), coin('btc')], NOW).currencies) == {'btc': 1, 'ltc': 2, 'new': 3}


def test_a_known_contract_keeps_id_and_code_when_its_symbol_changes():
    first = merge([], [token('old', USDT)], THEN).currencies
    (renamed,) = merge(first, [token('renamed', USDT.lower())], NOW).currencies
    assert (renamed.id, renamed.code, renamed.title) == (1, 'old', 'RENAMED')


def test_a_currency_that_no_source_names_any_more_stays_and_is_reported():
    first = merge([], [coin('btc'), coin('ltc')], THEN).currencies
    merged = merge(first, [coin('btc')], NOW)
    assert (by_code(merged.currencies), merged.unnamed) == ({'btc': 1, 'ltc': 2}, ['ltc'])


def dates(currencies: list[Currency]) -> dict[str, tuple[int, int]]:
    return {currency.code: (currency.created_at, currency.updated_at) for currency in currencies}


def test_a_currency_of_which_nothing_new_is_said_keeps_its_dates():
    first = merge([], [coin('btc'), token('usdt', USDT)], THEN).currencies
    again = merge(first, [coin('btc'), token('usdt', USDT)], NOW).currencies
    assert dates(again) == {'btc': (THEN, THEN), 'usdt': (THEN, THEN)}


def test_a_currency_that_comes_in_later_is_dated_then():
    first = merge([], [coin('btc')], THEN).currencies
    assert dates(merge(first, [coin('btc'), coin('ltc')], NOW).currencies) == {'btc': (THEN, THEN), 'ltc': (NOW, NOW)}


@pytest.mark.parametrize('changes', [{'title': 'Changed'}, {'decimals': 9}, {'prices': {'coingecko': 'changed'}}])
def test_a_currency_of_which_something_new_is_said_is_dated_as_updated(changes):
    first = merge([], [coin('btc')], THEN).currencies
    assert dates(merge(first, [coin('btc')._replace(**changes)], NOW).currencies) == {'btc': (THEN, NOW)}


def test_a_token_whose_symbol_is_taken_gets_a_suffix():
    assert by_code(merge([], [coin('mnt'), token('mnt', MNT)], NOW).currencies) == {'mnt': 1, 'mnt-eth': 2}


def test_a_token_whose_suffixed_code_is_taken_gets_a_number():
    candidates = [coin('mnt'), token('mnt', MNT), token('mnt', USDT), token('mnt', DAI)]
    assert list(by_code(merge([], candidates, NOW).currencies)) == ['mnt', 'mnt-eth', 'mnt-eth-2', 'mnt-eth-3']


def test_a_token_of_another_chain_has_its_name_where_the_symbol_is_taken():
    candidates = [token('usdt', USDT), token('usdt', USDT, 'eth-base'), token('usdt', USDT, 'bnb'), token('wbnb', DAI, 'bnb')]
    assert list(by_code(merge([], candidates, NOW).currencies)) == ['usdt', 'usdt-base', 'usdt-bnb', 'wbnb']


def test_the_same_contract_on_two_chains_is_two_tokens_that_keep_their_ids():
    first = merge([], [token('weth', USDT, 'eth-optimism'), token('weth', USDT, 'eth-base')], THEN).currencies
    again = merge(first, [token('weth', USDT, 'eth-base'), token('weth', USDT, 'eth-optimism')], NOW).currencies
    assert by_code(again) == {'weth': 1, 'weth-base': 2}
    assert [currency.chain for currency in again] == ['eth-optimism', 'eth-base']


def test_a_coin_that_several_chains_have_is_named_with_the_chain():
    assert by_code(merge([], [coin('eth'), coin('eth-base')], NOW).currencies) == {'eth': 1, 'eth-base': 2}


def test_the_list_kept_by_hand_says_how_a_balance_comes_about():
    chosen = f'contract,code,title,decimals,coingecko,chain,balance\n{USDT},usdt,Tether,6,tether,bnb,rebasing\n{DAI},dai,Dai,18,dai,,\n'
    read = read_tokens({'tokens': []}, [], chosen)
    assert [(one.chain, one.balance_kind) for one in read] == [('bnb', 'rebasing'), ('eth', 'plain')]


def test_a_kind_of_balance_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match='no kind of balance: growing'):
        read_tokens({'tokens': []}, [], f'contract,code,title,decimals,coingecko,chain,balance\n{DAI},dai,Dai,18,dai,,growing\n')


@pytest.mark.parametrize('word', ['history', 'cryptocurrencies', 'fiat', 'tokens'])
def test_a_token_named_like_a_word_of_the_paths_gets_a_suffix(word):
    assert free_code(token(word, USDT), set()) == f'{word}-eth'


def test_a_coin_whose_code_is_taken_must_be_named_by_hand():
    with pytest.raises(ValueError, match='the code mnt is taken'):
        free_code(coin('mnt'), {'mnt'})


def test_a_symbol_that_does_not_fit_a_path_is_refused():
    with pytest.raises(ValueError, match='not a code'):
        free_code(token('a/b', USDT), set())


def test_fiat_is_money_only():
    listed = iso(
        iso_entry('KWD', '3'),
        iso_entry('XAU', 'N.A.'),
        iso_entry('CLF', '4', ' IsFund="true"'),
        iso_entry('UYW', '4'),
        '<CcyNtry><CcyNm>No universal currency</CcyNm></CcyNtry>',
    )
    read = read_fiat(listed, 'code,title,ecb,coingecko_vs\nkwd,Kuwaiti dinar,,kwd\n')
    assert read == [Candidate('kwd', 'Kuwaiti dinar', 'fiat', 3, None, {'coingecko_vs': 'kwd'})]


def test_fiat_withdrawn_from_the_standard_is_not_read():
    titles = 'code,title,ecb,coingecko_vs\nbgn,Bulgarian lev,,\neur,Euro,EUR,eur\n'
    assert [candidate.code for candidate in read_fiat(iso(iso_entry('EUR', '2')), titles)] == ['eur']


def test_fiat_without_a_title_is_an_error():
    with pytest.raises(ValueError, match='no title for eur'):
        read_fiat(iso(iso_entry('EUR', '2')), 'code,title,ecb,coingecko_vs\n')


def test_a_listed_token_is_read_only_with_a_price_source():
    listed = {'tokens': [{'chainId': 1, 'address': a, 'symbol': s, 'decimals': 6} for a, s in ((USDT, 'USDT'), (DAI, 'DAI'))]}
    coins = [{'id': 'tether', 'name': 'Tether', 'addresses': {'ethereum': USDT.lower()}}, {'id': 'bitcoin', 'name': 'Bitcoin'}]
    read = read_tokens(listed, coins, 'contract,code,title,decimals,coingecko\n')
    assert read == [Candidate('usdt', 'Tether', 'token', 6, USDT, {'coingecko': 'tether'}, 'eth')]


def test_a_listed_token_of_another_chain_is_not_read():
    listed = {'tokens': [{'chainId': 10, 'address': USDT, 'symbol': 'USDT', 'decimals': 6}]}
    coins = [{'id': 'tether', 'name': 'Tether', 'addresses': {'ethereum': USDT}}]
    assert read_tokens(listed, coins, 'contract,code,title,decimals,coingecko\n') == []


def test_the_list_kept_by_hand_overrides_the_token_list():
    listed = {'tokens': [{'chainId': 1, 'address': USDT, 'symbol': 'WRONG', 'decimals': 7}]}
    coins = [{'id': 'wrong', 'name': 'Wrong', 'addresses': {'ethereum': USDT}}]
    read = read_tokens(listed, coins, f'contract,code,title,decimals,coingecko\n{USDT.lower()},usdt,Tether,6,tether\n')
    assert read == [Candidate('usdt', 'Tether', 'token', 6, USDT, {'coingecko': 'tether'}, 'eth')]


def test_the_catalogue_is_written_as_the_generator_writes_it():
    text = OUTPUT.read_text()
    assert text == rules.dump(every())
    assert len(text.splitlines()) == len(json.loads(text)) + 2


def test_every_contract_of_the_catalogue_is_valid_on_its_chain_and_in_the_one_spelling():
    tokens = [currency for currency in every() if currency.contract and currency.chain]
    assert [token.code for token in tokens if token.contract != token_ids.canonical(token.chain, token.contract)] == []


@pytest.mark.parametrize(
    ('chain', 'text'),
    [
        ('eth', '0x12'),
        ('sol', 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTD'),
        ('sol', DAI),
        ('ada', 'ab' * 27),
        ('ada', 'AB' * 30),
        ('xrp', f'RLUSD.{XRP_ISSUER}'),
        ('xrp', 'USD'),
        ('xlm', 'USDC'),
        ('xlm', f'US/DC-{ISSUER}'),
        ('xlm', f'-{ISSUER}'),
        ('xlm', f'USDC-{ISSUER[:-1]}A'),
    ],
)
def test_what_identifies_no_token_is_refused(chain, text):
    with pytest.raises(BadAddress):
        token_ids.canonical(chain, text)
