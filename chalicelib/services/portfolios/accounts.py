"""Put an account into a portfolio, change it, take it out: the child, the count, the watch, the ledger and the credentials together."""

import json
import uuid
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from chalicelib import errors, messages, vault
from chalicelib.config import BadSetting, settings
from chalicelib.domain import experimental_exchanges
from chalicelib.domain.exchanges import Exchange
from chalicelib.domain.work_groups import work_group
from chalicelib.messages import RefreshLedger, portfolio_changed
from chalicelib.models import (
    Account,
    Credentials,
    ExpectedVersions,
    Ledger,
    Operation,
    Portfolio,
    Watch,
    Write,
    has_version,
    transact,
    version_mismatch,
)
from chalicelib.texts import translatable


class AccountDraft(NamedTuple):
    """An account that is not stored yet, and its credentials as ciphertext."""

    child: Account
    credentials: Credentials


def offered_exchanges() -> Mapping[str, Exchange]:
    """Return the exchanges at which accounts can be made here, by code. Raises BadSetting if the operator named one that there is not."""
    try:
        return experimental_exchanges.offered(settings().experimental_exchanges)
    except experimental_exchanges.UnknownExchange as error:
        raise BadSetting(f'EXPERIMENTAL_EXCHANGES has an exchange that cannot be read: {error}') from None


def draft(user_id: str, portfolio_id: int, *, title: str, wallet: str, credentials: Mapping[str, Any], now: int) -> AccountDraft:
    """Return a new account under the portfolio's next id, for `store`.

    Raises NotFound when there is no such portfolio, Invalid when it has as many accounts as it may, or one with this API key.
    """
    account_id = Portfolio.allocate_account_id(user_id, portfolio_id)
    child = Account.at(user_id, portfolio_id, account_id)
    child.user_id, child.portfolio_id, child.account_id = user_id, portfolio_id, account_id
    child.title, child.wallet = title, wallet
    child.credentials_id = uuid.uuid4().hex
    child.key_digest = _unique_digest(child, credentials)
    child.created_at = child.updated_at = now
    return AccountDraft(child, _encrypted(child, credentials))


def store(draft: AccountDraft, *, also: Sequence[Write] = ()) -> None:
    """Put a new account into its portfolio, with `also` in the same transaction, and enqueue its first refresh.

    Raises NotFound when the portfolio is gone, Invalid when it has as many accounts as it may.
    """
    child = draft.child
    now = child.created_at
    transact(
        *also,
        Write(Operation.PUT, child, condition=Account.pk.does_not_exist()),
        Write(Operation.PUT, draft.credentials),
        Write(Operation.PUT, Watch.of(child)),
        Portfolio.account_quota().increment(Portfolio.at(child.user_id, child.portfolio_id), *Portfolio.changed()),
        Ledger.make_due_anew(child.ledger, now, child.credentials_id, child.user_id),
    )
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger, group=work_group(child.user_id)))
    portfolio_changed(child.user_id, child.portfolio_id, seen_at=now)


def change(
    child: Account, *, title: str | None, credentials: Mapping[str, Any] | None, now: int, expected: ExpectedVersions = None
) -> Account:
    """Store a new title, other credentials, or both; return what the account then is.

    With other credentials the account is read from the start, as they may be those of another one, and whatever was wrong with the
    earlier ones is over. Raises NotFound when the account is gone, PreconditionFailed, Invalid when another account of the portfolio has
    this API key.
    """
    if expected is not None and child.version not in expected:
        raise errors.PreconditionFailed
    actions: list[Any] = [Account.updated_at.set(now), Account.version.add(1)]
    if title is not None:
        actions.append(Account.title.set(title))
    if credentials is not None:
        return _replace_credentials(child, credentials, actions, now, expected)
    if title is not None:
        child.update_existing(actions, has_version(Account.version, expected), version_mismatch(expected))
    return child


def _replace_credentials(
    child: Account, credentials: Mapping[str, Any], actions: list[Any], now: int, expected: ExpectedVersions
) -> Account:
    credentials_id, key_digest = uuid.uuid4().hex, _unique_digest(child, credentials)
    digest = Account.key_digest.remove() if key_digest is None else Account.key_digest.set(key_digest)
    forgotten = (Account.problem.remove(), Account.problem_detail.remove())
    fresh = (Account.credentials_id.set(credentials_id), digest, Account.valid.set(True), *forgotten)
    transact(
        Write(
            Operation.UPDATE,
            Account.at(child.user_id, child.portfolio_id, child.account_id),
            has_version(Account.version, expected),
            [*actions, *fresh],
            version_mismatch(expected),
        ),
        Write(Operation.PUT, _encrypted(child, credentials)),
        Ledger.make_due_anew(child.ledger, now, credentials_id, child.user_id),
    )
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger, group=work_group(child.user_id)))
    return Account.find(child.user_id, child.portfolio_id, child.account_id)


def delete(child: Account, *, now: int, expected: ExpectedVersions = None) -> None:
    """Remove an account and its credentials; its ledger is deleted by its next refresh. Raises NotFound, PreconditionFailed."""
    transact(
        Write(Operation.DELETE, child, condition=has_version(Account.version, expected), on_failure=version_mismatch(expected)),
        Write(Operation.DELETE, Credentials.at(child.ledger)),
        Write(Operation.DELETE, Watch.of(child)),
        Portfolio.account_quota().decrement(Portfolio.at(child.user_id, child.portfolio_id), *Portfolio.changed()),
        Ledger.make_due(child.ledger, now, user_id=child.user_id),
    )
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger, group=work_group(child.user_id)))
    portfolio_changed(child.user_id, child.portfolio_id, seen_at=now)


def _unique_digest(child: Account, credentials: Mapping[str, Any]) -> str | None:
    """Return the digest of an API key, None of credentials without one. Raises Invalid when another account of the portfolio has the key.

    It would count twice; in another portfolio it may. Two requests at once may both find none, and then it does.
    """
    if 'key' not in credentials:
        return None
    digest = sha256(f'{child.user_id} {child.wallet} {credentials["key"]}'.encode()).hexdigest()
    others = Account.page(child.user_id, child.portfolio_id, after=0, limit=settings().max_accounts)
    if any(other.key_digest == digest and other.account_id != child.account_id for other in others):
        sentence = translatable('this portfolio already has an account with this API key')
        raise errors.Invalid(errors.Fault('credentials.key', 'duplicate_account', sentence))
    return digest


def _encrypted(child: Account, credentials: Mapping[str, Any]) -> Credentials:
    """Return credentials as they are stored: the context of their encryption names owner and account."""
    stored = Credentials.at(child.ledger)
    stored.wallet = child.wallet
    stored.secret = vault.encrypt(json.dumps(credentials), vault.ledger_context(child.ledger))
    return stored
