"""What parses a text that people type or applications send raises what it says, whatever the text: anything else is answered by a 500."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain import (
    balance_formats,
    browsers,
    credentials,
    currencies,
    hd_wallets,
    instants,
    money,
    recognition,
    redirect_uris,
    tables,
    titles,
)
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from chalicelib.errors import Invalid, NotFound

Parser = Callable[[str], object]
PRINTED = 'abcXYZ0189 \t\r\n"\'()*+,-./:;<=>?@[\\]^_`{|}~%#&!$\x00²٣éẞİΣ\u200b\u2028\U0001f600'
XPUB = 'xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8'  # BIP-32's


def normalise_everywhere(text: str) -> None:
    for currency, chain in CHAINS.items():
        try:
            hd_wallets.identify(currency, chain.normalise(text))
        except BadAddress as refused:
            recognition.reason(text, 'btc', refused)


# What parses, what it may raise, and texts that it takes, of which others are made.
PARSERS: dict[str, tuple[Parser, tuple[type[Exception], ...], list[str]]] = {
    'addresses': (
        normalise_everywhere,
        (),
        ['bitcoin:1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu?amount=1', f'wpkh([d34db33f/84h/0h/0h]{XPUB}/0/*)', XPUB],
    ),
    'addresses of any chain': (recognition.chains_of, (BadAddress,), ['0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359']),
    'amounts': (lambda text: money.parse_amount(text, 8), (ValueError,), ['-1.50', '1e5', 'NaN']),
    'application names': (credentials.parse_application_name, (Invalid,), ['Charts', 'Crypt|Folio']),
    'balances': (
        balance_formats.parse,
        (balance_formats.UnknownFormat,),
        ['1.5 btc', '{"btc": "1.5"}', '[{"currency": "btc"}]', 'currency,balance\nbtc,1'],
    ),
    'browsers': (browsers.name_browser, (), ['Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0']),
    'currencies': (currencies.require, (NotFound,), ['btc', 'x-kraken-kfee']),
    'email addresses': (credentials.parse_email, (Invalid,), ['ann.lee+1@example.com']),
    'instants': (instants.parse, (ValueError,), ['2017-11-06T04:54:54+00:00', '2017-11-06', '20171106T045454Z']),
    'mailboxes': (credentials.mailbox_of, (), ['ann.lee+1@example.com']),
    'names': (credentials.parse_name, (Invalid,), ['Ann']),
    'passwords': (lambda text: credentials.check_new_password(text, text), (Invalid,), ['correct horse']),
    'redirect URIs': (
        lambda text: redirect_uris.parse_redirect_uri(text, False),
        (Invalid,),
        ['http://[::1]:80/', 'https://[2001:db8::1]/', 'https://a.example:1/', 'com.example.app:/cb'],
    ),
    'secrets': (recognition.require_no_secret, (BadAddress,), ['wpkh(xprv9)']),
    'tables': (tables.from_csv, (tables.BadTable,), ['a,"b"\n"c\nd",e']),
    'titles': (titles.parse, (titles.BadTitle,), ['My portfolio']),
}


@st.composite
def texts_like(draw: st.DrawFn, examples: list[str]) -> str:
    """Any text, or one of the examples with a few places of it changed."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.text(st.characters() | st.sampled_from(PRINTED), max_size=60))
    text = draw(st.sampled_from(examples))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 3)))
        text = text[:start] + draw(st.text(st.sampled_from(PRINTED) | st.sampled_from(text or 'x'), max_size=3)) + text[end:]
    return text


@pytest.mark.parametrize('name', PARSERS)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200)
@given(data=st.data())
def test_a_parser_raises_what_it_says(name: str, data: st.DataObject) -> None:
    parse, refusals, examples = PARSERS[name]
    text = data.draw(texts_like(examples))

    with contextlib.suppress(refusals):
        parse(text)
