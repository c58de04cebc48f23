"""Log-ins, and second factors that are being added, under way in a browser: found by a token in a cookie of its own."""

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute

from chalicelib import errors
from chalicelib.models.client import digest
from chalicelib.models.sealed import SealedItem
from chalicelib.models.session import new_token
from chalicelib.models.user import User

LASTS_SECONDS = 600
_FINISHED = 'finished'


class LogInStep(SealedItem, discriminator='log_in_step'):
    """pk=STEP#<sha256 of the token>  sk=STEP   TTL

    begin: put   find: get   challenge_with, finish: one update

    `purpose` is `second_factor` (the password of `user_id` was right), `passkey` (a log-in without a password, `user_id` is None),
    `register` (of a passkey by `user_id`) or `app` (of an authenticator app by `user_id`). `challenge` is what the device must sign, each
    only once. `stamp` must still be what it was: `User.log_in_stamp` of `second_factor`, as a password that was right is of no use once it
    was changed, and `User.stamp` of what is added in a session. The user's id and the secret of an app are sealed.
    """

    purpose = UnicodeAttribute()
    stamp = UnicodeAttribute(null=True)
    challenge = BinaryAttribute(legacy_encoding=False, null=True)

    @classmethod
    def begin(
        cls, purpose: str, user: User | None, now: int, challenge: bytes | None = None, *, secret: str | None = None
    ) -> tuple[str, 'LogInStep']:
        """Store a step of a user, None for whoever's passkey it will be; return its token, and the step."""
        token = new_token()
        step = cls(*_key(token), purpose=purpose, expires_at=now + LASTS_SECONDS)
        step.seal(token, {'user_id': user.user_id if user else None, 'secret': secret})
        if user is not None:
            step.stamp = user.log_in_stamp if purpose == 'second_factor' else user.stamp
        step.challenge = challenge
        step.save()
        return token, step

    @classmethod
    def find(cls, token: str, now: int, *purposes: str) -> 'LogInStep':
        """Return a step that has one of these purposes and has not expired; no token is that of none. Raises NotFound. TTL deletes late."""
        if not token:
            raise errors.NotFound
        try:
            step = cls.get(*_key(token), consistent_read=True)
        except cls.DoesNotExist:
            raise errors.NotFound from None
        step.unseal(token)
        if step.purpose not in purposes or (step.expires_at or 0) <= now:
            raise errors.NotFound
        return step

    @property
    def user_id(self) -> str | None:
        return self.private.get('user_id')

    @property
    def secret(self) -> str | None:
        return self.private.get('secret')

    def is_of(self, user: User) -> bool:
        """Whether this user began to add it, whose password, address and sessions have not changed since."""
        return self.user_id == user.user_id and self.stamp == user.stamp

    def find_user(self) -> User:
        """Return the user whose password was right. Raises NotFound, also once that or their address changed."""
        user = User.find(self.user_id or '')
        if user.log_in_stamp != self.stamp:
            raise errors.NotFound
        return user

    def challenge_with(self, challenge: bytes) -> None:
        """Set the challenge. Raises NotFound if the step was finished."""
        if not self.update_if(LogInStep.purpose == self.purpose, LogInStep.challenge.set(challenge)):
            raise errors.NotFound

    def finish(self) -> None:
        """Use the step up. Raises NotFound if it was before."""
        if not self.update_if(LogInStep.purpose == self.purpose, LogInStep.purpose.set(_FINISHED)):
            raise errors.NotFound


def _key(token: str) -> tuple[str, str]:
    return f'STEP#{digest(token)}', 'STEP'
