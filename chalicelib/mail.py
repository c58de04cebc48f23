"""Mail: the only place that sends it, through SES. Plain text only; never logs what it sends, which may hold a link to log in."""

import sys
from functools import lru_cache
from typing import Any, NamedTuple

from chalicelib.config import settings


class Letter(NamedTuple):
    """What we write; `text` has its values in braces."""

    subject: str
    text: str


CONFIRM = Letter(
    'Confirm your e-mail address',
    """\
Welcome to CryptFolio.

Confirm your e-mail address to use your account. The link works once, within a day:

{link}

If you did not just sign up yourself, do not follow it: without it nobody can use an account with your address.""",
)
ALREADY = Letter(
    'You already have an account',
    """\
Somebody, probably you, tried to sign up to CryptFolio with this e-mail address. It already has an account, which was not changed.

Log in: {login}

If you forgot your password, set a new one. The link works once, within an hour:

{link}

If it was not you, there is nothing to do.""",
)
RESET = Letter(
    'Set a new password',
    """\
Somebody, probably you, asked for a new password for your CryptFolio account.

Set one here. The link works once, within an hour:

{link}

It logs you out everywhere else, and your applications have to be connected again.

If it was not you, there is nothing to do: your password stays as it is.""",
)
NO_ACCOUNT = Letter(
    'No account with this e-mail address',
    """\
Somebody, probably you, asked for a new password for a CryptFolio account with this e-mail address. There is none.

Perhaps you signed up with another address. To sign up with this one:

{signup}

If it was not you, there is nothing to do.""",
)
NEW_EMAIL = Letter(
    'Confirm your new e-mail address',
    """\
Somebody, probably you, wants to use this e-mail address for a CryptFolio account.

Confirm it here. The link works once, within a day:

{link}

If it was not you, do not follow it.""",
)
TAKEN = Letter(
    'You already have an account',
    """\
Somebody, probably you, wanted to move a CryptFolio account to this e-mail address. It already has an account of its own, and
nothing was changed.

Log in: {login}

If it was not you, there is nothing to do.""",
)
CHANGED = Letter(
    'Your e-mail address was changed',
    """\
The e-mail address of your CryptFolio account was changed from {old} to {new}.

If it was not you, somebody knows your password. Write to whoever runs this CryptFolio at once.""",
)


def send(to: str, subject: str, text: str) -> None:
    """Send a mail. Without MAIL_FROM it is printed to standard error, on a developer's computer only.

    Raises ValueError for control characters in an address or subject, RuntimeError without MAIL_FROM on AWS.
    """
    if any(ord(character) < 32 or ord(character) == 127 for character in to + subject):
        raise ValueError('control characters in the head of a mail')
    sender = settings().mail_from
    if sender:
        content = {'Simple': {'Subject': _utf8(subject), 'Body': {'Text': _utf8(text)}}}
        _ses().send_email(FromEmailAddress=sender, Destination={'ToAddresses': [to]}, Content=content)
    elif settings().local:
        print(f'--- mail to {to}\nSubject: {subject}\n\n{text}\n--- end of mail', file=sys.stderr, flush=True)
    else:
        raise RuntimeError('MAIL_FROM is not set: nobody can sign up without mail')


def _utf8(text: str) -> dict[str, str]:
    return {'Data': text, 'Charset': 'UTF-8'}


@lru_cache(1)
def _ses() -> Any:
    import boto3  # costs a cold start 100 ms that only sign-ups and the like need pay

    return boto3.client('sesv2')
