"""People, and the e-mail addresses that must be unique among them."""

import uuid

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib import errors
from chalicelib.domain import instants
from chalicelib.models.base import IntegerAttribute, Item, Verb, Write, transact


class Email(Item, discriminator='email'):
    """pk=EMAIL#<lower-case address>  sk=EMAIL   Put with attribute_not_exists: uniqueness."""

    user_id = UnicodeAttribute()

    @classmethod
    def key(cls, address: str) -> str:
        return f'EMAIL#{address.strip().lower()}'


class User(Item, discriminator='user'):
    """pk=USER#<user id>  sk=USER

    create: user and e-mail in one transaction   find(id): get   with_email(address): two gets
    draw_portfolio_id: one update
    """

    user_id = UnicodeAttribute()
    name = UnicodeAttribute(null=True)
    email = UnicodeAttribute()
    password_hash = UnicodeAttribute()
    allow_remote_login = BooleanAttribute(default=False)
    last_portfolio_id = IntegerAttribute(default=0)
    created_at = IntegerAttribute()

    @classmethod
    def pk_of(cls, user_id: str) -> str:
        return f'USER#{user_id}'

    @classmethod
    def create(cls, *, name: str | None, email: str, password_hash: str, allow_remote_login: bool, now: int) -> 'User':
        """Store a new user. Raises Invalid when the e-mail address is taken."""
        user_id = uuid.uuid4().hex
        user = cls(
            cls.pk_of(user_id),
            'USER',
            user_id=user_id,
            name=name,
            email=email.strip(),
            password_hash=password_hash,
            allow_remote_login=allow_remote_login,
            created_at=now,
        )
        taken = errors.Invalid(errors.Fault('email', 'taken', 'this e-mail address already has an account'))
        transact(
            Write(
                Verb.PUT,
                Email(Email.key(email), 'EMAIL', user_id=user_id),
                condition=Email.pk.does_not_exist(),
                otherwise=lambda: taken,
            ),
            Write(Verb.PUT, user, condition=User.pk.does_not_exist()),
        )
        return user

    @classmethod
    def find(cls, user_id: str) -> 'User':
        """Return the user. Raises NotFound."""
        try:
            return cls.get(cls.pk_of(user_id), 'USER', consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None

    @classmethod
    def with_email(cls, address: str) -> 'User | None':
        """Return the user with this e-mail address, in any case, or None."""
        try:
            return cls.find(Email.get(Email.key(address), 'EMAIL', consistent_read=True).user_id)
        except (Email.DoesNotExist, errors.NotFound):
            return None

    @classmethod
    def draw_portfolio_id(cls, user_id: str) -> int:
        """Return the next portfolio id of this user; no id is ever given twice. Raises NotFound."""
        user = cls(cls.pk_of(user_id), 'USER')
        user.update_existing([cls.last_portfolio_id.add(1)])
        return user.last_portfolio_id

    def public(self) -> dict[str, str | None]:
        """Return the document's user object."""
        return {'name': self.name, 'email': self.email, 'created_at': instants.iso(self.created_at)}
