"""The fields that request bodies are made of."""

import re
from decimal import Decimal
from typing import Any, cast

import msgspec

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.requests.body import Body, Field, FieldError, ParsedBody, Schema
from chalicelib.config import settings
from chalicelib.domain import currencies, hd_wallets, instants, money, recognition, titles
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from chalicelib.models import Since
from chalicelib.texts import translatable

_LONE_SURROGATE = re.compile('[\ud800-\udfff]')
_MOST_LOOKED_UP = 1_000  # reporting currencies, repetitions included: an unknown one is looked for by its name, which takes 10 µs
_MOST_DIGITS = 9  # of a number in a form, more than any may have


def single_string(value: Any) -> str:
    """Return a string, trimmed; an array of one string counts as that string.

    Half a surrogate pair, which JSON can escape, is no character (RFC 8259 section 8.2): it could be neither stored nor encrypted.
    """
    single = _single(value)
    if not isinstance(single, str) or _LONE_SURROGATE.search(single):
        raise FieldError('type', translatable('{field} must be a string'))
    return single.strip()


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _title(value: Any, _: ParsedBody) -> str:
    try:
        return titles.parse(single_string(value))
    except titles.BadTitle as error:
        raise FieldError(error.code, translatable('title {problem}', problem=error.sentence)) from None


def _title_schema() -> Schema:
    return {
        'type': 'string',
        'description': f'Any text of 1 to {titles.LONGEST} characters, not counting surrounding whitespace, without control characters, '
        'including those for bidirectional text. Text in the form of a private key or seed is refused.',
        'pattern': titles.PATTERN,
        'examples': ['Savings'],
    }


def _currency(value: Any, _: ParsedBody) -> str:
    """Return the code of a known currency, in lower case, from a code in any case."""
    code = single_string(value)
    known = currencies.find(code)
    if known is None:
        meant = currencies.titled(code)
        if meant is None:
            raise FieldError('unknown_currency', translatable('Unknown currency "{code}"', code=code[:32]))
        hint = translatable('Unknown currency "{code}": did you mean "{meant}"?', code=code[:32], meant=meant.code)
        raise FieldError('unknown_currency', hint)
    return known.code


def _currency_schema() -> Schema:
    return msgspec.json.schema(answers.AnyCurrencyCode)


def _currencies(value: Any, body: ParsedBody) -> list[str]:
    """Return codes of known currencies, at least one and at most MAX_CURRENCIES, without repetitions, in the order of the request."""
    values = value if isinstance(value, list) else [value]
    if not values or values == ['']:
        raise FieldError('empty', translatable('must have at least one reporting currency selected'))
    most = settings().max_currencies
    first = values[: max(most, _MOST_LOOKED_UP)]
    codes: dict[str, None] = {}
    wrong: dict[str, FieldError] = {}  # by sentence: each is said once
    for item in first:
        try:
            codes[_currency(item, body)] = None
        except FieldError as error:
            wrong[error.sentence] = error
    for fault in list(wrong.values())[:most]:
        body.add_fault(CURRENCIES.name, fault.code, fault.sentence)
    if len(codes) > most or (len(values) > len(first) and not wrong):
        raise FieldError('too_many', translatable('must have at most {most} reporting currencies selected', most=most))
    return list(codes)


def _currencies_schema() -> Schema:
    return {
        'type': 'array',
        'description': 'The currencies that the portfolio reports in.',
        'items': _currency_schema(),
        'minItems': 1,
        'maxItems': settings().max_currencies,
        'examples': [['btc', 'usd']],
    }


def _followed_currency(value: Any, body: ParsedBody) -> str:
    """Return the code of a currency whose addresses are supported."""
    code = _currency(value, body)
    if code not in CHAINS:
        raise FieldError('unsupported_currency', translatable('addresses of "{code}" are not supported', code=code))
    return code


def _followed_currency_schema() -> Schema:
    return {
        'title': 'FollowedCurrencyCode',
        'type': 'string',
        'description': 'The code of a currency whose addresses are supported.',
        'enum': sorted(CHAINS),
        'examples': ['btc'],
    }


def _same_currency(value: Any, body: ParsedBody) -> str:
    """Return the code that the address has already."""
    code = _currency(value, body)
    if code != body.get(FOLLOWED_CURRENCY):
        raise FieldError('read_only', translatable('the currency of an address cannot be changed'))
    return code


def _same_currency_schema() -> Schema:
    return _currency_schema() | {'description': 'The currency that the address has: it cannot be changed.'}


def _address(value: Any, body: ParsedBody) -> str:
    """Return an address in the form of the currency that was parsed before; unchecked if that was wrong, or if it is the address shown."""
    text = single_string(value)
    currency = body.get(FOLLOWED_CURRENCY)
    if currency is None or text == body.get(SHOWN_ADDRESS):
        return text
    try:
        return CHAINS[currency].normalise(text)
    except BadAddress as error:
        raise FieldError('invalid_address', recognition.reason(text, currency, error)) from None


def _address_schema() -> Schema:
    return {
        'type': 'string',
        'description': 'An address of the currency, or a payment URI with one; for `btc` and `ltc` also an extended public key or an '
        'output descriptor.',
        'minLength': 1,
        'examples': ['1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'],
    }


def _gap_limit(value: Any, body: ParsedBody) -> int:
    """Return a number of addresses, for an HD wallet alone; a form's digits count as that number."""
    single = _single(value)
    if isinstance(single, str) and single.strip().isdecimal():
        single = int(single.strip()[:_MOST_DIGITS])
    if isinstance(single, bool) or not isinstance(single, int) or not 1 <= single <= hd_wallets.MOST_GAP:
        raise FieldError('range', translatable('{field} must be a whole number from 1 to {most}', most=format(hd_wallets.MOST_GAP, ',')))
    if not _is_hd_wallet(body):
        raise FieldError('wallets_only', translatable('{field} is for extended public keys and descriptors only'))
    return single


def _is_hd_wallet(body: ParsedBody) -> bool:
    """Whether the address of a body, or the one that it changes, is an HD wallet; an address that is wrong has a fault of its own."""
    currency, text = body.get(FOLLOWED_CURRENCY), body.get(ADDRESS)
    if text is None or text == body.get(SHOWN_ADDRESS):
        return body.get(IS_HD_WALLET) is not False
    return currency is None or CHAINS[currency].is_hd_wallet(text)


def _gap_limit_schema() -> Schema:
    return {
        'type': 'integer',
        'description': 'How many unused addresses in a row end the search for those of an extended public key or descriptor. '
        f'That number, keys and branches multiplied may be {hd_wallets.MOST_UNUSED_STEPS:,} at most; a key alone has up to eight branches.',
        'minimum': 1,
        'maximum': hd_wallets.MOST_GAP,
        'default': hd_wallets.GAP,
        'examples': [],  # the example of an address is no HD wallet
    }


def _amount(value: Any, body: ParsedBody) -> Decimal:
    """Return an amount, with no more decimals than the currency that was parsed before has, or with any number if that was wrong."""
    currency = body.get(CURRENCY)
    decimals = money.MOST_DIGITS if currency is None else currencies.get(currency).decimals
    single = _single(value)
    try:
        return money.parse_amount(single.strip() if isinstance(single, str) else single, decimals)
    except ValueError as error:
        raise FieldError('invalid_amount', translatable('{field} {problem}', problem=error.args[0])) from None


def _amount_schema() -> Schema:
    return {
        'type': ['string', 'number'],
        'description': 'In plain decimal notation, with no more digits than the currency has. A string is exact in every client.',
        'pattern': r'^-?[0-9]+(\.[0-9]+)?$',
        'examples': ['10'],
    }


def _balances(value: Any, body: ParsedBody) -> dict[str, Decimal]:
    """Return amounts by currency code; a form's `balances=` is the empty list."""
    rows = [] if value in ('', ['']) else value
    if not isinstance(rows, list):
        raise FieldError('type', translatable('{field} must be a list of objects with currency and balance'))
    most = settings().max_offset_balances
    if len(rows) > most:
        raise FieldError('too_many', translatable('{field} must have at most {most} entries', most=most))
    amounts: dict[str, Decimal | None] = {}
    for number, values in enumerate(rows):
        if not isinstance(values, dict):
            body.add_fault(f'balances[{number}]', 'type', translatable('{field} must be an object with currency and balance'))
            continue
        row = body.row(NEW_BALANCE, f'balances[{number}]', values)
        code = row.get(CURRENCY)
        if code in amounts:
            row.add_fault('currency', 'duplicate_currency', translatable('"{code}" must not appear in balances more than once', code=code))
        if code is not None:
            amounts[code] = row.get(BALANCE)
    return cast(dict[str, Decimal], amounts)


def _balances_schema() -> Schema:
    return {
        'type': 'array',
        'description': 'Each currency at most once. A form repeats the pair of names for each further entry.',
        'items': NEW_BALANCE.schema(),
        'maxItems': settings().max_offset_balances,
    }


def _since(value: Any, _: ParsedBody) -> Since:
    """Return an instant that is not in the future, or none: null, and an empty string, as a form has no null."""
    if _single(value) is None or value in ('', ['']):
        return Since(None)
    try:
        epoch = instants.parse(single_string(value))
    except ValueError as error:
        raise FieldError('invalid', translatable('{field} {problem}', problem=error.args[0])) from None
    if epoch > clock.now():
        raise FieldError('out_of_range', translatable('{field} must not be in the future'))
    return Since(epoch)


def _since_schema() -> Schema:
    return {
        'type': ['string', 'null'],
        'description': 'Before this instant, which is not in the future, the offset does not count; '
        'null, or an empty string, if it counts at all times.',
        'pattern': f'^$|{instants.PATTERN}',
        'examples': ['2017-11-06T04:54:54+00:00'],
    }


TITLE = Field('title', _title, _title_schema)
CURRENCIES = Field('currencies', _currencies, _currencies_schema, absent=[])
FOLLOWED_CURRENCY = Field('currency', _followed_currency, _followed_currency_schema)
SAME_CURRENCY = Field('currency', _same_currency, _same_currency_schema)
ADDRESS = Field('address', _address, _address_schema)
SHOWN_ADDRESS = Field('shown_address', _address, _address_schema)  # known where an address is changed, never sent
IS_HD_WALLET = Field('is_hd_wallet', _gap_limit, _gap_limit_schema)  # likewise
GAP_LIMIT = Field('gap_limit', _gap_limit, _gap_limit_schema)
CURRENCY = Field('currency', _currency, _currency_schema)
BALANCE = Field('balance', _amount, _amount_schema)
NEW_BALANCE = Body('NewBalance', required=(CURRENCY, BALANCE))
BALANCES = Field('balances', _balances, _balances_schema)
SINCE = Field('since', _since, _since_schema)
