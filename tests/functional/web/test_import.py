"""Importing addresses and amounts as CSV: looked at before anything is stored, and stored once."""

import re
from html import unescape
from typing import Any

import pytest
from embit.bip32 import HDKey

from chalicelib.domain.addresses import descriptors
from chalicelib.models import Item
from chalicelib.web.address_lines import Pasted, Recogniser
from tests.support.api import Api
from tests.support.browser import FORM, Browser
from tests.support.calls import count_calls
from tests.support.hd_wallets import OTHER_XPUB, XPUB
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT

EVM = '0x00000000219ab540356cBB839Cbe05303d7705Fa'
WIF = '5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ'  # of Bitcoin's wiki
SEED = [*['abandon'] * 11, 'about']  # the first test vector of BIP-39
PATH = '/portfolios/1/import'
TOO_MUCH = 'Too many extended keys or descriptors at once: add the rest separately'
MIXED = f"""\ufeffTitle;Note;Address;Currency;Amount;Since\r
Cold wallet;kept;{SEGWIT};;;\r
Two chains;;{LEGACY};;;\r
'=1+1;;{LEGACY};btc;;\r
Again;;{SEGWIT};btc;;\r
;;{TAPROOT};;;\r
My key;{WIF};{EVM};eth;;\r
Bank;;;USD;12500.50;2020-01-31\r
;;;doge;-5;\r
Bad;;;usd;12,5;2999-01-01\r
Empty;;;;;\r
"""
NO_AMOUNT = '“12,5” is not an amount: write it without thousands separators, such as 12500.50'


def upload(browser: Browser, text: str | bytes, **fields: str) -> None:
    """Send the form as a browser does (RFC 7578)."""
    content = text if isinstance(text, bytes) else text.encode()
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in ({'csrf': browser.csrf()} | fields).items()
    ]
    parts.append(b'Content-Disposition: form-data; name="file"; filename="my.csv"\r\nContent-Type: text/csv\r\n\r\n' + content)
    body = b''.join(b'--x-1\r\n' + part + b'\r\n' for part in parts) + b'--x-1--\r\n'
    browser.request('POST', PATH, body, **{'Content-Type': 'multipart/form-data; boundary=x-1'})


def rows(page: str) -> list[str]:
    """Return what the page says of each line."""
    items = re.findall(r'<li><div>(.*?)</div></li>', page, re.S)
    return [' '.join(unescape(re.sub('<[^>]*>', ' ', item)).split()) for item in items]


def hidden(page: str) -> str:
    return unescape(re.search(r'name="lines" value="([^"]*)"', page)[1])


def made(api: Api) -> list[Any]:
    addresses, offsets = (api.get(f'/api/portfolios/1/{kind}').json_body['result'] for kind in ('addresses', 'offsets'))
    details = [api.get(f'/api/portfolios/1/offsets/{offset["id"]}').json_body['result'] for offset in offsets]
    told = [(each['title'], [(row['balance'], row['currency']) for row in each['balances']], each['since']) for each in details]
    return [[(each['title'], each['address'], each['currency']['code']) for each in addresses], told]


def test_lines_are_looked_at_then_added_once_and_what_is_wrong_is_left(logged_in: Browser, api: Api, queues: dict[str, str]):
    api.portfolio('First')
    api.address(1, TAPROOT)
    logged_in.get(PATH)
    assert (logged_in.status, 'enctype="multipart/form-data"' in logged_in.page) == (200, True)
    before = Item.count()

    upload(logged_in, MIXED, lines='')

    assert (logged_in.status, Item.count()) == (422, before)
    assert rows(logged_in.page) == [
        f'Line 2: Cold wallet Bitcoin, {SEGWIT[:8]}…{SEGWIT[-6:]}',
        'Line 3: Two chains This address matches several chains: write btc, bch into the column currency',
        f'Line 4: =1+1 Bitcoin, {LEGACY[:8]}…{LEGACY[-6:]}',
        f'Line 5: Again Bitcoin, {SEGWIT[:8]}…{SEGWIT[-6:]} This address is already on an earlier line',
        f'Line 6: Bitcoin address Bitcoin, {TAPROOT[:8]}…{TAPROOT[-6:]} The portfolio already has this address',
        'Line 7 This is a private key: never share it, enter the address instead',
        'Line 8: Bank 12,500.5 USD, since 31 January 2020',
        'Line 9: Dogecoin −5.0 DOGE',  # noqa: RUF001
        f'Line 10 {NO_AMOUNT} The column since must not be in the future',
        'Line 11 There is neither an address nor an amount on this line',
    ]
    assert (WIF in logged_in.page, 'Add 4 lines' in logged_in.text) == (False, True)

    confirmed = {'csrf': logged_in.csrf(), 'lines': hidden_after(logged_in), 'confirmed': 'yes'}
    for _ in range(2):
        logged_in.post(PATH, confirmed)
        assert (logged_in.status, '4 lines were added' in logged_in.text) == (422, True)
        assert [row.split(': ', 1)[-1].split(' ')[0] for row in rows(logged_in.page)][:3] == ['Two', 'Again', 'Bitcoin']
        assert made(api) == [
            [('My address', TAPROOT, 'btc'), ('Cold wallet', SEGWIT, 'btc'), ('=1+1', LEGACY, 'btc')],
            [('Bank', [('12500.5', 'usd')], '2020-01-31T00:00:00+00:00'), ('Dogecoin', [('-5.0', 'doge')], None)],
        ]


def hidden_after(browser: Browser) -> str:
    upload(browser, MIXED, lines='')
    return hidden(browser.page)


def test_what_is_exported_is_imported_again(logged_in: Browser, api: Api, queues: dict[str, str], requests_made: list[str]):
    api.portfolio('First')
    for title, address in (('=HYPERLINK("x")', SEGWIT), ('\'quoted\', "twice"', LEGACY)):
        api.address(1, address, title)
    offset = {'title': 'Debt', 'balances': [{'currency': 'usd', 'balance': '-12500.50'}, {'currency': 'eth', 'balance': '1.5'}]}
    assert api.post('/api/portfolios/1/offsets', offset).status_code == 201
    exported = [api.get(f'/api/portfolios/1/{kind}?format=csv').body.decode() for kind in ('addresses', 'offsets')]
    before = made(api)
    for kind in ('addresses/1', 'addresses/2', 'offsets/1'):
        assert api.delete(f'/api/portfolios/1/{kind}').status_code == 200

    logged_in.post(PATH, {'lines': exported[1]})
    assert (logged_in.status, 'name="confirmed"' in logged_in.page) == (422, False)  # that list has no amounts
    logged_in.post(PATH, {'lines': exported[0]})
    assert (logged_in.status, 'Add 2 lines' in logged_in.text) == (200, True)
    fields = {'csrf': logged_in.csrf(), 'lines': exported[0], 'confirmed': 'yes'}
    requests_made.clear()
    for _ in range(2):
        logged_in.post(PATH, fields)
        assert (logged_in.status, logged_in.location) == (303, '/portfolios/1')
    assert len(requests_made) <= 2 * 7  # session, user and contents; two for each line
    assert made(api)[0] == before[0]
    logged_in.post(PATH, {'lines': 'currency,balance,complete\r\nusd,-12500.50,true\r\neth,1.5,false\r\n', 'confirmed': 'yes'})
    assert made(api)[1] == [('United States dollar', [('-12500.5', 'usd')], None), ('Ethereum', [('1.5', 'eth')], None)]


@pytest.mark.parametrize(
    ('content', 'sentence'),
    [
        ('', 'Choose a file, or enter a line'),
        ('address\n', 'Choose a file, or enter a line'),
        ('1,usd\n' * 251, 'There are 251 lines: import at most 250 at a time, in several files'),
        ('1,usd\n' * 10_000, 'There are 10000 lines: import at most 250 at a time, in several files'),
        (f'{SEGWIT},btc,Cold\n' * 10_000, 'This is too large: import at most 250 lines, of 256 KB, at a time, in several files'),
        ('1,usd,Zürich'.encode('latin-1'), 'This file is not in UTF-8'),
        ('1,usd,x'.encode('utf-16'), 'This file is not in UTF-8'),
        (f'address,currency,{WIF}\n1,usd', 'This is a private key'),
        ('\n'.join(SEED), 'This is a private key'),
        ('currency,balance,balance_at,source,complete,covered,total\nbtc,1,2026-01-01,cryptfolio,true,1,1', 'This is a history'),
        ('reference,currency,delta,fee\nx,btc,1,0', 'This is a list of transactions'),
    ],
)
def test_what_cannot_be_imported_says_why(logged_in: Browser, api: Api, content: str | bytes, sentence: str):
    api.portfolio('First')

    upload(logged_in, content)

    assert (logged_in.status, sentence in logged_in.text) == (422, True)
    assert not any(secret in logged_in.page for secret in (WIF, SEED[0]))


@pytest.mark.parametrize('line', [f'1,usd,{"ab" * 32}', f'{WIF},btc', f'1;usd;{WIF}', 'zpub6qpX…igm1KHvf,btc,Wallet'])
def test_a_secret_in_any_cell_is_refused_and_not_repeated(logged_in: Browser, api: Api, line: str):
    api.portfolio('First')

    logged_in.post(PATH, {'lines': f'{line}\n1{";" if ";" in line else ","}usd'})

    assert (logged_in.status, logged_in.text.count('Line')) == (422, 2 + logged_in.text.count('Lines'))
    assert not any(secret in logged_in.page for secret in (WIF, 'ab' * 32))
    assert 'Add this line' in logged_in.text


def test_it_is_for_its_owner_alone_and_from_our_own_page(logged_in: Browser, other: Api):
    other.portfolio()

    for path in (PATH, '/portfolios/x/import'):
        assert logged_in.get(path).status_code == 404
    assert logged_in.request('POST', PATH, b'lines=1%2Cusd', **{'Content-Type': FORM}).status_code == 403


def test_an_amount_is_read_as_the_language_writes_it_and_what_we_exported_as_it_was(logged_in: Browser, api: Api):
    api.portfolio('First')
    logged_in.headers = {'Accept-Language': 'de'}

    upload(logged_in, 'Title;Amount;Currency\r\nBank;12500,50;eur\r\nGold;1.234;usd\r\n')
    assert rows(logged_in.page) == [
        'Zeile 2: Bank 12.500,5 EUR',
        'Zeile 3 „1.234“ kann zwei Beträge bedeuten: Schreiben Sie 1234 oder 1.2340',
    ]
    upload(logged_in, 'currency,balance\r\nbtc,1.234\r\n')
    assert rows(logged_in.page) == ['Zeile 2: Bitcoin 1,234 BTC']


@pytest.mark.parametrize('path', [PATH, '/portfolios/1/addresses'])
def test_of_descriptors_only_so_many_are_read_at_a_time(logged_in: Browser, api: Api, path: str):
    api.portfolio('First')
    keys = [f'{key}/<0;1;2;3;4;5;6;7>' for key in (XPUB, OTHER_XPUB)]
    lines = [f'wsh(sortedmulti(1,{",".join(f"{key}/{number}/*" for key in keys)}))' for number in range(99)]
    assert sum(map(len, lines)) > 25_000

    if path == PATH:
        logged_in.post(path, {'lines': '\n'.join(f'"{line}",btc' for line in lines)})
    else:
        logged_in.post(path, {'addresses': '\n'.join(lines)})

    refused = logged_in.text.count(TOO_MUCH)
    assert len(lines) - refused == pytest.approx(6_000 // descriptors.work(lines[50]), abs=1)


@pytest.mark.parametrize('path', [PATH, '/portfolios/1/addresses', '/portfolios'])
@pytest.mark.parametrize(
    ('line', 'most'),
    [
        (XPUB + '/{}' + '/0' * 60 + '/*', 0),
        ('wpkh(' + XPUB + '/{}' + '/0' * 60 + '/*)', 0),
        (XPUB + '/{}/0' + '/1' * 5 + '/<0;1;2;3;4;5;6;7>/*', 6_000),
        ('bitcoin:' + XPUB + '/<0;1;2;3;4;5;6;{}>/1/1/1/1/1/1/1/*?amount=1', 6_000),
    ],
    ids=['steps', 'steps of a descriptor', 'branches', 'branches in a payment request'],
)
def test_of_keys_only_so_much_is_derived_at_a_time(
    logged_in: Browser, api: Api, monkeypatch: pytest.MonkeyPatch, path: str, line: str, most: int
):
    api.portfolio('First')
    derived = count_calls(monkeypatch, HDKey, 'child')
    lines = [line.format(number + 9) for number in range(100)]
    if path == PATH:
        logged_in.post(path, {'lines': '\n'.join(f'"{line}",btc' for line in lines)})
    else:
        fields = {'title': ''} if path == '/portfolios' else {}
        logged_in.post(path, fields | {'addresses': '\n'.join(lines), 'chain-btc-2': 'btc'})

    assert len(derived) <= most
    assert logged_in.text.count(TOO_MUCH if most else 'of up to eight steps each') >= 30


@pytest.mark.parametrize('line', [SEGWIT, TAPROOT, EVM, f'addr1{"q" * 98}', f'[73c5da0a/84h/0h/0h]{XPUB}/<0;1>/*'])
def test_what_people_have_is_never_too_much(line: str):
    recogniser = Recogniser({})
    found = [recogniser.recognise(Pasted(number, line, line, '', '')).fault for number in range(300)]
    assert TOO_MUCH not in found


def test_a_line_that_is_too_much_may_still_be_a_secret():
    recogniser = Recogniser({})
    wide = f'wsh(multi(1,{",".join([f"{XPUB}/<0;1;2;3;4;5;6;7>/1/1/1/1/*"] * 20)}))'
    assert [recogniser.recognise(Pasted(number, wide, wide, '', '')).fault for number in range(5)][-1] == TOO_MUCH
    secret = wide.replace(
        XPUB, 'xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi', 1
    )
    assert recogniser.recognise(Pasted(6, secret, secret, '', '')).is_secret
