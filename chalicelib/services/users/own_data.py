"""Everything of one user in a zip file: one JSON document, and the same as CSV, a file for each kind."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from chalicelib.domain import instants, tables
from chalicelib.errors import AnswerTooLarge
from chalicelib.models import (
    Account,
    Address,
    ApiKey,
    Client,
    Follower,
    Grant,
    Item,
    Ledger,
    Offset,
    OffsetBalance,
    Passkey,
    Portfolio,
    Session,
    ShareLink,
    Transaction,
    User,
)

MOST_TRANSACTIONS = 20_000  # about as many as a response may carry
MOST_ROWS = 300_000  # of all else: some 10 s of a processor, of Lambda's half of one 18 of its 28

Row = dict[str, Any]

# What is told of each kind; instants are the fields that end in `_at`.
_FIELDS: dict[type[Item], tuple[str, tuple[str, ...]]] = {
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


def pack_user(user: User, now: int) -> bytes:
    """Return the zip file. Credentials, secrets and hashes are not in it: they are for use, and of no use outside.

    It has at most MOST_TRANSACTIONS transactions, ledger by ledger, each newest first; `transactions_left_out` says if there are more.
    Raises AnswerTooLarge for what takes longer than a response may.
    """
    items = _items(user)
    rows = {name: [_row(item, fields) for item in items if type(item) is kind] for kind, (name, fields) in _FIELDS.items()}
    rows['applications'] = [_row(client, _CLIENT) for client in Client.owned_by(user.user_id)]
    rows['sessions'] = [_row(session, _SESSION) for session in Session.of_user(user, now)]
    followers = [item for item in items if isinstance(item, Follower)]
    rows['balances'] = list(_balances(followers))
    transactions = list(islice(_transactions(followers), MOST_TRANSACTIONS + 1))
    rows['transactions'] = transactions[:MOST_TRANSACTIONS]
    document = rows | {'made_at': instants.sortable(now), 'transactions_left_out': len(transactions) > MOST_TRANSACTIONS}
    return _zip(document, rows)


def _items(user: User) -> list[Item]:
    """Return the items of a user, without the parts of deleted portfolios that are still to be purged. Raises AnswerTooLarge."""
    items, rows = [], 0
    for item in Item.query(user.pk, consistent_read=True):
        items.append(item)
        rows += len(item.balances) if isinstance(item, Offset) else 1
        if rows > MOST_ROWS:
            raise AnswerTooLarge(was_carried_out=False)
    portfolios = {item.portfolio_id for item in items if isinstance(item, Portfolio)}
    return [item for item in items if not isinstance(item, Follower | Offset | ShareLink) or item.portfolio_id in portfolios]


def _balances(followers: Iterable[Follower]) -> Iterator[Row]:
    followers = list(followers)
    ledgers = Ledger.find_many({follower.ledger for follower in followers})
    for follower in followers:
        ledger = ledgers.get(follower.ledger)
        for holding in ledger.holdings if ledger and ledger.ready else ():
            amounts = {'currency': holding.currency, 'balance': _plain('balance', holding.balance)}
            yield _of_child(follower) | amounts | {'observed_at': _plain('observed_at', ledger.updated_at if ledger else None)}


def _transactions(followers: Iterable[Follower]) -> Iterator[Row]:
    fields = ('txn_at', 'currency', 'delta', 'fee', 'reference', 'source')
    for follower in followers:
        for transaction in Transaction.every(follower.ledger):
            yield _of_child(follower) | _row(transaction, fields)


def _of_child(follower: Follower) -> Row:
    return {'portfolio_id': follower.portfolio_id, 'kind': follower.follower_kind, 'id': follower.child_id}


def _row(item: Any, fields: Iterable[str]) -> Row:
    return {field: _plain(field, getattr(item, field)) for field in fields}


def _plain(field: str, value: Any) -> Any:
    """Return what JSON can say: amounts as plain text, instants in ISO 8601."""
    if isinstance(value, Decimal):
        return f'{value:f}'
    if isinstance(value, int) and (field.endswith('_at') or field == 'since'):
        return instants.sortable(value)
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
