"""The writes that change the email address of a user."""

from chalicelib import errors
from chalicelib.models.email_address import Email
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write


def email_change(user: User, email: str, now: int, instead_of: User | None = None) -> list[Write]:
    """Return the writes that change a user's email address, to that of `instead_of` if they never confirmed it.

    Their transaction raises Invalid if the address is taken, and NotFound if either user changed in the meantime.
    """
    address_change = Write(Operation.UPDATE, user, user.unchanged(), [User.email.set(email)], errors.NotFound)
    if Email.key(email) == Email.key(user.email):
        return [address_change]
    return [Write(Operation.DELETE, Email(Email.key(user.email), 'EMAIL')), *user.claim(email, now, instead_of), address_change]
