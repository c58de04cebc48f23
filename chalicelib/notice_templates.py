"""The mails of `services/users/notices.py`, which tell people of what was done already: subjects and texts."""

from chalicelib.mail_templates import MailTemplate
from chalicelib.texts import translatable

PASSWORD_RESET = MailTemplate(
    translatable('Your password was changed'),
    translatable(
        """\
The password of your CryptFolio account was changed through a link that was mailed to this address. So that nobody else can get into your
account, all access to it was revoked:

- You were logged out everywhere.
- No application has access any longer. Reconnect those that you use.
- Your API keys and passkeys were deleted. Create new ones: {profile}
- The links that showed a portfolio without a login were deleted. Create new ones on the portfolio's page.
- The secrets of applications that you registered were replaced. Check their redirect URIs and generate new secrets: {applications}
- Applications may no longer log in with your password. You can allow it again in your account.

If this was not you, someone can read your email. Contact the operator of this CryptFolio server immediately."""
    ),
)
EMAIL_CHANGE_REQUESTED = MailTemplate(
    translatable('Your email address may change'),
    translatable(
        """\
Someone, probably you, entered the password of your CryptFolio account to change its email address to {new}. It changes when the link that
was mailed there is followed, within a day. Setting a new password invalidates that link."""
    ),
    warns=True,
)
EMAIL_CHANGED = MailTemplate(
    translatable('Your email address was changed'),
    translatable(
        """\
Someone, probably you, followed the link that changes the email address of your CryptFolio account from {old} to {new}.

If this was not you, someone knows your password. Undo the change here. The link works once and expires in seven days:

{link}

Your account then uses {old} again, all access to it is revoked, and you set a new password."""
    ),
)
EMAIL_RESTORED = MailTemplate(
    translatable('A change of your email address was undone'),
    translatable(
        """\
The email address of your CryptFolio account was changed back from {new} to {old}, through the link that was mailed to {old} when it was
changed. All access to the account was revoked.

If {old} is not yours, contact the operator of this CryptFolio server immediately."""
    ),
)
EMAIL_RETURNED = MailTemplate(
    translatable('Your email address was changed back'),
    translatable(
        """\
Someone, probably you, followed the link that changes the email address of your CryptFolio account back from {old} to {new}, which it used
before. Links that were mailed since then to undo a change of the address no longer work.

If {new} is not yours, contact the operator of this CryptFolio server immediately."""
    ),
)
NEW_LOG_IN = MailTemplate(
    translatable('New login'),
    translatable(
        """\
Someone, probably you, logged in to your CryptFolio account from a browser that you had not used before:

{browser}, network {network}, {time}

Your sessions: {sessions}"""
    ),
    warns=True,
)
PASSWORD_CHANGED = MailTemplate(
    translatable('Your password was changed'),
    translatable(
        """\
The password of your CryptFolio account was changed by someone who was logged in. You were logged out everywhere else.

The link below works once, for a day, and until the password is changed again."""
    ),
    warns=True,
)
SESSIONS_ENDED = MailTemplate(
    translatable('You were logged out everywhere else'),
    translatable(
        """\
Someone, probably you, ended all sessions of your CryptFolio account except this one:

{browser}, network {network}, {time}"""
    ),
    warns=True,
)
API_KEY_CREATED = MailTemplate(
    translatable('New API key'),
    translatable('An API key for your CryptFolio account was created: "{name}". It can read your data.\n\nYour keys: {profile}'),
    warns=True,
)
SHARE_LINK_CREATED = MailTemplate(
    translatable('New link to a portfolio'),
    translatable(
        """\
A link that shows one of your portfolios without a login was created in your CryptFolio account: "{name}".

Links to this portfolio: {links}"""
    ),
    warns=True,
)
APPLICATION_REGISTERED = MailTemplate(
    translatable('New application'),
    translatable(
        """\
An application was registered in your CryptFolio account: "{name}". With its secret it can read and change your data.

Your applications: {applications}"""
    ),
    warns=True,
)
SECRET_CREATED = MailTemplate(
    translatable('New application secret'),
    translatable(
        """\
A new secret was generated for an application that you registered with CryptFolio: "{name}".

Your applications: {applications}"""
    ),
    warns=True,
)
REDIRECT_URI_ADDED = MailTemplate(
    translatable('New redirect URI for an application'),
    translatable(
        """\
An application that you registered with CryptFolio, "{name}", may now send its users, with authorization codes, to:

{uris}

Your applications: {applications}"""
    ),
    warns=True,
)
APPLICATION_DELETED = MailTemplate(
    translatable('An application was deleted'),
    translatable(
        """\
An application that you had registered with CryptFolio was deleted: "{name}". Everyone who connected it is disconnected.

Your applications: {applications}"""
    ),
    warns=True,
)
APPLICATION_CONNECTED = MailTemplate(
    translatable('An application was connected'),
    translatable(
        """\
The application "{name}" was given access to your CryptFolio account:

{scopes}

Connected applications: {profile}"""
    ),
    warns=True,
)
REMOTE_LOGIN_ALLOWED = MailTemplate(
    translatable('Applications may log in with your password'),
    translatable(
        """\
Applications may now log in to your CryptFolio account with your email address and password.

You can turn this off again in your account: {profile}"""
    ),
    warns=True,
)
SECOND_FACTOR_ADDED = MailTemplate(
    translatable('New second factor'),
    translatable(
        """\
{factor} was added to your CryptFolio account. Logging in with your password now requires a second factor, and applications can no longer
log in with your password.

Your second factors: {page}

If this was not you, someone can get into your account. Where you are still logged in, first remove the factor on the page above: a new
password does not remove it. Then set a new password, which revokes all other access to the account:

{forgot}

If you can no longer log in, contact the operator of this CryptFolio server immediately."""
    ),
)
RECOVERY_CODES_REPLACED = MailTemplate(
    translatable('New recovery codes'),
    translatable(
        """\
New recovery codes were generated for your CryptFolio account. The earlier ones no longer work.

Your second factors: {page}"""
    ),
    warns=True,
)
SECOND_FACTOR_REMOVED = MailTemplate(
    translatable('A second factor was removed'),
    translatable('A second factor was removed from your CryptFolio account.\n\nYour second factors: {page}'),
    warns=True,
)
RECOVERY_CODE_USED = MailTemplate(
    translatable('A recovery code was used'),
    translatable(
        """\
Someone, probably you, logged in to your CryptFolio account with a recovery code. {left} are left.

Your second factors: {page}"""
    ),
    warns=True,
)
WRONG_CODES = MailTemplate(
    translatable('Wrong codes after your password'),
    translatable(
        """\
Someone, probably you, entered the password of your CryptFolio account and then a wrong code for the second factor, {number} times today.
The last time:

{browser}, network {network}, {time}

If this was not you, someone knows your password, and only your second factor keeps them out. Set a new password:

{forgot}"""
    ),
)
DELETION_SCHEDULED = MailTemplate(
    translatable('Your account will be deleted'),
    translatable(
        """\
Someone, probably you, asked to delete your CryptFolio account. It will be deleted with everything in it on {time}.

Until then you can keep it: {page}"""
    ),
    warns=True,
)
DELETION_CANCELLED = MailTemplate(
    translatable('Your account will be kept'),
    translatable(
        """\
Someone, probably you, cancelled the deletion of your CryptFolio account. It will not be deleted.

You can ask for that again: {page}

Whoever is logged in could do this: {sessions}"""
    ),
    warns=True,
)
