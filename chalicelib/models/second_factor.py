"""What a log-in needs beside the password: an authenticator app (TOTP), a passkey, or else a recovery code."""

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute, UnicodeSetAttribute

from chalicelib import errors
from chalicelib.models.attributes import IntegerAttribute
from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.user import User
from chalicelib.models.writes import Operation, Write


class Authenticator(Item, discriminator='authenticator'):
    """pk=USER#<user id>  sk=FACTOR#TOTP   A user's authenticator app (RFC 6238).

    creation: put, part of a transaction   of_user: query   use: one update   remove: delete   check_none: a check of a transaction

    `secret` is encrypted by KMS. `confirmed_at` is when its first code was entered. `last_step` is the time step of the last code that was
    taken, so that none is taken twice (section 5.2).
    """

    secret = BinaryAttribute(legacy_encoding=False)
    confirmed_at = IntegerAttribute()
    last_step = IntegerAttribute()

    @classmethod
    def at(cls, user_id: str) -> 'Authenticator':
        return cls(User.pk_of(user_id), 'FACTOR#TOTP')

    @classmethod
    def creation(cls, user_id: str, secret: bytes, step: int, now: int) -> Write:
        """Return the write that stores an app by its first code. Its transaction raises Conflict if the user has one already."""
        app = cls.at(user_id)
        app.secret, app.last_step, app.confirmed_at = secret, step, now
        return Write(Operation.PUT, app, cls.confirmed_at.does_not_exist(), on_failure=errors.Conflict)

    @classmethod
    def check_none(cls, user_id: str) -> Write:
        """Return the check that a user has no app. Its transaction raises AccessEnded if they do."""
        return Write(Operation.CHECK, cls.at(user_id), cls.confirmed_at.does_not_exist(), on_failure=errors.AccessEnded)

    def use(self, step: int) -> bool:
        """Take the code of a time step; False if it, or a later one, was taken before."""
        return self.update_if(Authenticator.last_step < step, Authenticator.last_step.set(step))


class RecoveryCodes(Item, discriminator='recovery_codes'):
    """pk=USER#<user id>  sk=FACTOR#RECOVERY   The codes for whoever lost the app or passkey; each is good once, and stored as SHA-256.

    creation: put, part of a transaction   keep: put   keeping: update, part of a transaction   use: one update   remove: delete
    check_none: a check of a transaction

    As long as it is stored, a password alone logs nobody in, also once all codes are used up and `hashes` is None.
    """

    hashes = UnicodeSetAttribute(null=True)

    @classmethod
    def at(cls, user_id: str) -> 'RecoveryCodes':
        return cls(User.pk_of(user_id), 'FACTOR#RECOVERY')

    @classmethod
    def creation(cls, user_id: str, codes: list[str]) -> Write:
        """Return the write that stores codes in the place of all earlier ones."""
        stored = cls.at(user_id)
        stored.hashes = {digest(code) for code in codes}
        return Write(Operation.PUT, stored)

    @classmethod
    def keep(cls, user_id: str) -> None:
        """Store that a log-in needs a second factor, without a code of it, should nothing say so yet."""
        cls.at(user_id).put_if(cls.pk.does_not_exist())

    @classmethod
    def keeping(cls, user_id: str) -> Write:
        """Return the write that does as `keep`, in the transaction of a factor for which `check_none` does not look."""
        return Write(Operation.UPDATE, cls.at(user_id), actions=[cls.kind.set(cls)])

    @classmethod
    def check_none(cls, user_id: str) -> Write:
        """Return the check that a log-in of a user needs none. Its transaction raises AccessEnded if it does."""
        return Write(Operation.CHECK, cls.at(user_id), cls.pk.does_not_exist(), on_failure=errors.AccessEnded)

    @classmethod
    def use(cls, user_id: str, code: str) -> bool:
        """Use a code up; False if it is none, or was used before."""
        used = digest(code)
        return cls.at(user_id).update_if(cls.hashes.contains(used), cls.hashes.delete({used}))


class Passkey(Item, discriminator='passkey'):
    """pk=USER#<user id>  sk=PASSKEY#<sha256 of the credential id>   A public key of WebAuthn, whose other half is in a user's device.

    save: put   find: get   of_user: query   use: one update   remove: delete

    `sign_count` is what the device last said of how often it signed; many always say 0.
    """

    credential_id = BinaryAttribute(legacy_encoding=False)
    public_key = BinaryAttribute(legacy_encoding=False)
    sign_count = IntegerAttribute()
    name = UnicodeAttribute()
    created_at = IntegerAttribute()
    last_used_at = IntegerAttribute(null=True)

    @property
    def passkey_id(self) -> str:
        return str(self.sk).removeprefix('PASSKEY#')

    @classmethod
    def at(cls, user_id: str, passkey_id: str) -> 'Passkey':
        return cls(User.pk_of(user_id), f'PASSKEY#{passkey_id}')

    @classmethod
    def find(cls, user_id: str, passkey_id: str) -> 'Passkey | None':
        try:
            return cls.get(User.pk_of(user_id), f'PASSKEY#{passkey_id}', consistent_read=True)
        except cls.DoesNotExist:
            return None

    @classmethod
    def of_user(cls, user_id: str) -> list['Passkey']:
        """Return a user's passkeys, oldest first."""
        passkeys = cls.query(User.pk_of(user_id), cls.sk.startswith('PASSKEY#'), consistent_read=True)
        return sorted(passkeys, key=lambda passkey: passkey.created_at)

    @classmethod
    def remove(cls, user_id: str, passkey_id: str) -> None:
        """Delete a passkey; it is no error if there is none."""
        passkey = cls.find(user_id, passkey_id)
        if passkey is not None:
            passkey.delete()

    def use(self, sign_count: int, now: int) -> bool:
        """Record a log-in; False if the passkey was removed, or used meanwhile."""
        unchanged = Passkey.pk.exists() & (Passkey.sign_count == self.sign_count)
        return self.update_if(unchanged, Passkey.sign_count.set(sign_count), Passkey.last_used_at.set(now))
