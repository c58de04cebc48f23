"""Logging in beyond the password: the second factor, and passkeys alone."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.http_io.request import network
from chalicelib.models import LogInStep, User
from chalicelib.services.users import passkeys, second_factors
from chalicelib.texts import translatable
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)

_NO_STEP = Fault('credential', 'expired', translatable('This took too long: try again'))


@bp.route('/login/second', cors=False)
def show_second_step() -> Response:
    """Ask for a code, or offer a passkey, after the password."""
    request = bp.current_request
    target = sessions.safe_path(forms.query_parameter(request, 'next'))
    try:
        user = _find_second_step(request).find_user()
    except NotFound:
        return pages.redirect(pages.link(request, sessions.login_path(target)))
    return _render_second_step(request, user, target)


@bp.route('/login/second', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_second_step() -> Response:
    """Log in with a code of an app or a recovery code."""
    request = bp.current_request
    form = forms.read(request)
    target = sessions.safe_path(form.text('next'))
    try:
        step = _find_second_step(request)
        user = step.find_user()
        second_factors.check_code(user, form.text('code'), sessions.visitor(request), clock.now())
        step.finish()
    except Invalid as invalid:
        return _render_second_step(request, user, target, status=422, faults=invalid.faults)
    except NotFound:
        return pages.redirect(pages.link(request, sessions.login_path(target)))
    return _log_in(request, user, target)


@bp.route('/login/passkey', cors=False)
def show_passkey_login() -> Response:
    """Show the page on which the browser signs with a passkey, by a script: any, or after the password one of the user."""
    request = bp.current_request
    target = sessions.safe_path(forms.query_parameter(request, 'next'))
    try:
        step = passkeys.challenge_again(sessions.step_token(request) or '', clock.now())
    except NotFound:
        return pages.redirect(pages.link(request, sessions.login_path(target)))
    return _render_passkey(request, step, target)


@bp.route('/login/passkey/begin', methods=['POST'], content_types=forms.TYPES, cors=False)
def begin_passkey_login() -> Response:
    """Begin a log-in by a passkey, and redirect to its page: by a form, as pages of others can have a browser load that a hundred times."""
    request = bp.current_request
    form = forms.read(request)
    _, cookies = _step_or_new(request)
    query = urlencode({'next': sessions.safe_path(form.text('next'))})
    return pages.redirect(pages.link(request, f'/login/passkey?{query}'), {'Set-Cookie': cookies} if cookies else None)


@bp.route('/login/passkey', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_passkey_login() -> Response:
    """Log in with what the passkey signed."""
    request = bp.current_request
    form = forms.read(request)
    target = sessions.safe_path(form.text('next'))
    try:
        step = passkeys.find_login(sessions.step_token(request) or '', clock.now())
        user = passkeys.check_passkey(step, form.text('credential'), clock.now())
    except Invalid as invalid:
        return _render_passkey_again(request, target, invalid.faults)
    except NotFound:
        return _render_passkey_again(request, target, [_NO_STEP])
    return _log_in(request, user, target)


def _find_second_step(request: Request) -> LogInStep:
    """Return the log-in in this browser whose password was right. Raises NotFound."""
    return LogInStep.find(sessions.step_token(request) or '', clock.now(), 'second_factor')


def _render_second_step(request: Request, user: User, target: str, **context: Any) -> Response:
    factors = second_factors.of_user(user.user_id)
    return pages.render('login_second.html', request, next=target, factors=factors, **context)


def _step_or_new(request: Request) -> tuple[LogInStep, list[str]]:
    """Return the log-in of this browser with a new challenge for a passkey, or a new one with its Set-Cookie values. Raises TooMany."""
    try:
        return passkeys.challenge_again(sessions.step_token(request) or '', clock.now()), []
    except NotFound:
        token, step = passkeys.begin_login(network(request), clock.now())
        return step, [sessions.cookie(token, None, 'step')]


def _render_passkey_again(request: Request, target: str, faults: Sequence[Fault]) -> Response:
    """Say what was wrong, with a new log-in, as the one that was tried is used up."""
    step, cookies = _step_or_new(request)
    return _render_passkey(request, step, target, status=422, faults=faults, cookies=cookies)


def _render_passkey(
    request: Request, step: LogInStep, target: str, *, status: int = 200, faults: Sequence[Fault] = (), cookies: Sequence[str] = ()
) -> Response:
    user_passkeys = second_factors.of_user(step.user_id).passkeys if step.user_id else []
    options = passkeys.login_options(user_passkeys, step)
    return pages.render(
        'login_passkey.html', request, status=status, scripts=True, cookies=cookies, next=target, faults=faults, options=options
    )


def _log_in(request: Request, user: User, target: str) -> Response:
    sessions.end(request)
    cookies = [*sessions.start(request, user, tell=True), sessions.cookie('', 0, 'step')]
    return pages.redirect(pages.link(request, target), {'Set-Cookie': cookies})
