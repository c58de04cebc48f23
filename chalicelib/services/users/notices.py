"""Mails that tell people of what opens their account, so that they notice when it was not they who did it.

What a notice is about was done already, so a notice that cannot be sent is logged and stops nothing.
"""

import contextlib
from collections.abc import Iterable

from chalicelib import clock, locales, mail, notice_templates, telemetry
from chalicelib.config import settings
from chalicelib.domain import browsers
from chalicelib.domain.scopes import ALL, SENTENCES
from chalicelib.errors import NotSent, TooMany
from chalicelib.mail_templates import MailTemplate
from chalicelib.models import DATABASE_ERRORS, AttemptCounter, User
from chalicelib.texts import translate

_MOST_A_DAY = 20  # of one kind to one user: what the mail service sends in a day is everybody's
_DAY = 86_400


def tell_of_log_in(user: User, browser: str, network: str, now: int) -> None:
    _send(
        user,
        notice_templates.NEW_LOG_IN,
        browser=browsers.in_words(browser),
        network=network,
        time=locales.minute(now),
        sessions=settings().url('/profile/sessions'),
    )


def tell_of_new_password(user: User, reset: str) -> None:
    """`reset` is a link with which the user sets another one."""
    _send(user, notice_templates.PASSWORD_CHANGED, forgot=reset)


def tell_of_ended_sessions(user: User, browser: str, network: str, now: int) -> None:
    _send(user, notice_templates.SESSIONS_ENDED, browser=browsers.in_words(browser), network=network, time=locales.minute(now))


def tell_of_reset(user: User) -> None:
    _send(user, notice_templates.PASSWORD_RESET, applications=settings().url('/oauth/applications'), profile=settings().url('/profile'))


def tell_of_requested_address(user: User, new: str) -> None:
    """Tell the address that a user has until the link that was mailed to the new one is followed."""
    _send(user, notice_templates.EMAIL_CHANGE_REQUESTED, new=new)


def tell_of_restored_address(user: User, old: str) -> None:
    """Tell the address that a user had until the change was taken back. It gets no link that takes that back."""
    _send(user, notice_templates.EMAIL_RESTORED, old=old, new=user.email)


def tell_of_return(user: User, new: str) -> None:
    """Tell the address that a user had until they returned to an earlier one. It gets no link that takes that back."""
    _send(user, notice_templates.EMAIL_RETURNED, old=user.email, new=new)


def tell_of_key(user: User, name: str) -> None:
    _send(user, notice_templates.API_KEY_CREATED, name=name, profile=settings().url('/profile/api-keys'))


def tell_of_share_link(user: User, portfolio_id: int, name: str) -> None:
    _send(user, notice_templates.SHARE_LINK_CREATED, name=name, links=settings().url(f'/portfolios/{portfolio_id}/share'))


def tell_of_application(user: User, name: str) -> None:
    _send(user, notice_templates.APPLICATION_REGISTERED, name=name, applications=settings().url('/oauth/applications'))


def tell_of_secret(user: User, name: str) -> None:
    _send(user, notice_templates.SECRET_CREATED, name=name, applications=settings().url('/oauth/applications'))


def tell_of_redirect_uris(user: User, name: str, added: Iterable[str]) -> None:
    lines = '\n'.join(f'- {uri}' for uri in added)
    _send(user, notice_templates.REDIRECT_URI_ADDED, name=name, uris=lines, applications=settings().url('/oauth/applications'))


def tell_of_deleted_application(user: User, name: str) -> None:
    _send(user, notice_templates.APPLICATION_DELETED, name=name, applications=settings().url('/oauth/applications'))


def tell_of_connection(user: User, name: str, scopes: Iterable[str]) -> None:
    granted = set(scopes)
    lines = '\n'.join(f'- {translate(SENTENCES[scope])}' for scope in ALL if scope in granted)
    _send(user, notice_templates.APPLICATION_CONNECTED, name=name, scopes=lines, profile=settings().url('/account/applications'))


def tell_of_remote_login(user: User) -> None:
    _send(user, notice_templates.REMOTE_LOGIN_ALLOWED, profile=settings().url('/account/security'))


def tell_of_second_factor(user: User, factor: str) -> None:
    _send(user, notice_templates.SECOND_FACTOR_ADDED, factor=factor, page=settings().url('/profile/second-factor'))


def tell_of_removed_factor(user: User) -> None:
    _send(user, notice_templates.SECOND_FACTOR_REMOVED, page=settings().url('/profile/second-factor'))


def tell_of_new_codes(user: User) -> None:
    _send(user, notice_templates.RECOVERY_CODES_REPLACED, page=settings().url('/profile/second-factor'))


def tell_of_recovery_code(user: User, left: int) -> None:
    _send(user, notice_templates.RECOVERY_CODE_USED, left=str(left), page=settings().url('/profile/second-factor'))


def tell_of_wrong_codes(user: User, number: int, browser: str, network: str, now: int) -> None:
    where = {'browser': browsers.in_words(browser), 'network': network, 'time': locales.minute(now)}
    _send(user, notice_templates.WRONG_CODES, number=str(number), **where)


def tell_of_deletion(user: User, delete_at: int) -> None:
    _send(user, notice_templates.DELETION_SCHEDULED, time=locales.minute(delete_at), page=settings().url('/account/data'))


def tell_of_stay(user: User) -> None:
    _send(user, notice_templates.DELETION_CANCELLED, page=settings().url('/account/data'), sessions=settings().url('/profile/sessions'))


def _send(user: User, template: MailTemplate, **values: str) -> None:
    if not _is_allowed(user, template):
        telemetry.note(notice_not_sent='too many today')
        return
    try:
        mail.send(user.email, template, **{'forgot': settings().url('/forgot'), **values})
    except NotSent as error:
        telemetry.note(notice_not_sent=error.reason)


def _is_allowed(user: User, template: MailTemplate) -> bool:
    """Count a notice; return whether the user had few of its kind today. Where that cannot be counted it is sent."""
    with contextlib.suppress(*DATABASE_ERRORS):
        try:
            AttemptCounter.record('notices', f'{user.user_id} {template.subject}', _MOST_A_DAY, _DAY, clock.now())
        except TooMany:
            return False
    return True
