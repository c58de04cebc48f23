"""The uniqueness of users' email addresses."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib import errors
from chalicelib.models.item import Item
from chalicelib.models.writes import Operation, Write
from chalicelib.texts import translatable

_LONGEST_EMAIL = 320  # longer than any address, shorter than the longest key


class Email(Item, discriminator='email'):
    """pk=EMAIL#<lower-case address>  sk=EMAIL   Put with attribute_not_exists, which makes addresses unique."""

    user_id = UnicodeAttribute()

    @classmethod
    def key(cls, address: str) -> str:
        return f'EMAIL#{address.strip().lower()[:_LONGEST_EMAIL]}'

    @classmethod
    def claim(cls, address: str, user_id: str) -> Write:
        """Return the write that assigns the address to a user. Its transaction raises Invalid if another user has it."""
        fault = errors.Invalid(errors.Fault('email', 'taken', translatable('this email address already has an account')))
        return Write(Operation.PUT, cls(cls.key(address), 'EMAIL', user_id=user_id), cls.pk.does_not_exist(), on_failure=lambda: fault)
