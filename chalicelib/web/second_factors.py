"""The second factors of the profile: an authenticator app, passkeys, and recovery codes."""

import contextlib
import json
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.domain.credentials import parse_title
from chalicelib.errors import Conflict, Fault, Invalid, NotFound
from chalicelib.models import LogInStep, User
from chalicelib.services import notices, passkeys, second_factors, users
from chalicelib.texts import translatable, translate
from chalicelib.web import forms, one_time, pages, sessions

bp = Blueprint(__name__)

PAGE = '/profile/second-factor'


@bp.route('/profile/second-factor', cors=False)
def show_second_factors() -> Response:
    """Show the factors with the forms that add and remove them; after the form that made recovery codes, show those, for the only time."""
    request = bp.current_request
    return _render_factors(request, sessions.require_user(request))


@bp.route('/profile/second-factor/app', methods=['POST'], content_types=forms.TYPES, cors=False)
def add_authenticator_app() -> Response:
    """Make the secret of an authenticator app, which the page then shows in this browser until a first code was entered."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        users.check_current_password(user, form.text('current_password'), sessions.current_session_id(request), clock.now())
    except Invalid as invalid:
        return _render_factors(request, user, status=422, section='app', faults=invalid.faults)
    step = second_factors.begin_authenticator(user, clock.now())
    return pages.redirect(pages.link(request, PAGE), {'Set-Cookie': [sessions.cookie(step, None, 'step')]})


@bp.route('/profile/second-factor/confirm', methods=['POST'], content_types=forms.TYPES, cors=False)
def confirm_authenticator_app() -> Response:
    """Confirm the app by a first code of it; make recovery codes, should there be none."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        step = _find_step(request, user, 'app')
        second_factors.confirm_authenticator(user, step, form.text('code'), clock.now())
    except Invalid as invalid:
        return _render_factors(request, user, status=422, section='confirm', faults=invalid.faults)
    except (Conflict, NotFound):  # as the page says, there is an app already, or the key is not shown any more
        return _redirect_to_factors(request)
    return _redirect_with_codes(request, user, form)


@bp.route('/profile/second-factor/codes', methods=['POST'], content_types=forms.TYPES, cors=False)
def replace_recovery_codes() -> Response:
    """Make new recovery codes in the place of the earlier ones."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        users.check_current_password(user, form.text('current_password'), sessions.current_session_id(request), clock.now())
    except Invalid as invalid:
        return _render_factors(request, user, status=422, section='codes', faults=invalid.faults)
    if not second_factors.of_user(user.user_id).protect:
        raise NotFound
    return pages.redirect(pages.link(request, _make_codes(request, user, form)))


@bp.route('/profile/second-factor/remove', methods=['POST'], content_types=forms.TYPES, cors=False)
def remove_second_factor() -> Response:
    """Remove a passkey, the authenticator app, or the recovery codes, where these are all that is left."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        users.check_current_password(user, form.text('current_password'), sessions.current_session_id(request), clock.now())
    except Invalid as invalid:
        return _render_factors(request, user, status=422, section='remove', faults=invalid.faults)
    if form.text('what') == 'app':
        second_factors.remove_authenticator(user.user_id)
    elif form.text('what') == 'codes':
        second_factors.remove_unneeded_codes(user.user_id)
    else:
        second_factors.remove_passkey(user.user_id, form.text('what'))
    notices.tell_of_removed_factor(user)
    return _redirect_to_factors(request)


@bp.route('/profile/passkeys', methods=['POST'], content_types=forms.TYPES, cors=False)
def begin_passkey() -> Response:
    """Begin to add a passkey, after the password."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    now = clock.now()
    try:
        users.check_current_password(user, form.text('current_password'), sessions.current_session_id(request), now)
        step = passkeys.begin_registration(user, now)
    except Invalid as invalid:
        return _render_factors(request, user, status=422, section='passkey', faults=[_at_password(fault) for fault in invalid.faults])
    cookie = sessions.cookie(step, None, 'step')
    return pages.redirect(pages.link(request, '/profile/passkeys'), {'Set-Cookie': [cookie]})


@bp.route('/profile/passkeys', cors=False)
def show_new_passkey() -> Response:
    """Show the page on which the browser makes a passkey, by a script."""
    request = bp.current_request
    user = sessions.require_user(request)
    try:
        step = _find_step(request, user, 'register')
    except NotFound:
        return _redirect_to_factors(request)
    return _render_new_passkey(request, user, step)


@bp.route('/profile/passkeys/new', methods=['POST'], content_types=forms.TYPES, cors=False)
def create_passkey() -> Response:
    """Store the passkey that the browser made."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    now = clock.now()
    try:
        name = parse_title('name', form.text('name') or translate(translatable('Passkey')))
        passkeys.register_passkey(user, _find_step(request, user, 'register'), form.text('credential'), name, now)
    except Invalid as invalid:
        return _render_factors(request, user, status=422, section='passkey', faults=[_at_password(fault) for fault in invalid.faults])
    except NotFound:
        return _redirect_to_factors(request)
    second_factors.protect(user, translatable('A passkey'))
    return _redirect_with_codes(request, user, form)


def _at_password(fault: Fault) -> Fault:
    """Return a fault of a passkey's form as one of the form that begins it again."""
    return fault._replace(field='current_password')


def _find_step(request: Request, user: User, purpose: str) -> LogInStep:
    """Return the user's factor of this kind that is being added in this browser. Raises NotFound."""
    step = LogInStep.find(sessions.step_token(request) or '', clock.now(), purpose)
    if not step.is_of(user):
        raise NotFound
    return step


def _redirect_to_factors(request: Request) -> Response:
    return pages.redirect(pages.link(request, PAGE))


def _redirect_with_codes(request: Request, user: User, form: forms.Form) -> Response:
    """Redirect to the page of factors, with new recovery codes if the user has none."""
    has_codes = second_factors.of_user(user.user_id).codes_left > 0
    return pages.redirect(pages.link(request, PAGE if has_codes else _make_codes(request, user, form)))


def _make_codes(request: Request, user: User, form: forms.Form) -> str:
    """Make recovery codes; return the path of the page that shows them once."""
    codes, stored = second_factors.new_recovery_codes(user.user_id)
    return one_time.make(request, user, form, json.dumps(codes), PAGE, stored) or one_time.shown_at(user, form)


def _render_new_passkey(request: Request, user: User, step: LogInStep) -> Response:
    options = passkeys.registration_options(user, second_factors.of_user(user.user_id).passkeys, step)
    return pages.render('passkey_new.html', request, scripts=True, user=user, options=options)


def _render_factors(request: Request, user: User, *, status: int = 200, section: str = '', **context: Any) -> Response:
    factors = second_factors.of_user(user.user_id)
    new_app = None
    with contextlib.suppress(NotFound):
        new_app = second_factors.describe_authenticator(user, _find_step(request, user, 'app'))
    shown = one_time.read(request, user)
    return pages.render(
        'second_factors.html',
        request,
        status=status,
        user=user,
        section=section,
        factors=factors,
        new_app=new_app,
        codes=json.loads(shown.secret) if shown.secret else None,
        made=shown.made,
        **context,
    )
