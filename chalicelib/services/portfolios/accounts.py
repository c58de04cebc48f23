"""Put an account into a portfolio, change it, take it out: the child, the count, the watch, the ledger and the credentials together."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
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
    AttemptCounter,
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

_ATTEMPTS = 5  # at storing a key while other accounts of the portfolio get theirs
_MOST_CREDENTIALS = 60  # of one user in an hour: each are tried at an exchange, which knows all users by one address
_HOUR = 3_600


class AccountDraft(NamedTuple):
    """An account that is not stored yet, and its credentials as ciphertext; `keys` is as in _Key."""

    child: Account
    credentials: Credentials
    keys: int


class _Key(NamedTuple):
    """The digest of an API key that no account of a portfolio has, None of credentials without one.

    `keys` is how often accounts of the portfolio had got keys when they were read: this one may be stored while they have not since.
    """

    digest: str | None
    keys: int


class _KeysChanged(Exception):
    """An account of the portfolio got a key since they were read: it may be the same one."""


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
    child.created_at = child.updated_at = now
    key = _unique_key(child, _digest(child, credentials))
    child.key_digest = key.digest
    return AccountDraft(child, _encrypted(child, credentials), key.keys)


def store(draft: AccountDraft, *, also: Sequence[Write] = ()) -> None:
    """Put a new account into its portfolio, with `also` in the same transaction, and enqueue its first refresh.

    Raises NotFound when the portfolio is gone, Invalid when it has as many accounts as it may, or by now one with this API key, TooMany.
    """
    child = draft.child
    now = child.created_at

    def attempt(keys: int) -> None:
        counted = Portfolio.account_quota().increment(Portfolio.at(child.user_id, child.portfolio_id), *Portfolio.changed())
        transact(
            *also,
            Write(Operation.PUT, child, condition=Account.pk.does_not_exist()),
            Write(Operation.PUT, draft.credentials),
            Write(Operation.PUT, Watch.of(child)),
            _with_key(counted, keys),
            Ledger.make_due_anew(child.ledger, now, child.credentials_id, child.user_id),
            _count_credentials(child.user_id, now),
        )

    _while_unique(child, _Key(child.key_digest, draft.keys), attempt)
    messages.send_or_leave_to_sweep(RefreshLedger(child.ledger, group=work_group(child.user_id)))
    portfolio_changed(child.user_id, child.portfolio_id, looked_at=now)


def change(
    child: Account, *, title: str | None, credentials: Mapping[str, Any] | None, now: int, expected: ExpectedVersions = None
) -> Account:
    """Store a new title, other credentials, or both; return what the account then is.

    With other credentials the account is read from the start, as they may be those of another one, and whatever was wrong with the
    earlier ones is over. Raises NotFound when the account is gone, PreconditionFailed, Invalid when another account of the portfolio has
    this API key, and TooMany.
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
    credentials_id, key = uuid.uuid4().hex, _unique_key(child, _digest(child, credentials))
    digest = Account.key_digest.remove() if key.digest is None else Account.key_digest.set(key.digest)
    forgotten = (Account.problem.remove(), Account.problem_detail.remove())
    fresh = (Account.credentials_id.set(credentials_id), digest, Account.valid.set(True), *forgotten)
    encrypted, header = _encrypted(child, credentials), Portfolio.at(child.user_id, child.portfolio_id)

    def attempt(keys: int) -> None:
        transact(
            Write(
                Operation.UPDATE,
                Account.at(child.user_id, child.portfolio_id, child.account_id),
                has_version(Account.version, expected),
                [*actions, *fresh],
                version_mismatch(expected),
            ),
            Write(Operation.PUT, encrypted),
            _with_key(Write(Operation.UPDATE, header, Portfolio.pk.exists(), on_failure=errors.NotFound), keys),
            Ledger.make_due_anew(child.ledger, now, credentials_id, child.user_id),
            _count_credentials(child.user_id, now),
        )

    _while_unique(child, key, attempt)
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
    portfolio_changed(child.user_id, child.portfolio_id, looked_at=now)


def _digest(child: Account, credentials: Mapping[str, Any]) -> str | None:
    """Return the digest of an API key with its owner, None of credentials without one."""
    if 'key' not in credentials:
        return None
    return sha256(f'{child.user_id} {child.wallet} {credentials["key"]}'.encode()).hexdigest()


def _unique_key(child: Account, digest: str | None) -> _Key:
    """Return an API key that no other account of the portfolio has. Raises Invalid when one has it, NotFound.

    It would count twice; in another portfolio it may.
    """
    header, accounts = Account.of_portfolio(child.user_id, child.portfolio_id, limit=settings().max_accounts)
    others = [other for other in accounts if other.account_id != child.account_id]
    if digest is not None and digest in {other.key_digest for other in others}:
        sentence = translatable('this portfolio already has an account with this API key')
        raise errors.Invalid(errors.Fault('credentials.key', 'duplicate_account', sentence))
    return _Key(digest, header.account_keys)


def _with_key(write: Write, keys: int) -> Write:
    """Return a write of a portfolio that also counts a key of an account, while these are as they were read. Raises _KeysChanged if not."""
    same = Portfolio.account_keys == keys
    if keys == 0:  # also in a portfolio that was stored before they were counted
        same = same | Portfolio.account_keys.does_not_exist()

    def failure() -> Exception:
        header = Portfolio(write.item.pk, write.item.sk)
        try:
            header.refresh(consistent_read=True)
        except Portfolio.DoesNotExist:
            return errors.NotFound()
        return _KeysChanged() if header.account_keys != keys else write.on_failure()

    return write._replace(condition=write.condition & same, actions=[*write.actions, Portfolio.account_keys.add(1)], on_failure=failure)


def _count_credentials(user_id: str, now: int) -> Write:
    """Return the write that counts credentials that a user stores. Its transaction raises TooMany for one who tries them out."""
    return AttemptCounter.recording('credentials', user_id, _MOST_CREDENTIALS, _HOUR, now)


def _while_unique(child: Account, key: _Key, attempt: Callable[[int], None]) -> None:
    """Attempt to store a key until no other account gets one meanwhile. Raises Invalid when another has got this one, Conflict."""
    for _ in range(_ATTEMPTS):
        try:
            return attempt(key.keys)
        except _KeysChanged:
            key = _unique_key(child, key.digest)
    raise errors.Conflict


def _encrypted(child: Account, credentials: Mapping[str, Any]) -> Credentials:
    """Return credentials as they are stored: the context of their encryption names owner and account."""
    stored = Credentials.at(child.ledger)
    stored.wallet = child.wallet
    stored.secret = vault.encrypt(json.dumps(credentials), vault.ledger_context(child.ledger))
    return stored
