"""The mails that people need to go on, most of them with a link: subjects and texts. Notices are in `notice_templates.py`."""

from typing import NamedTuple

from chalicelib.texts import Translatable, translatable


class MailTemplate(NamedTuple):
    """A mail; `text` has placeholders in braces. One that `warns` ends with what to do if it was not you."""

    subject: Translatable
    text: Translatable
    warns: bool = False


CONFIRM_SIGN_UP = MailTemplate(
    translatable('Confirm your email address'),
    translatable(
        """\
Welcome to CryptFolio.

Confirm your email address to activate your account. The link works once and expires in a day:

{link}

If you did not sign up, do not follow the link: without it, no one can use an account with your address."""
    ),
)
ALREADY_REGISTERED = MailTemplate(
    translatable('You already have an account'),
    translatable(
        """\
Someone, probably you, tried to sign up to CryptFolio with this email address. It already has an account, which was not changed.

Log in: {login}

If you forgot your password, set a new one. The link works once and expires in an hour:

{link}

If this was not you, you can ignore this email."""
    ),
)
RESET_PASSWORD = MailTemplate(
    translatable('Set a new password'),
    translatable(
        """\
Someone, probably you, requested a new password for your CryptFolio account.

Set it here. The link works once and expires in an hour:

{link}

Setting a new password logs you out everywhere else, disconnects your applications, deletes your API keys and passkeys, replaces the
secrets of applications that you registered, and stops applications from logging in with your password. A second factor stays: if you did
not add it, first remove it where you are still logged in: {factors}

If this was not you, you can ignore this email: your password stays the same."""
    ),
)
NO_ACCOUNT = MailTemplate(
    translatable('No account with this email address'),
    translatable(
        """\
Someone, probably you, requested a new password for a CryptFolio account, but no account uses this email address.

You may have signed up with a different address. To sign up with this one:

{signup}

If this was not you, you can ignore this email."""
    ),
)
FORMER_EMAIL = MailTemplate(
    translatable('Your account has another email address now'),
    translatable(
        """\
Someone, probably you, entered this email address to sign up to CryptFolio, to set a new password, or to use it for another account.

The account that used it has another address now. For seven days after that, and up to 90 days if it goes on changing its address, the
change can be undone, and no other account can have this address.

If it was not you who changed it, someone knows your password. Undo the change through the link in the email that this address got then,
"Your email address was changed". If you find several of them, and the link in one is no longer valid, try the others.

If it was you, log in with the new address: {login}"""
    ),
)
CONFIRM_NEW_EMAIL = MailTemplate(
    translatable('Confirm your new email address'),
    translatable(
        """\
Someone, probably you, wants to use this email address for a CryptFolio account.

Confirm it here. The link works once and expires in a day:

{link}

If this was not you, do not follow the link."""
    ),
)
EMAIL_TAKEN = MailTemplate(
    translatable('You already have an account'),
    translatable(
        """\
Someone, probably you, tried to change the email address of a CryptFolio account to this one. It already has an account of its
own, so nothing was changed.

Log in: {login}

If this was not you, you can ignore this email."""
    ),
)
INVITATION = MailTemplate(
    translatable('You are invited to CryptFolio'),
    translatable(
        """\
A user with the email address <{inviter}> invites you to CryptFolio, which keeps track of crypto portfolios.

Sign up here. The link works once and expires in a week:

{link}

If you do not know them, you can ignore this email."""
    ),
)
IF_NOT_YOU = translatable(
    """\
If this was not you, someone can get into your account. Set a new password, which revokes all other access to it:

{forgot}"""
)
REPLACE_RECOVERY_CODES = MailTemplate(
    translatable('New recovery codes'),
    translatable(
        """\
Someone, probably you, entered the password of your CryptFolio account to generate new recovery codes. The earlier ones will no longer work.

Continue here, in a browser in which you are logged in. The link works once and expires in an hour:

{link}

If this was not you, someone knows your password. Do not continue; set a new password, which revokes all other access to your account:

{forgot}"""
    ),
)
ADD_SECOND_FACTOR = MailTemplate(
    translatable('Add a second factor'),
    translatable(
        """\
Someone, probably you, entered the password of your CryptFolio account to add a second factor, which will then be required at login.

Continue here, in a browser in which you are logged in. The link works once and expires in an hour:

{link}

If this was not you, someone knows your password. Do not continue; set a new password, which revokes all other access to your account:

{forgot}"""
    ),
)
