"""The uniqueness of users' email addresses, also of those that a user can take back."""

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib import errors
from chalicelib.models.item import Item
from chalicelib.models.writes import Operation, Write
from chalicelib.texts import translatable

_LONGEST_EMAIL = 320  # longer than any address, shorter than the longest key


class Email(Item, discriminator='email'):
    """pk=EMAIL#<lower-case address>  sk=EMAIL   TTL   Put on condition that nobody has the address, which makes addresses unique.

    `expires_at` is that of its user, None for one who confirmed the address.
    """

    user_id = UnicodeAttribute()

    @classmethod
    def key(cls, address: str) -> str:
        return f'EMAIL#{address.strip().lower()[:_LONGEST_EMAIL]}'

    @classmethod
    def claim(cls, address: str, user_id: str, *, now: int, expires_at: int | None = None, instead_of: str | None = None) -> Write:
        """Return the write that assigns the address to a user. Its transaction raises Invalid if another user has it.

        What expired is nobody's, though DynamoDB deletes it days later. `instead_of` is the id of a user who never confirmed the address.
        """
        free: Condition = cls.pk.does_not_exist() | (cls.expires_at <= now)
        if instead_of is not None:
            free |= cls.user_id == instead_of
        item = cls(cls.key(address), 'EMAIL', user_id=user_id, expires_at=expires_at)
        return Write(Operation.PUT, item, free, on_failure=email_taken_error)

    @classmethod
    def keep(cls, address: str, user_id: str) -> Write:
        """Return the write that lets a user have the address for good. Its transaction raises NotFound if they have it no longer."""
        return Write(Operation.UPDATE, cls(cls.key(address), 'EMAIL'), cls.user_id == user_id, [cls.expires_at.remove()], errors.NotFound)

    @classmethod
    def renewal(cls, address: str, user_id: str, until: int) -> Write:
        """Return the write that lets a user have the address until then. Its transaction raises Invalid if they have it no longer."""
        return Write(
            Operation.UPDATE, cls(cls.key(address), 'EMAIL'), cls.user_id == user_id, [cls.expires_at.set(until)], email_taken_error
        )


class FormerEmail(Item, discriminator='former_email'):
    """pk=FORMER_EMAIL#<lower-case address>  sk=FORMER_EMAIL   TTL   That a user who has another address by now can take the change back.

    put, checked and deleted in transactions   kept_for: get

    Nobody else gets the address until then.
    """

    user_id = UnicodeAttribute()

    @classmethod
    def key(cls, address: str) -> tuple[str, str]:
        return f'FORMER_{Email.key(address)}', 'FORMER_EMAIL'

    @classmethod
    def keeping(cls, address: str, user_id: str, until: int) -> Write:
        """Return the write that keeps the address that a user moves away from."""
        return Write(Operation.PUT, cls(*cls.key(address), user_id=user_id, expires_at=until))

    @classmethod
    def check_free(cls, address: str, user_id: str, now: int) -> Write:
        """Return the check that the address is kept for nobody but this user. Its transaction raises Invalid."""
        free: Condition = cls.pk.does_not_exist() | (cls.expires_at <= now) | (cls.user_id == user_id)
        return Write(Operation.CHECK, cls(*cls.key(address)), free, on_failure=_kept_error)

    @classmethod
    def forgetting(cls, address: str) -> Write:
        """Return the write that keeps an address no longer."""
        return Write(Operation.DELETE, cls(*cls.key(address)))

    @classmethod
    def kept_for(cls, address: str, now: int) -> str | None:
        """Return the id of the user for whom an address is kept, None for one that is not."""
        try:
            kept = cls.get(*cls.key(address), consistent_read=True)
        except cls.DoesNotExist:
            return None
        return kept.user_id if now < (kept.expires_at or 0) else None


def email_taken_error() -> errors.Invalid:
    """Return what to raise where somebody else has an address."""
    return errors.Invalid(errors.Fault('email', 'taken', translatable('this email address already has an account')))


def _kept_error() -> errors.Invalid:
    sentence = translatable('the account that used this email address can still undo its change: try again in a week')
    return errors.Invalid(errors.Fault('email', 'taken', sentence))
