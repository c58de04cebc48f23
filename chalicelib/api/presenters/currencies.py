"""How currencies and amounts in them are presented."""

from decimal import Decimal
from functools import lru_cache

from chalicelib.api import answers
from chalicelib.domain import currencies
from chalicelib.domain.currencies import Currency
from chalicelib.formats import format_instant, format_rounded


def present_currency(currency: Currency) -> answers.Currency:
    """Return a currency of the catalogue. In the API no token is a cryptocurrency, and only contracts on Ethereum are told."""
    return {
        'id': currency.id,
        'code': currency.code,
        'title': currency.title,
        'created_at': format_instant(currency.created_at),
        'updated_at': format_instant(currency.updated_at),
        'is_cryptocurrency': currency.kind == 'cryptocurrency',
        'is_fiat': currency.kind == 'fiat',
        'is_ethereum_token': currency.kind == 'token',
        'ethereum_contract_address': currency.contract if currency.chain == 'eth' else None,
        'source': 'cryptfolio',
    }


def present_currency_ref(code: str) -> answers.CurrencyRef:
    """Return the short form in which other answers refer to a currency, by the code it is stored under."""
    return {'title': currencies.get(code).title, 'code': code}


@lru_cache(4_096)  # each row of a history names its currency
def present_expandable_currency(code: str, *, expand: bool) -> answers.CurrencyCode | answers.CurrencyRef:
    """Return the currency of a balance: its code, or the short form if the client asked to expand it."""
    return present_currency_ref(code) if expand else code


def present_value(value: Decimal, code: str) -> str:
    """Return a converted amount, rounded half-even to its currency's decimals; fiat has all of them: `117753.60` in usd, `10.0` in btc."""
    currency = currencies.get(code)
    return format_rounded(value, decimals=currency.decimals, pad=currency.kind == 'fiat')
