"""Secrets that the form which made them shows once, on the page after it."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.sealed import apply_key_stream
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write

_KEPT_SECONDS = 86_400


class AlreadyMade(Exception):
    """This form was sent before, and made something then."""


class OneTimeSecret(Item, discriminator='one_time_secret'):
    """pk=USER#<user id>  sk=ONCE#<form id>   TTL

    creation: put in the transaction that stores the secret's hash   withdrawal: a deletion of a transaction
    find: get   reveal: one update

    The form id is a digest of the CSRF token of a form, so that one form makes one secret however often it is sent. `page` is the path of
    the page that shows the secret. `sealed` is the secret, encrypted with the token of the session, which the table does not have; it is
    absent once it was shown, and where there is none.
    """

    page = UnicodeAttribute()
    session = UnicodeAttribute()
    sealed = UnicodeAttribute(null=True)

    @classmethod
    def creation(cls, user_id: str, form_id: str, *, session_token: str, secret: str | None, page: str, now: int) -> Write:
        """Return the write that keeps a secret to be shown. Its transaction raises AlreadyMade if the form was sent before."""
        kept = cls(*_key(user_id, form_id), page=page, session=digest(session_token), expires_at=now + _KEPT_SECONDS)
        if secret is not None:
            kept.sealed = _apply_key(secret.encode(), session_token, form_id).hex()
        return Write(Operation.PUT, kept, cls.pk.does_not_exist(), on_failure=AlreadyMade)

    @classmethod
    def withdrawal(cls, user_id: str, form_id: str) -> Write:
        """Return the write that takes such a creation back."""
        return Write(Operation.DELETE, cls(*_key(user_id, form_id)))

    @classmethod
    def find(cls, user_id: str, form_id: str) -> 'OneTimeSecret | None':
        try:
            return cls.get(*_key(user_id, form_id), consistent_read=True)
        except cls.DoesNotExist:
            return None

    def reveal(self, session_token: str) -> str | None:
        """Return the secret to the session in which it was made, the first time; None any other time."""
        sealed: str | None = self.sealed
        if sealed is None or self.session != digest(session_token):
            return None
        if not self.update_if(OneTimeSecret.sealed.exists(), OneTimeSecret.sealed.remove()):
            return None
        return _apply_key(bytes.fromhex(sealed), session_token, str(self.sk).removeprefix('ONCE#')).decode()


def _apply_key(text: bytes, session_token: str, form_id: str) -> bytes:
    """Encrypt or decrypt the secret of a form, which makes one only."""
    return apply_key_stream(text, 'one-time secret', session_token, form_id)


def _key(user_id: str, form_id: str) -> tuple[str, str]:
    return User.pk_of(user_id), f'ONCE#{form_id}'
