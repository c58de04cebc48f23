"""The fields that say at which exchange an account is, and with which credentials. Faults never repeat what was sent."""

import json
from typing import Any

from chalicelib.api.requests.body import Field, FieldError, ParsedBody, Schema
from chalicelib.api.requests.fields import single_string
from chalicelib.domain import experimental_exchanges
from chalicelib.services.portfolios import accounts
from chalicelib.texts import translatable

_MOST_BYTES = 4_000  # KMS encrypts 4,096
_HEADERS = 'headers'
_SET_BY_US = frozenset(('host', 'content-length', 'transfer-encoding', 'connection'))
_NAMES = {
    'key': 'The API key.',
    'secret': 'The secret of the API key.',
    'password': 'The passphrase of the API key, where the exchange asks for one.',
    'uid': 'The number of the user, where the exchange asks for one.',
    'url': 'Where the balances are, over https; only of the wallet `generic`.',
}

Credentials = dict[str, Any]


def _wallet(value: Any, _: ParsedBody) -> str:
    """Return the code of a supported exchange, in lower case."""
    code = single_string(value).lower()
    if code not in accounts.offered_exchanges():
        raise FieldError('unsupported_wallet', translatable('{field} must be one of the wallets that /api/wallets lists'))
    return code


def _wallet_schema() -> Schema:
    return {'type': 'string', 'description': 'The code of an exchange, see /api/wallets.', 'examples': ['kraken']}


def _same_wallet(value: Any, body: ParsedBody) -> str:
    """Return the exchange that the account is at already."""
    code = single_string(value).lower()
    if code != body.get(WALLET):
        raise FieldError('read_only', translatable('the wallet of an account cannot be changed'))
    return code


def _same_wallet_schema() -> Schema:
    return {'type': 'string', 'description': 'The exchange that the account is at: it cannot be changed.', 'examples': ['kraken']}


def _credentials(value: Any, body: ParsedBody) -> Credentials:
    """Return the credentials that the exchange parsed before needs; unchecked if that was wrong."""
    if not isinstance(value, dict):
        raise FieldError('type', translatable('{field} must be an object'))
    wallet = body.get(WALLET)
    if wallet is None:
        return {}
    found: Credentials = {}
    exchange = experimental_exchanges.get(wallet)
    for name in (*exchange.needs, *exchange.takes):
        if name in value:
            _read(name, value[name], body, found)
        elif name in exchange.needs:
            body.add_fault(f'credentials.{name}', 'missing_credential', translatable('{field} is required'))
    if len(json.dumps(found)) > _MOST_BYTES:
        raise FieldError('too_long', translatable('{field} must have at most {most} bytes', most=_MOST_BYTES))
    return found


def _read(name: str, value: Any, body: ParsedBody, found: Credentials) -> None:
    """Add one of the credentials to those found, or its fault to the body's."""
    try:
        found[name] = _READERS.get(name, _one_line)(value)
    except FieldError as error:
        body.add_fault(f'credentials.{name}', error.code, error.sentence)


def _one_line(value: Any) -> str:
    """Return a text without the line breaks that a copied one may end with; those inside of a key in PEM format stay."""
    text = single_string(value)
    if not text:
        raise FieldError('empty_credential', translatable('{field} must not be empty'))
    return text


def _header_value(value: Any) -> str:
    """Return a text that is sent in a header as it is: a secret only signs, and may have several lines."""
    text = _one_line(value)
    if not (text.isascii() and text.isprintable()):
        raise FieldError('invalid', translatable('{field} must be one line of ASCII characters'))
    return text


def _headers(value: Any) -> dict[str, str]:
    """Return HTTP headers, whose values are of one line."""
    if not isinstance(value, dict):
        raise FieldError('type', translatable('{field} must be an object whose values are strings'))
    headers = {name: single_string(one) for name, one in value.items()}
    if not _SET_BY_US.isdisjoint(name.lower() for name in headers) or not all(
        _is_header(name) and (one.isascii() and one.isprintable()) for name, one in headers.items()
    ):
        raise FieldError('invalid', translatable('{field} must have valid HTTP header names and values'))
    return headers


def _is_header(name: str) -> bool:
    return name.isascii() and name.replace('-', '').replace('_', '').isalnum()


_READERS = {_HEADERS: _headers, 'key': _header_value, 'uid': _header_value}


def _credentials_schema() -> Schema:
    properties: Schema = {
        name: {'type': 'string', 'description': description, 'minLength': 1, 'examples': ['...']} for name, description in _NAMES.items()
    }
    properties['url']['examples'] = ['https://balances.example/mine.json']
    headers = {'type': 'object', 'description': 'Headers to send to the URL.', 'additionalProperties': {'type': 'string'}, 'examples': [{}]}
    return {
        'title': 'NewCredentials',
        'type': 'object',
        'description': 'What the exchange needs, see /api/wallets. No response contains them.',
        'properties': properties | {_HEADERS: headers},
        'examples': [{'key': '...', 'secret': '...'}],
    }


WALLET = Field('wallet', _wallet, _wallet_schema)
SAME_WALLET = Field('wallet', _same_wallet, _same_wallet_schema)
CREDENTIALS = Field('credentials', _credentials, _credentials_schema)
