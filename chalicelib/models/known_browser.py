"""Browsers in which a user has logged in before: no mail tells of their log-ins, and strangers' wrong passwords do not lock them out."""

from pynamodb.attributes import BooleanAttribute

from chalicelib.models.client import digest
from chalicelib.models.item import Item
from chalicelib.models.user import User

KNOWN_SECONDS = 400 * 86_400  # as long as browsers keep a cookie at most


class KnownBrowser(Item, discriminator='known_browser'):
    """pk=USER#<user id>  sk=BROWSER#<sha256 of the browser's token>   TTL

    in_use: put in the transaction that starts a session   find: get   doubt: update   doubt_all: query, and an update each
    forget_all_but: query, and a delete each

    The token opens nothing: it only tells one browser from another. One that is `doubted` may have been used by somebody else: the next
    log-in there is mailed. Attempts in it still count by themselves, else whoever ends the owner's session could lock the owner out.
    """

    doubted = BooleanAttribute(null=True)

    @classmethod
    def at(cls, user_id: str, token: str) -> 'KnownBrowser':
        return cls(User.pk_of(user_id), f'BROWSER#{digest(token)}')

    @classmethod
    def in_use(cls, user_id: str, token: str, now: int) -> 'KnownBrowser':
        """Return a browser in which a user logs in; `Session.start` stores it."""
        browser = cls.at(user_id, token)
        browser.expires_at = now + KNOWN_SECONDS
        return browser

    @classmethod
    def find(cls, user_id: str, token: str, now: int) -> 'KnownBrowser | None':
        """Return the browser with this token, None for one in which the user did not log in."""
        browser = cls.at(user_id, token)
        try:
            stored = cls.get(browser.pk, browser.sk, consistent_read=True)
        except cls.DoesNotExist:
            return None
        return stored if (stored.expires_at or 0) > now else None

    def doubt(self) -> None:
        """Have the next log-in here mailed; it is no error if the browser is not known any more."""
        self.update_if(KnownBrowser.pk.exists(), KnownBrowser.doubted.set(True))

    @classmethod
    def doubt_all(cls, user_id: str) -> None:
        """Have the next log-in in each browser of a user mailed."""
        for browser in cls.query(User.pk_of(user_id), cls.sk.startswith('BROWSER#'), consistent_read=True):
            if not browser.doubted:
                browser.doubt()

    @classmethod
    def forget_all_but(cls, most: int, user_id: str) -> None:
        """Forget the browsers of a user, all but `most` of those in which they logged in last."""
        browsers = cls.query(User.pk_of(user_id), cls.sk.startswith('BROWSER#'), consistent_read=True)
        for browser in sorted(browsers, key=lambda browser: -(browser.expires_at or 0))[most:]:
            browser.delete()
