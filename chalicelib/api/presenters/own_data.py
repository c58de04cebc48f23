"""How everything of one user is presented: a zip file of one JSON document, and the same as CSV, a file for each kind."""

import io
import json
import zipfile
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from chalicelib.domain import tables
from chalicelib.formats import format_instant
from chalicelib.models import (
    Account,
    Address,
    ApiKey,
    Follower,
    Grant,
    Item,
    Offset,
    OffsetBalance,
    Passkey,
    Portfolio,
    ShareLink,
    User,
)
from chalicelib.services.users.own_data import OwnBalance, OwnData

Row = dict[str, Any]

# What is told of each kind; instants are the fields that end in `_at`.
FIELDS: dict[type[Item], tuple[str, tuple[str, ...]]] = {
    User: ('user', ('user_id', 'name', 'email', 'allow_remote_login', 'created_at', 'confirmed_at', 'delete_at')),
    Portfolio: ('portfolios', ('portfolio_id', 'title', 'currencies', 'created_at', 'updated_at')),
    Address: ('addresses', ('portfolio_id', 'address_id', 'title', 'address', 'currency', 'created_at', 'updated_at')),
    Account: ('accounts', ('portfolio_id', 'account_id', 'title', 'wallet', 'created_at', 'updated_at')),
    Offset: ('offsets', ('portfolio_id', 'offset_id', 'title', 'balances', 'since', 'created_at', 'updated_at')),
    ApiKey: ('api_keys', ('key_id', 'name', 'prefix', 'scopes', 'created_at', 'last_used_at', 'expires_at')),
    Grant: ('connected_applications', ('client_id', 'scopes', 'created_at', 'last_used_at')),
    ShareLink: ('share_links', ('portfolio_id', 'link_id', 'name', 'shows_amounts', 'created_at', 'expires_at')),
    Passkey: ('passkeys', ('name', 'created_at', 'last_used_at')),
}
_CLIENT = ('client_id', 'name', 'redirect_uris', 'confidential', 'created_at', 'updated_at')
_SESSION = ('browser', 'network', 'last_seen_at')
_HOLDING = ('currency', 'balance')
_TRANSACTION = ('txn_at', 'currency', 'delta', 'fee', 'reference', 'source')


def pack_own_data(data: OwnData) -> bytes:
    """Return the zip file. Credentials, secrets and hashes are not in it: they are for use, and of no use outside."""
    rows = {name: [_row(item, fields) for item in data.items if type(item) is kind] for kind, (name, fields) in FIELDS.items()}
    rows['applications'] = [_row(client, _CLIENT) for client in data.clients]
    rows['sessions'] = [_row(session, _SESSION) for session in data.sessions]
    rows['balances'] = [_present_balance(own) for own in data.balances]
    rows['transactions'] = [_of_child(own.follower) | _row(own.transaction, _TRANSACTION) for own in data.transactions]
    document = rows | {'made_at': format_instant(data.made_at), 'transactions_left_out': data.transactions_left_out}
    return _zip(document, rows)


def _present_balance(own: OwnBalance) -> Row:
    return _of_child(own.follower) | _row(own.holding, _HOLDING) | {'observed_at': format_instant(own.observed_at)}


def _of_child(follower: Follower) -> Row:
    return {'portfolio_id': follower.portfolio_id, 'kind': follower.follower_kind, 'id': follower.child_id}


def _row(item: Any, fields: Iterable[str]) -> Row:
    return {field: _plain(field, getattr(item, field)) for field in fields}


def _plain(field: str, value: Any) -> Any:
    """Return what JSON can say: amounts as plain text, instants in ISO 8601."""
    if isinstance(value, Decimal):
        return f'{value:f}'
    if isinstance(value, int) and (field.endswith('_at') or field == 'since'):
        return format_instant(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, OffsetBalance):
        return {name: _plain(name, one) for name, one in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_plain(field, one) for one in value]
    return value


def _zip(document: Row, rows_by_kind: dict[str, list[Row]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('data.json', json.dumps(document, indent=1, ensure_ascii=False))
        for kind, rows in rows_by_kind.items():
            archive.writestr(f'{kind}.csv', _csv(rows))
    return packed.getvalue()


def _csv(rows: list[Row]) -> str:
    """Return rows as CSV with the names of the fields first; a list or an object is JSON."""
    return tables.to_csv(list(rows[0]) if rows else [], ([_cell(value) for value in row.values()] for row in rows))


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
