"""How the catalogue of currencies comes from its sources. Pure: neither network nor files.

Rules:

* A cryptocurrency is what `cryptocurrencies.csv` lists: coins of chains, and large tokens of chains other than Ethereum. One
  that its own chain counts in two units (a Cosmos denomination beside an EVM one) has the finer. One whose ticker is a fiat
  currency's code goes by its chain's name (`ronin`, `scroll`).
* Fiat is every active code of ISO 4217 that is money: without funds codes (`IsFund`), without codes that have no minor unit
  (metals, SDR, XTS, XXX and the like) and without the units of account that nobody can hold; and the currencies of
  `replaced.csv`, which have a successor (`chalicelib/domain/successions.py`) but may still be held.
* A token is an ERC-20 contract that has a price source, on Ethereum's main network unless `tokens.csv` names another chain, or what
  another chain has in its place (an SPL token's mint). One that is in `cryptocurrencies.csv` too is another currency, of the same price:
  there it may be held anywhere, at an exchange for one. Its code
  is its symbol; where that belongs to another currency or is a word of the API's paths, the name of its chain is appended:
  `-eth` (then `-eth-2`, `-eth-3`), `-bnb`, `-arbitrum`. A coin that is not its chain's own is named like that too: `eth-base`.
* A bridged token that can be exchanged one to one for what it stands for has the price of that.
* Once in the catalogue, a currency keeps its id and its code, and stays when its source no longer names it: people hold it.
  A contract on a chain (tokens) or a code (the others) says which it is. New ones get the next free ids.
* `created_at` is when a currency came in, `updated_at` when anything else about it last changed.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from io import StringIO
from typing import Any, NamedTuple
from xml.etree import ElementTree

from chalicelib.domain.currencies import BALANCE_KINDS, PLAIN, Currency
from infra.catalogue import token_ids

RESERVED = frozenset({'history', 'cryptocurrencies', 'fiat', 'tokens'})
UNITS_OF_ACCOUNT = frozenset({'UYW', 'XAD'})
# Superseded by another contract, or known to the price source under a name that could not be verified.
LEFT_OUT = frozenset(
    {
        '0x961c8c0b1aad0c0b10a51fef6a867e3091bcef17',  # DYP, superseded
        '0x6c28aef8977c9b773996d0e8376d2ee379446f2f',  # QUICK, superseded
        '0x5faa989af96af85384b8a938c2ede4a7378d9875',  # GAL, now G
        '0xd417144312dbf50465b1c641d016962017ef6240',  # CQT, now CXT
        '0x4123a133ae3c521fd134d7b13a2dec35b56c2463',  # QRDO, no longer priced
        '0x8b1484d57abbe239bb280661377363b03c89caea',  # ADI
    }
)


class Candidate(NamedTuple):
    """A currency as a source describes it; `code` is what it would like to be called."""

    code: str
    title: str
    kind: str
    decimals: int
    contract: str | None
    prices: dict[str, str]
    chain: str | None = None
    balance_kind: str = PLAIN


class Merged(NamedTuple):
    """The new catalogue by id, and those of its codes that no source names any more."""

    currencies: list[Currency]
    unnamed: list[str]


def read_cryptocurrencies(text: str) -> list[Candidate]:
    """Read `cryptocurrencies.csv`."""
    return [
        Candidate(row['code'], row['title'], 'cryptocurrency', int(row['decimals']), None, {'coingecko': row['coingecko']})
        for row in csv.DictReader(StringIO(text))
    ]


def read_fiat(iso: bytes, titles: str) -> list[Candidate]:
    """Read ISO 4217's list one (XML) in the order of `fiat.csv`, which names each currency. Raises ValueError for a nameless one."""
    minor_units = dict(_money(iso))
    rows = {row['code']: row for row in csv.DictReader(StringIO(titles))}
    nameless = minor_units.keys() - rows.keys()
    if nameless:
        raise ValueError(f'fiat.csv has no title for {", ".join(sorted(nameless))}')
    return [
        Candidate(code, row['title'], 'fiat', minor_units[code], None, _fiat_prices(row))
        for code, row in rows.items()
        if code in minor_units
    ]


def read_replaced(text: str) -> list[Candidate]:
    """Read `replaced.csv`: fiat currencies that ISO 4217 lists no more, and that convert by a fixed ratio."""
    rows = csv.DictReader(StringIO(text))
    return [Candidate(row['code'], row['title'], 'fiat', int(row['decimals']), None, _fiat_prices(row)) for row in rows]


def _fiat_prices(row: Mapping[str, str]) -> dict[str, str]:
    return {source: row[source] for source in ('ecb', 'coingecko_vs') if row.get(source)}


def _money(iso: bytes) -> Iterator[tuple[str, int]]:
    for entry in ElementTree.fromstring(iso).iter('CcyNtry'):
        code, minor_units, name = entry.findtext('Ccy'), entry.findtext('CcyMnrUnts'), entry.find('CcyNm')
        if not code or not minor_units or name is None:  # a territory without a currency of its own
            continue
        if minor_units.isdecimal() and name.get('IsFund') != 'true' and code not in UNITS_OF_ACCOUNT:
            yield code.lower(), int(minor_units)


def read_tokens(listed: Mapping[str, Any], coins: Iterable[Mapping[str, Any]], chosen: str) -> list[Candidate]:
    """Read tokens: those of `tokens.csv`, then those of the token list that a coin of `coins` names as its contract on Ethereum.

    `listed` has the shape of https://uniswap.org/tokenlist.schema.json, `coins` are `{id, name, addresses: {ethereum}}`
    with CoinGecko's ids and names.
    """
    tokens = {_place(row): _chosen_token(row) for row in csv.DictReader(StringIO(chosen))}
    coin_of = {coin['addresses']['ethereum'].lower(): coin for coin in coins if 'ethereum' in coin.get('addresses', {})}
    for token in listed['tokens']:
        contract = token['address'].lower()
        if token['chainId'] == 1 and contract in coin_of and contract not in LEFT_OUT:
            candidate = _listed_token(token, coin_of[contract])
            tokens.setdefault(('eth', str(candidate.contract)), candidate)
    return list(tokens.values())


def _place(row: Mapping[str, str]) -> tuple[str, str]:
    """Return the chain, Ethereum unless a row of `tokens.csv` names another, and the contract there."""
    chain = row.get('chain') or 'eth'
    return chain, token_ids.canonical(chain, row['contract'])


def _chosen_token(row: Mapping[str, str]) -> Candidate:
    """Raises ValueError for a kind of balance that there is not."""
    chain, contract = _place(row)
    balance_kind = row.get('balance') or PLAIN
    if balance_kind not in BALANCE_KINDS:
        raise ValueError(f'no kind of balance: {balance_kind}')
    return Candidate(
        row['code'],
        row['title'],
        'token',
        int(row['decimals']),
        contract,
        {'coingecko': row['coingecko']},
        chain,
        balance_kind,
    )


def _listed_token(token: Mapping[str, Any], coin: Mapping[str, Any]) -> Candidate:
    return Candidate(
        token['symbol'].lower(),
        coin['name'],
        'token',
        token['decimals'],
        token_ids.canonical('eth', token['address']),
        {'coingecko': coin['id']},
        'eth',
    )


def merge(existing: Iterable[Currency], candidates: Iterable[Candidate], now: int) -> Merged:
    """Return the catalogue with every candidate in it, as of `now` in epoch seconds.

    Raises ValueError where a cryptocurrency's or fiat's code is taken.
    """
    known = {_identity(currency): currency for currency in existing}
    taken = {currency.code for currency in known.values()}
    next_id = max((currency.id for currency in known.values()), default=0) + 1
    named = set()
    for candidate in candidates:
        identity = _identity(candidate)
        named.add(identity)
        if identity in known:
            known[identity] = _renewed(known[identity], candidate, now)
        else:
            code = free_code(candidate, taken)
            taken.add(code)
            known[identity] = _entry(next_id, code, candidate, now)
            next_id += 1
    return Merged(
        currencies=sorted(known.values(), key=lambda currency: currency.id),
        unnamed=sorted(currency.code for identity, currency in known.items() if identity not in named),
    )


def free_code(candidate: Candidate, taken: set[str]) -> str:
    """Return the code that a new currency gets beside those `taken`. Raises ValueError if it has to be chosen by hand."""
    code = candidate.code
    if not re.fullmatch('[a-z0-9]+' if candidate.kind == 'token' else '[a-z0-9]+(-[a-z]+)?', code):
        raise ValueError(f'not a code: {code}')
    if code not in taken and code not in RESERVED:
        return code
    if candidate.chain is None:
        raise ValueError(f'the code {code} is taken or reserved')
    code = suffixed = f'{code}-{candidate.chain.removeprefix("eth-")}'
    number = 1
    while suffixed in taken:
        number += 1
        suffixed = f'{code}-{number}'
    return suffixed


def _identity(currency: Currency | Candidate) -> tuple[str, str]:
    if currency.contract and currency.chain:
        return currency.chain, token_ids.canonical(currency.chain, currency.contract)
    return currency.kind, currency.code


def _renewed(currency: Currency, candidate: Candidate, now: int) -> Currency:
    renewed = replace(
        currency,
        title=candidate.title,
        decimals=candidate.decimals,
        contract=candidate.contract,
        prices=candidate.prices,
        balance_kind=candidate.balance_kind,
    )
    return currency if renewed == currency else replace(renewed, updated_at=now)


def _entry(number: int, code: str, candidate: Candidate, now: int) -> Currency:
    return Currency(
        id=number,
        code=code,
        title=candidate.title,
        kind=candidate.kind,
        decimals=candidate.decimals,
        contract=candidate.contract,
        prices=candidate.prices,
        created_at=now,
        updated_at=now,
        chain=candidate.chain,
        balance_kind=candidate.balance_kind,
    )


def dump(currencies: Iterable[Currency]) -> str:
    """Return the text of `currencies.json`: one currency a line."""
    return '[\n' + ',\n'.join(_line(currency) for currency in currencies) + '\n]\n'


def _line(currency: Currency) -> str:
    fields = {
        'id': currency.id,
        'code': currency.code,
        'title': currency.title,
        'kind': currency.kind,
        'decimals': currency.decimals,
        'contract': currency.contract,
        'chain': None if currency.chain == 'eth' else currency.chain,
        'balance': None if currency.balance_kind == PLAIN else currency.balance_kind,
        'prices': dict(sorted(currency.prices.items())),
        'created_at': currency.created_at,
        'updated_at': currency.updated_at,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False, separators=(',', ':'))
