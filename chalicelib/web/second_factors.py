"""The second factors of the profile: an authenticator app, passkeys, and recovery codes."""

import contextlib
import json
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.domain.credentials import parse_title
from chalicelib.errors import Conflict, Fault, Invalid, NotFound
from chalicelib.models import LogInStep, User
from chalicelib.services.users import authentication, new_factors, notices, passkeys, second_factors
from chalicelib.services.users.new_factors import FactorKind
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
    """Mail the link, after the password, that has the page show the secret of an app until a first code was entered."""
    return _send_link(bp.current_request, FactorKind.APP)


@bp.route('/profile/second-factor/begin', cors=False)
def show_mailed_beginning() -> Response:
    """Ask who follows a mailed link, logged in as its user, whether to go on."""
    request = bp.current_request
    user = sessions.require_user(request)
    what, token = forms.query_parameter(request, 'what'), forms.query_parameter(request, 'token')
    try:
        new_factors.find_link(user, _kind(what), token, clock.now())
    except NotFound:
        return _link_expired(request)
    return pages.render('second_factor_begin.html', request, user=user, what=what, token=token)


@bp.route('/profile/second-factor/begin', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_mailed_beginning() -> Response:
    """Do, or begin in this browser, what the mailed link is for."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        kind = _kind(form.text('what'))
        if kind is FactorKind.CODES:
            return pages.redirect(pages.link(request, _replace_codes(request, user, form)))
        step = new_factors.begin(user, kind, form.text('token'), clock.now())
    except Invalid as invalid:
        return _render_factors(request, user, status=422, section='passkey', faults=[_at_password(fault) for fault in invalid.faults])
    except NotFound:
        return _link_expired(request)
    return _redirect_to_step(request, kind, step)


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
    """Mail the link, after the password, that makes new recovery codes in the place of the earlier ones."""
    return _send_link(bp.current_request, FactorKind.CODES)


@bp.route('/profile/second-factor/remove', methods=['POST'], content_types=forms.TYPES, cors=False)
def remove_second_factor() -> Response:
    """Remove a passkey, the authenticator app, or the recovery codes, where these are all that is left."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    try:
        authentication.check_current_password(user, form.text('current_password'), sessions.current_session_id(request), clock.now())
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
    """Mail the link, after the password, that begins to add a passkey."""
    return _send_link(bp.current_request, FactorKind.PASSKEY)


@bp.route('/profile/passkeys', cors=False)
def show_new_passkey() -> Response:
    """Show the page on which the browser makes a passkey, by a script."""
    request = bp.current_request
    user = sessions.require_user(request)
    try:
        step = _find_step(request, user, 'register')
    except NotFound:
        return _redirect_to_factors(request)
    options = passkeys.registration_options(user, second_factors.of_user(user.user_id).passkeys, step)
    return pages.render('passkey_new.html', request, scripts=True, user=user, options=options)


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


def _send_link(request: Request, kind: FactorKind) -> Response:
    form = forms.read(request)
    user = sessions.require_user(request)
    now = clock.now()
    try:
        authentication.check_current_password(user, form.text('current_password'), sessions.current_session_id(request), now)
        new_factors.send_link(user, kind, now)
    except Invalid as invalid:
        return _render_factors(request, user, status=422, section=kind, faults=[_at_password(fault) for fault in invalid.faults])
    what = translatable('Follow the link in it, in a browser in which you are logged in.')
    return pages.render('sent.html', request, user=user, email=user.email, title=translatable('Almost there'), what=what)


def _redirect_to_step(request: Request, kind: FactorKind, step: str) -> Response:
    page = PAGE if kind is FactorKind.APP else '/profile/passkeys'
    return pages.redirect(pages.link(request, page), {'Set-Cookie': [sessions.cookie(step, None, 'step')]})


def _kind(text: str) -> FactorKind:
    """Raises NotFound."""
    try:
        return FactorKind(text)
    except ValueError:
        raise NotFound from None


def _link_expired(request: Request) -> Response:
    return pages.error_page(
        request,
        404,
        translatable('This link is no longer valid'),
        translatable('It works once, for an hour, and only where the account that it was mailed to is logged in.'),
        links=[(PAGE, translatable('Begin again'))],
    )


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
    """Make recovery codes for a new factor; return the path of the page that shows them once."""
    codes, stored = second_factors.new_recovery_codes(user.user_id)
    return one_time.make(request, user, form, json.dumps(codes), PAGE, stored) or one_time.shown_at(user, form)


def _replace_codes(request: Request, user: User, form: forms.Form) -> str:
    """Make recovery codes in the place of the earlier ones; return the path of the page that shows them once. Raises NotFound."""
    try:
        codes, writes = new_factors.replace_codes(user, form.text('token'), clock.now())
    except NotFound:  # the link was used, perhaps by this form
        return one_time.shown_at(user, form)
    shown = one_time.make(request, user, form, json.dumps(codes), PAGE, *writes)
    if shown is None:
        return one_time.shown_at(user, form)
    notices.tell_of_new_codes(user)
    return shown


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
