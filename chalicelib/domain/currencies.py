"""The catalogue of currencies: their codes, names and decimals. Pure: a file of the package, no network."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from chalicelib.errors import NotFound

# How the balance of a currency comes about: by transfers alone; by coins paid into a contract like WETH9 too; also by itself, as
# interest or supply changes it; by transfers of which the contract may keep a part.
PLAIN, WRAPPED, REBASING, FEE_ON_TRANSFER = BALANCE_KINDS = ('plain', 'wrapped', 'rebasing', 'fee_on_transfer')
_CATALOGUE = Path(__file__).parents[1] / 'data' / 'currencies.json'
_UNLISTED = 'x-'  # no code of the catalogue begins like this
_UNLISTED_KIND, _UNLISTED_DECIMALS = 'unlisted', 60
_LONGEST_SYMBOL = 40


@dataclass(frozen=True, slots=True)
class Currency:
    """One entry of the catalogue.

    `id` never changes and is never reused. `code` is lower case and unique. `kind` is `cryptocurrency`, `fiat` or `token`.
    Tokens alone have a `contract`, which tells them apart on the chain whose coin is `chain`: an ERC-20 contract with its EIP-55
    checksum, a mint (Solana), a code with its issuer (Stellar, XRP), a policy with a name (Cardano). `decimals` is the number of
    fractional digits that an amount may have (fiat: ISO 4217 minor units). `prices` maps rate sources to their names for the currency:
    `coingecko` to a coin id, `coingecko_vs` to a quote currency, `ecb` to a reference rate. `balance_kind` is one of BALANCE_KINDS.
    `created_at` and `updated_at` are when the entry was added and last changed (epoch seconds).
    """

    id: int
    code: str
    title: str
    kind: str
    decimals: int
    contract: str | None
    prices: Mapping[str, str]
    created_at: int
    updated_at: int
    chain: str | None = None
    balance_kind: str = PLAIN

    @property
    def moves_by_itself(self) -> bool:
        """Whether its balance may change, or differ from its transfers, though no transfer says so."""
        return self.balance_kind in (REBASING, FEE_ON_TRANSFER)

    @property
    def wraps_the_coin(self) -> bool:
        """Whether it is the coin of its chain in a contract that pays it in and out without a transfer, like WETH9."""
        return self.balance_kind == WRAPPED


def find(code: str) -> Currency | None:
    """Return the currency with this code, ignoring case, or None."""
    return _by_code().get(code.lower())


def require(code: str) -> Currency:
    """Return the currency with this code, ignoring case. Raises NotFound."""
    currency = find(code)
    if currency is None:
        raise NotFound
    return currency


def titled(title: str) -> Currency | None:
    """Return the first currency with this title, ignoring case, or None."""
    return _by_title().get(title.lower())


def get(code: str) -> Currency:
    """Return the currency with a code from the database or the code itself. Raises KeyError for any other."""
    if code.startswith(_UNLISTED):
        return _unlisted(code)
    return _by_code()[code]


def unlisted(exchange: str, symbol: str) -> str:
    """Return the code of what an exchange calls `symbol` and the catalogue does not have: it is shown, and has no rate.

    Of a symbol that is longer than any, which a server may send, it has the beginning and a digest.

    >>> unlisted('kraken', 'kfee'), get('x-kraken-kfee').title, find('x-kraken-kfee')
    ('x-kraken-kfee', 'KFEE at kraken', None)
    """
    if len(symbol) > _LONGEST_SYMBOL:
        symbol = f'{symbol[: _LONGEST_SYMBOL - 9]}-{sha256(symbol.encode()).hexdigest()[:8]}'
    return f'{_UNLISTED}{exchange}-{symbol}'


def symbol(code: str) -> str:
    """Return the code of a currency, or of an unlisted one what its exchange calls it, without saying which exchange that is.

    >>> symbol('btc'), symbol('x-kraken-kfee')
    ('btc', 'kfee')
    """
    return code.removeprefix(_UNLISTED).partition('-')[2] if code.startswith(_UNLISTED) else code


@lru_cache(256)
def _unlisted(code: str) -> Currency:
    exchange, _, symbol = code.removeprefix(_UNLISTED).partition('-')
    return Currency(
        id=0,
        code=code,
        title=f'{symbol.upper()} at {exchange}',
        kind=_UNLISTED_KIND,
        decimals=_UNLISTED_DECIMALS,
        contract=None,
        prices=MappingProxyType({}),
        created_at=0,
        updated_at=0,
    )


@lru_cache
def every() -> tuple[Currency, ...]:
    """Return the whole catalogue, sorted by id."""
    entries = json.loads(_CATALOGUE.read_bytes())
    return tuple(
        Currency(
            id=entry['id'],
            code=entry['code'],
            title=entry['title'],
            kind=entry['kind'],
            decimals=entry['decimals'],
            contract=entry.get('contract'),
            prices=MappingProxyType(entry['prices']),
            created_at=entry['created_at'],
            updated_at=entry['updated_at'],
            chain=entry.get('chain', 'eth') if 'contract' in entry else None,
            balance_kind=entry.get('balance', PLAIN),
        )
        for entry in entries
    )


def listed(codes: Iterable[str]) -> frozenset[str]:
    """Return those of the codes that the catalogue has; there are no rates of others."""
    return frozenset(code for code in codes if code in _by_code())


def of_kind(kind: str) -> tuple[Currency, ...]:
    """Return the currencies of a kind: `cryptocurrency`, `fiat` or `token`, sorted by id."""
    return tuple(currency for currency in every() if currency.kind == kind)


@lru_cache
def tokens_on(coin: str) -> tuple[Currency, ...]:
    """Return the tokens on the chain of a coin, sorted by id."""
    return tuple(token for token in of_kind('token') if token.chain == coin)


@lru_cache
def token_codes_on(coin: str) -> frozenset[str]:
    """Return the codes of the tokens on the chain of a coin."""
    return frozenset(token.code for token in tokens_on(coin))


@lru_cache
def tokens_by_contract(coin: str) -> Mapping[str, Currency]:
    """Return the tokens on the chain of a coin by their contract, as the catalogue writes it."""
    return MappingProxyType({token.contract: token for token in tokens_on(coin) if token.contract})


@lru_cache
def _by_title() -> dict[str, Currency]:
    return {currency.title.lower(): currency for currency in reversed(every())}


@lru_cache
def _by_code() -> dict[str, Currency]:
    return {currency.code: currency for currency in every()}
