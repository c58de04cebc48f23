"""Mails with a link, for which something is stored before they are sent."""

import contextlib
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from chalicelib import mail, mail_templates, telemetry
from chalicelib.config import settings
from chalicelib.domain.credentials import mailbox_of
from chalicelib.errors import NotFound, NotSent
from chalicelib.mail_templates import MailTemplate
from chalicelib.models import DATABASE_ERRORS, AttemptCounter, EmailToken, Operation, Write, new_token, transact

_TO_STRANGER = 'mail_to_stranger'
_MOST_TO_A_STRANGER = 5
_MOST_AN_HOUR, _MOST_A_DAY = 5, 10  # that visitors have sent to one address, of one kind
_HOUR = 3_600
_DAY = 86_400


def store_and_send(writes: Sequence[Write], withdrawal: Sequence[Write], to: str, template: MailTemplate, **values: str) -> None:
    """Store what the link of a mail leads to, and send it as `send_or_withdraw`.

    Raises NotSent, and what the transaction of `writes` raises.
    """
    transact(*writes)
    send_or_withdraw(withdrawal, to, template, **values)


def send_or_withdraw(withdrawal: Sequence[Write], to: str, template: MailTemplate, **values: str) -> None:
    """Send a mail with a link; if it cannot be sent, log why and take back what was stored for it.

    Where the table does not let that be taken back either, all of it stays: it opens nothing, as its token was mailed to nobody, and
    expires, and whoever asks again is sent another link. Raises NotSent.
    """
    try:
        mail.send(to, template, **values)
    except NotSent as error:
        telemetry.note(mail_not_sent=error.reason)
        _take_back(withdrawal)
        raise


def _take_back(withdrawal: Sequence[Write]) -> None:
    """Carry out a withdrawal, unless what it is about was used meanwhile, or the table refuses."""
    try:
        transact(*withdrawal)
    except NotFound:
        pass
    except DATABASE_ERRORS as error:
        telemetry.note(not_withdrawn=type(error).__name__)


def store_token_and_send(creation: Write, to: str, template: MailTemplate, **values: str) -> None:
    """Store the token of a mailed link and send the mail. Raises NotSent."""
    store_and_send([creation], [deletion(creation)], to, template, **values)


def tell_of_former_email(address: str, now: int) -> None:
    """Mail an address that is kept for the user who moved away from it. Raises NotSent.

    The same number of requests as for a mail with a link; the token is never mailed.
    """
    store_token_and_send(unused_token(now), address, mail_templates.FORMER_EMAIL, login=settings().url('/login'))


def unused_token(now: int) -> Write:
    """Return the write that stores a token that leads nowhere."""
    return EmailToken.creation(new_token(), purpose='nothing', user_id='nobody', expires_at=now + _HOUR)


def deletion(creation: Write) -> Write:
    """Return the write that takes a creation back."""
    return Write(Operation.DELETE, creation.item)


def token_link(path: str, token: str) -> str:
    """Return the link to a page of ours that reads a token."""
    return settings().url(f'{path}?{urlencode({"token": token})}')


@contextlib.contextmanager
def count_by_visitor(kind: str, recipient: str, now: int) -> Iterator[None]:
    """Count a mail that somebody who need not be logged in has sent; one that cannot be sent is not counted. Raises TooMany."""
    AttemptCounter.record(kind, recipient, _MOST_AN_HOUR, _HOUR, now)
    AttemptCounter.record(f'{kind}_day', recipient, _MOST_A_DAY, _DAY, now)
    with uncount_unsent(kind, recipient, _HOUR, now), uncount_unsent(f'{kind}_day', recipient, _DAY, now):
        yield


@contextlib.contextmanager
def count_to_stranger(address: str, now: int) -> Iterator[None]:
    """Count a mail that a user has sent to an address which need not be theirs, whoever of all users it is. Raises TooMany.

    The senders' own limits do not protect who gets the mails, as anybody may have several accounts.
    """
    AttemptCounter.record(_TO_STRANGER, mailbox_of(address), _MOST_TO_A_STRANGER, _DAY, now)
    with uncount_to_stranger(address, now):
        yield


def counting_to_stranger(address: str, now: int) -> Write:
    """Return the write that counts such a mail in the transaction that stores what it leads to, which raises TooMany."""
    return AttemptCounter.recording(_TO_STRANGER, mailbox_of(address), _MOST_TO_A_STRANGER, _DAY, now)


@contextlib.contextmanager
def uncount_to_stranger(address: str, now: int) -> Iterator[None]:
    """Uncount such a mail if it cannot be sent."""
    with uncount_unsent(_TO_STRANGER, mailbox_of(address), _DAY, now):
        yield


@contextlib.contextmanager
def uncount_unsent(kind: str, subject: str, window_seconds: int, now: int) -> Iterator[None]:
    """Uncount an attempt whose mail cannot be sent, so that it can be repeated."""
    try:
        yield
    except NotSent:
        AttemptCounter.undo(kind, subject, window_seconds, now)
        raise
