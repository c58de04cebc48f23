"""Users."""

import hashlib
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib import errors
from chalicelib.config import settings
from chalicelib.models.attributes import IntegerAttribute, RowsAttribute
from chalicelib.models.due_index import LEDGERS
from chalicelib.models.email_address import Email, FormerEmail, email_taken_error
from chalicelib.models.item import Item
from chalicelib.models.quota import Quota
from chalicelib.models.take_back import TakeBack
from chalicelib.models.writes import Operation, Write, transact
from chalicelib.texts import translatable

CONFIRM_SECONDS = 86_400  # how long a link that confirms a sign-up works
_SPARE_SECONDS = 3_600  # a link to reset the password may be asked for until then, and works for an hour
_NOBODY = 'nobody'
_FIRST_EPOCH = 'first'


class User(Item, discriminator='user'):
    """pk=USER#<user id>  sk=USER   TTL while the email address is not confirmed

    create: user and email in one transaction   find(id): get   with_email(address): two gets
    allocate_portfolio_id, rename, allow_remote, forbid_remote, set_password, end_sessions, schedule_deletion,
    cancel_deletion: one update   withdrawal: writes of a transaction
    renewal, confirmation, password_reset, claim: writes of a transaction with the mailed token
    check_unchanged: a check of a transaction   count_creation, count_session: an update of a transaction

    `portfolio_count` is absent for none, and excludes portfolios stored before there was a count.
    `creations` is how often something was made that a user may have only so many of, whatever became of it.
    `confirmed_at` is None until the email address is confirmed; until then the account cannot be used.
    `sessions_begun` counts those since old ones were last deleted.
    `sessions_epoch` is drawn anew by whatever ends all sessions: those that were begun in another one are none any more.
    `take_backs` are the links that take changes of the address back, in the order of the changes; see `take_back`.
    `delete_at` is when the account is to be deleted, None if it is to stay; until then it is in the `due` index for that.
    """

    user_id = UnicodeAttribute()
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute()
    password_hash = UnicodeAttribute()
    allow_remote_login = BooleanAttribute(default=False)
    portfolio_count = IntegerAttribute(default=0)
    last_portfolio_id = IntegerAttribute(default=0)
    creations = IntegerAttribute(default=0)
    created_at = IntegerAttribute()
    confirmed_at = IntegerAttribute(null=True)
    sessions_begun = IntegerAttribute(default=0)
    sessions_epoch = UnicodeAttribute(default=_FIRST_EPOCH)
    delete_at = IntegerAttribute(null=True)
    take_backs = RowsAttribute(TakeBack)

    @classmethod
    def pk_of(cls, user_id: str) -> str:
        return f'USER#{user_id}'

    @classmethod
    def new(cls, *, name: str | None, email: str, password_hash: str, allow_remote_login: bool, now: int, confirmed: bool = True) -> 'User':
        """Return a new user; `creation` stores it."""
        user_id = uuid.uuid4().hex
        return cls(
            cls.pk_of(user_id),
            'USER',
            user_id=user_id,
            name=name,
            email=email.strip(),
            password_hash=password_hash,
            allow_remote_login=allow_remote_login,
            created_at=now,
            confirmed_at=now if confirmed else None,
            expires_at=None if confirmed else _unconfirmed_until(now),
        )

    @classmethod
    def create(cls, **values: Any) -> 'User':
        """Store a new user with the arguments of `new`. Raises Invalid if the email address is taken."""
        user = cls.new(**values)
        transact(*user.creation())
        return user

    def creation(self, instead_of: 'User | None' = None) -> list[Write]:
        """Return the writes that store a new user, `instead_of` one who never confirmed the email address.

        Their transaction raises Invalid if the address is taken, or kept, NotFound if it was confirmed meanwhile.
        """
        put = Write(Operation.PUT, self, condition=User.pk.does_not_exist())
        free = FormerEmail.check_free(self.email, self.user_id, self.created_at)
        return [free, *self.claim(self.email, self.created_at, instead_of, self.expires_at), put]

    def renewal(self, now: int) -> list[Write]:
        """Return the writes that keep an unconfirmed user as long as a new one; they raise Invalid if the user has confirmed or is gone."""
        until = _unconfirmed_until(now)
        unconfirmed = User.pk.exists() & User.confirmed_at.does_not_exist()
        kept = Write(Operation.UPDATE, self, unconfirmed, [User.expires_at.set(until)], email_taken_error)
        return [Email.renewal(self.email, self.user_id, until), kept]

    def withdrawal(self) -> list[Write]:
        """Return the writes that undo `creation`. Their transaction raises NotFound if the email address was confirmed meanwhile."""
        return [
            Write(Operation.DELETE, Email(Email.key(self.email), 'EMAIL'), Email.user_id == self.user_id, on_failure=errors.NotFound),
            self._removal_unconfirmed(),
        ]

    def _removal_unconfirmed(self) -> Write:
        return Write(Operation.DELETE, self, User.confirmed_at.does_not_exist(), on_failure=errors.NotFound)

    def claim(self, address: str, now: int, instead_of: 'User | None', expires_at: int | None = None) -> list[Write]:
        """Return the writes that assign an address to the user, and delete the one who has it without having confirmed it."""
        if instead_of is None:
            return [Email.claim(address, self.user_id, now=now, expires_at=expires_at)]
        claim = Email.claim(address, self.user_id, now=now, expires_at=expires_at, instead_of=instead_of.user_id)
        return [claim, instead_of._removal_unconfirmed()]

    @classmethod
    def find(cls, user_id: str) -> 'User':
        """Return the user. Raises NotFound."""
        try:
            return cls.get(cls.pk_of(user_id), 'USER', consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None

    @classmethod
    def with_email(cls, address: str) -> 'User | None':
        """Return the user with this email address (case-insensitive), or None.

        Both outcomes take two gets, so that timing does not reveal which users exist.
        """
        try:
            user_id = Email.get(Email.key(address), 'EMAIL', consistent_read=True).user_id
        except Email.DoesNotExist:
            user_id = _NOBODY
        try:
            return cls.find(user_id)
        except errors.NotFound:
            return None

    @classmethod
    def unconfirmed_with_email(cls, address: str) -> 'User | None':
        """Return the user who has this email address without having confirmed it, or None."""
        user = cls.with_email(address)
        return user if user is not None and user.confirmed_at is None else None

    @classmethod
    def at(cls, user_id: str) -> 'User':
        """Return an empty instance with a user's key, for updates."""
        return cls(cls.pk_of(user_id), 'USER')

    @classmethod
    def portfolio_quota(cls) -> Quota:
        """Return the quota of portfolios per user."""
        sentence = translatable('you can have at most {most} portfolios: delete one before you add another')
        return Quota('portfolios', cls.portfolio_count, settings().max_portfolios, sentence)

    @classmethod
    def allocate_portfolio_id(cls, user_id: str) -> int:
        """Return this user's next portfolio id; ids are never reused. Raises NotFound, and Invalid over the quota."""
        user = cls.at(user_id)
        cls.portfolio_quota().allocate_id(user, cls.last_portfolio_id)
        return user.last_portfolio_id

    def is_or_may_be_confirmed(self, now: int) -> bool:
        """Return whether the email address is confirmed, or may still be by the link of a sign-up."""
        expires_at: int | None = self.expires_at
        return expires_at is None or now < expires_at - _SPARE_SECONDS

    @property
    def log_in_stamp(self) -> str:
        """A digest of what the user logs in with: what only the address and the password stand for ends when either changes."""
        return hashlib.sha256(f'{self.email}\n{self.password_hash}'.encode()).hexdigest()

    @property
    def stamp(self) -> str:
        """A digest of that and of which sessions are valid: what was begun in a session ends with it."""
        return hashlib.sha256(f'{self.email}\n{self.password_hash}\n{self.sessions_epoch}'.encode()).hexdigest()

    def rename(self, name: str | None) -> None:
        """Set the name, or remove it for None. Raises NotFound."""
        self.update_existing([User.name.set(name) if name else User.name.remove()])

    def allow_remote(self) -> bool:
        """Let applications use the password grant; return whether they might not before. Raises NotFound, AccessEnded as `end_sessions`."""
        if self.update_if(self.unchanged() & User.allow_remote_login.is_in(False), User.allow_remote_login.set(True)):
            return True
        if User.find(self.user_id).stamp != self.stamp:
            raise errors.AccessEnded
        return False

    def forbid_remote(self) -> None:
        """Let no application use the password grant. Raises NotFound."""
        self.update_existing([User.allow_remote_login.set(False)])

    def set_password(self, password_hash: str) -> None:
        """Set the password, end all sessions and mailed links. Raises AccessEnded if the stamp changed since the old one was verified."""
        actions: list[Action] = [User.password_hash.set(password_hash), end_sessions()]
        self.update_existing(actions, self.unchanged(), errors.AccessEnded)

    def end_sessions(self) -> None:
        """End all sessions, and links mailed to a new address. Raises AccessEnded if the user's stamp changed since they were read."""
        self.update_existing([end_sessions()], self.unchanged(), errors.AccessEnded)

    def schedule_deletion(self, at: int) -> int:
        """Let the account be deleted at `at`, unless it is to be already; return when it will be.

        Raises NotFound, AccessEnded if the user's stamp changed since they were read, and Conflict if they cancel at the same time.
        """
        first = User.delete_at.does_not_exist()
        if self.update_if(self.unchanged() & first, User.delete_at.set(at), *LEDGERS.enter(self.pk, at)):
            return at
        now = User.find(self.user_id)
        if now.stamp != self.stamp:
            raise errors.AccessEnded
        scheduled: int | None = now.delete_at
        if scheduled is None:
            raise errors.Conflict
        return scheduled

    def cancel_deletion(self) -> bool:
        """Let the account stay; return whether it was to be deleted."""
        return self.update_if(User.delete_at.exists(), *no_deletion())

    def confirmation(self, *, name: str | None, password_hash: str, now: int) -> list[Write]:
        """Return the writes that confirm the email address with a sign-up's values.

        Their transaction raises NotFound if it is confirmed already, and if the user is gone or has it no longer.
        """
        name_action = User.name.set(name) if name else User.name.remove()
        actions: list[Action] = [User.confirmed_at.set(now), User.expires_at.remove(), User.password_hash.set(password_hash), name_action]
        unconfirmed = User.pk.exists() & User.confirmed_at.does_not_exist()
        return [Write(Operation.UPDATE, self, unconfirmed, actions, errors.NotFound), Email.keep(self.email, self.user_id)]

    def password_reset(self, password_hash: str, now: int) -> list[Write]:
        """Return the writes that set a password, end all sessions and log-ins by applications, and confirm the email address.

        Their transaction raises NotFound if the address or the password changed in the meantime. That sessions ended stops no reset:
        whoever is in one could else keep its owner from ending it.
        """
        actions: list[Action] = [
            User.password_hash.set(password_hash),
            end_sessions(),
            User.allow_remote_login.set(False),
            User.confirmed_at.set(self.confirmed_at or now),
            User.expires_at.remove(),
        ]
        reset = Write(Operation.UPDATE, self, self._logs_in_as_read(), actions, errors.NotFound)
        return [reset] if self.confirmed_at is not None else [reset, Email.keep(self.email, self.user_id)]

    def check_unchanged(self, *, by_password: bool = False) -> Write:
        """Return the check that belongs in the transaction of whatever opens the account; `by_password` as of `unchanged`.

        The transaction raises AccessEnded if the user's stamp changed since they were read: what was begun before a password reset, or
        before logging out everywhere, must not outlive it.
        """
        return Write(Operation.CHECK, self, self.unchanged(by_password=by_password), on_failure=errors.AccessEnded)

    def count_session(self) -> Write:
        """Return the write that counts a session that is begun. Its transaction raises AccessEnded as that of `check_unchanged`."""
        return Write(Operation.UPDATE, self, self.unchanged(), [User.sessions_begun.add(1)], errors.AccessEnded)

    def count_creation(self, on_failure: Callable[[], Exception], *, by_password: bool = False) -> Write:
        """Return the write that counts one creation more. Its transaction raises `on_failure` if that or the user changed."""
        same: Condition = User.creations == self.creations
        if not self.creations:
            same |= User.creations.does_not_exist()
        return Write(Operation.UPDATE, self, self.unchanged(by_password=by_password) & same, [User.creations.add(1)], on_failure)

    def unchanged(self, *, by_password: bool = False) -> Condition:
        """Return the condition that the stamp is as it was read; `by_password`, that applications may still log in with that, too."""
        same_sessions: Condition = User.sessions_epoch == self.sessions_epoch
        if self.sessions_epoch == _FIRST_EPOCH:
            same_sessions |= User.sessions_epoch.does_not_exist()
        unchanged: Condition = self._logs_in_as_read() & same_sessions
        return unchanged & User.allow_remote_login.is_in(True) if by_password else unchanged

    def _logs_in_as_read(self) -> Condition:
        same: Condition = (User.password_hash == self.password_hash) & (User.email == self.email)
        return same


def end_sessions() -> Action:
    """Return the action that ends all sessions of a user."""
    return User.sessions_epoch.set(secrets.token_hex(8))


def no_deletion() -> list[Action]:
    """Return the actions that let a user's account stay, whether or not it was to be deleted."""
    return [User.delete_at.remove(), User.due_shard.remove(), User.due_at.remove()]


def _unconfirmed_until(now: int) -> int:
    return now + CONFIRM_SECONDS + _SPARE_SECONDS
