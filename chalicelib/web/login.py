"""Logging in and out, and forgotten passwords. No response reveals whether an email address has an account."""

from typing import Any
from urllib.parse import urlencode

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.domain import redirect_uris
from chalicelib.domain.credentials import parse_email
from chalicelib.errors import Fault, Invalid, NotFound
from chalicelib.http_io.request import network
from chalicelib.models import LogInStep, User
from chalicelib.services.users import authentication, second_factors
from chalicelib.texts import translatable
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)

_WRONG_CREDENTIALS = Fault('email', 'wrong', translatable('Incorrect email or password, or the email address is not confirmed yet'))


@bp.route('/login', cors=False)
def show_login() -> Response:
    """Show the login form; `next` is the path to redirect to afterwards."""
    request = bp.current_request
    target = sessions.safe_path(forms.query_parameter(request, 'next'))
    if sessions.current_user(request):
        return pages.redirect(pages.link(request, target))
    return _render_login(request, target)


@bp.route('/login', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_login() -> Response:
    """Log in: start a session and redirect, or show the form again with 422."""
    request = bp.current_request
    form = forms.read(request)
    target = sessions.safe_path(form.text('next'))
    visitor = sessions.visitor(request)
    email, password = form.text('email'), form.text('password')
    authenticated = authentication.authenticate(email, password, network=visitor.network, now=clock.now(), browser=visitor.token)
    if authenticated is None:
        return _render_login(request, target, status=422, faults=[_WRONG_CREDENTIALS], form={'email': email})
    user, knows_browser = authenticated
    if second_factors.of_user(user.user_id).protect:
        return _ask_second_factor(request, user, target)
    sessions.end(request)
    cookies = sessions.start(request, user, tell=True, knows_browser=knows_browser)
    return pages.redirect(pages.link(request, target), {'Set-Cookie': cookies})


@bp.route('/logout', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_logout() -> Response:
    """End the session; `next` is the path to redirect to after another login, by whoever wants another account."""
    request = bp.current_request
    form = forms.read(request)
    login = sessions.login_path(sessions.safe_path(form.text('next')))
    return pages.redirect(pages.link(request, login if form.has('next') else '/'), {'Set-Cookie': [sessions.end(request)]})


@bp.route('/forgot', cors=False)
def show_forgot() -> Response:
    """Show the form that requests a password reset."""
    return pages.render('forgot.html', bp.current_request)


@bp.route('/forgot', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_forgot() -> Response:
    """Mail a password reset link; the page is the same whether or not the account exists."""
    request = bp.current_request
    form = forms.read(request)
    try:
        email = parse_email(form.text('email'))
    except Invalid as invalid:
        return pages.render('forgot.html', request, status=422, faults=invalid.faults, form={'email': form.text('email')})
    authentication.forgot_password(email, network=network(request), browser=sessions.visitor(request).token, now=clock.now())
    what = translatable('Follow the link in it to set a new password.')
    return pages.render('sent.html', request, email=email, title=translatable('Check your email'), what=what)


@bp.route('/reset', cors=False)
def show_reset() -> Response:
    """Show the form that sets a new password; the mailed link leads here."""
    request = bp.current_request
    token = forms.query_parameter(request, 'token')
    try:
        _, user = authentication.find_by_link(token, 'reset', clock.now())
    except NotFound:
        return _link_expired(request)
    return pages.render('reset.html', request, token=token, email=user.email)


@bp.route('/reset', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_reset() -> Response:
    """Set the password and log in; end every other session and everything else that opens the account."""
    request = bp.current_request
    form = forms.read(request)
    token = form.text('token')
    try:
        user = authentication.reset_password(token, form.text('password'), now=clock.now())
    except Invalid as invalid:
        return pages.render('reset.html', request, status=422, token=token, email=form.text('email'), faults=invalid.faults)
    except NotFound:
        return _link_expired(request)
    if second_factors.of_user(user.user_id).protect:
        return _ask_second_factor(request, user, '/account/security?saved=password')
    return pages.redirect(pages.link(request, '/account/security?saved=password'), {'Set-Cookie': sessions.start(request, user)})


def _ask_second_factor(request: Request, user: User, target: str) -> Response:
    """Redirect to the page that asks for the second factor; until then nobody is logged in."""
    token, _ = LogInStep.begin('second_factor', user, clock.now())
    cookies = [sessions.cookie(token, None, 'step')]
    return pages.redirect(pages.link(request, '/login/second?' + urlencode({'next': target})), {'Set-Cookie': cookies})


def _render_login(request: Request, target: str, **context: Any) -> Response:
    application, destination = _application_at(target) or (None, None)
    return pages.render('login.html', request, next=target, application=application, destination=destination, **context)


def _application_at(target: str) -> tuple[str, str] | None:
    """Return the name of the application for which the user logs in, and where that leads; None for no good authorization request."""
    path, _, query = target.partition('?')
    if path != '/oauth/authorize':
        return None
    from chalicelib.oauth import authorization  # other log-ins should not pay for oauthlib's cold start

    try:
        authorization_request = authorization.parse(query)
    except (authorization.UntrustedClient, authorization.RedirectableError):
        return None
    return authorization_request.client.name, redirect_uris.destination(authorization_request.redirect_uri)


def _link_expired(request: Request) -> Response:
    return pages.error_page(
        request,
        404,
        translatable('This link is no longer valid'),
        translatable('A link works once, for an hour, and only until the password is changed.'),
        links=[('/forgot', translatable('Request a new link'))],
    )
