"""The mails of `services/users/notices.py`, which tell people of what was done already: subjects and texts."""

from chalicelib.mail_templates import MailTemplate
from chalicelib.texts import translatable

PASSWORD_RESET = MailTemplate(
    translatable('Your password was changed'),
    translatable(
        """\
The password of your CryptFolio account was changed through a link that was mailed to this address. So that nobody else gets at your
account, everything that opened it before was ended:

- You were logged out everywhere.
- No application has access any more. Connect again those that you use.
- Your API keys and passkeys were deleted. Create new ones: {profile}
- The links that showed a portfolio without a log-in were deleted. Make new ones on the portfolio's page.
- The secrets of applications that you registered were replaced. Check their redirect URIs and make new secrets: {applications}
- Applications may no longer log in with your password. You can allow it again in your account.

If this was not you, someone reads your email. Contact the operator of this CryptFolio server immediately."""
    ),
)
EMAIL_CHANGE_REQUESTED = MailTemplate(
    translatable('Your email address may change'),
    translatable(
        """\
Someone, probably you, entered the password of your CryptFolio account to change its email address to {new}. It changes once the link that
was mailed there is followed, within a day. A new password makes that link useless."""
    ),
    warns=True,
)
EMAIL_CHANGED = MailTemplate(
    translatable('Your email address was changed'),
    translatable(
        """\
The email address of your CryptFolio account was changed from {old} to {new}.

If this was not you, someone knows your password. Take the change back here. The link works once and expires in seven days:

{link}

Your account then uses {old} again, everything that opened it ends, and you set a new password."""
    ),
)
EMAIL_RESTORED = MailTemplate(
    translatable('A change of your email address was taken back'),
    translatable(
        """\
The email address of your CryptFolio account was changed back from {new} to {old}, through the link that was mailed to {old} when it was
changed. Everything that opened the account was ended.

If {old} is not yours, contact the operator of this CryptFolio server immediately."""
    ),
)
NEW_LOG_IN = MailTemplate(
    translatable('New log-in'),
    translatable(
        """\
Someone, probably you, logged in to your CryptFolio account with a browser that you had not used before:

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
Someone, probably you, ended all sessions of your CryptFolio account but one, which goes on here:

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
A link that shows one of your portfolios without a log-in was created in your CryptFolio account: "{name}".

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
    translatable('New secret of an application'),
    translatable(
        """\
A new secret was generated for an application that you registered with CryptFolio: "{name}".

Your applications: {applications}"""
    ),
    warns=True,
)
REDIRECT_URI_ADDED = MailTemplate(
    translatable('New redirect URI of an application'),
    translatable(
        """\
An application that you registered with CryptFolio, "{name}", may now send its users, with the codes that let it in, to:

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
Log-in by applications with your email address and password was allowed for your CryptFolio account.

You can forbid it again in your account: {profile}"""
    ),
    warns=True,
)
SECOND_FACTOR_ADDED = MailTemplate(
    translatable('New second factor'),
    translatable(
        """\
{factor} was added to your CryptFolio account. Log-ins with your password now ask for a second factor, and applications can no longer
log in with your password.

Your second factors: {page}

If this was not you, someone can get into your account. Where you are still logged in, first remove the factor on the page above: a new
password does not remove it. Then set a new password, which ends everything else that opens the account:

{forgot}

If you cannot log in any more, contact the operator of this CryptFolio server immediately."""
    ),
)
RECOVERY_CODES_REPLACED = MailTemplate(
    translatable('New recovery codes'),
    translatable(
        """\
New recovery codes were made for your CryptFolio account. The earlier ones no longer work.

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
