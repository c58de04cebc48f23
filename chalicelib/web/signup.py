"""Signing up, and confirming email addresses. The response to a sign-up never reveals whether an address has an account."""

from typing import Any
from urllib.parse import urlencode

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain.credentials import check_new_password, parse_name, parse_new_email
from chalicelib.errors import Invalid, NotFound, check_all
from chalicelib.http_io.request import network
from chalicelib.models import EmailToken
from chalicelib.services.users import authentication, email_changes, invitations, sign_ups
from chalicelib.texts import translatable
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)


@bp.route('/signup', cors=False)
def show_signup() -> Response:
    """Show the sign-up form, or who may sign up."""
    request = bp.current_request
    invitation = forms.query_parameter(request, 'invitation')
    if not invitations.may_sign_up(invitation, clock.now()):
        return _refuse_signup(request, invitation)
    return pages.render('signup.html', request, invitation=invitation)


@bp.route('/signup', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_signup() -> Response:
    """Sign up: show the form again with 422 if its fields are invalid, otherwise always the same page."""
    request = bp.current_request
    form = forms.read(request)
    invitation = form.text('invitation')
    if not invitations.may_sign_up(invitation, clock.now()):
        return _refuse_signup(request, invitation)
    try:
        email = _sign_up(request, form, invitation)
    except Invalid as invalid:
        typed = {'name': form.text('name'), 'email': form.text('email')}
        return pages.render('signup.html', request, status=422, faults=invalid.faults, form=typed, invitation=invitation)
    what = translatable('Follow the link in it to confirm your email address.')
    return pages.render('sent.html', request, email=email, title=translatable('Almost there'), what=what)


def _sign_up(request: Request, form: forms.Form, invitation: str) -> str:
    """Sign up with what was entered; return the email address. Raises Invalid with all of its faults, TooMany."""
    check_all(
        lambda: parse_name(form.text('name')),
        lambda: parse_new_email(form.text('email')),
        lambda: check_new_password(form.text('password'), form.text('email')),
    )
    email = parse_new_email(form.text('email'))
    sign_ups.sign_up(
        name=parse_name(form.text('name')),
        email=email,
        password=form.text('password'),
        network=network(request),
        now=clock.now(),
        browser=sessions.cookie_token(request),
        invitation=invitation or None,
    )
    return email


def _refuse_signup(request: Request, invitation: str) -> Response:
    if settings().signup == 'closed':
        return pages.error_page(request, 403, translatable('Sign-up is closed'), translatable('This server does not accept new accounts.'))
    if invitation:
        text = translatable('This invitation was used already, or has expired. Ask for a new one.')
        return pages.error_page(request, 404, translatable('This invitation is no longer valid'), text)
    text = translatable('This server accepts new accounts by invitation only. Ask somebody who uses it for one.')
    return pages.error_page(request, 403, translatable('By invitation only'), text, links=[('/login', translatable('Log in'))])


@bp.route('/confirm', cors=False)
def show_confirm() -> Response:
    """Show a button rather than confirm at once: mail scanners follow links, but do not press buttons."""
    request = bp.current_request
    token = forms.query_parameter(request, 'token')
    try:
        return _render_confirm(request, token)
    except NotFound:
        return _link_expired(request)


@bp.route('/confirm', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_confirm() -> Response:
    """Confirm a sign-up and log in, or change an account's email address."""
    request = bp.current_request
    form = forms.read(request)
    token, now = form.text('token'), clock.now()
    try:
        if _find_token(token).purpose == 'email':
            return _change_email(request, token, form.text('password'), now)
        user = sign_ups.confirm(token, browser=sessions.cookie_token(request), password=form.text('password'), now=now)
    except Invalid as invalid:
        return _render_confirm(request, token, status=422, faults=invalid.faults)
    except NotFound:
        return _link_expired(request)
    return pages.redirect(pages.link(request, '/portfolios/new'), {'Set-Cookie': sessions.start(request, user)})


def _change_email(request: Request, token: str, password: str, now: int) -> Response:
    """Raises NotFound, Invalid."""
    email_changes.change_email(token, logged_in=sessions.current_user(request), password=password, now=now)
    return pages.redirect(pages.link(request, '/account?saved=email'))


def _render_confirm(request: Request, token: str, **context: Any) -> Response:
    """Raises NotFound."""
    email_token = _find_token(token)
    values: dict[str, Any] = {'token': token, 'email': email_token.email, **context}
    if email_token.purpose == 'email':
        return _render_new_email(request, email_token, **values)
    asks_password = not sign_ups.is_signing_up(email_token, sessions.cookie_token(request))
    return pages.render('confirm.html', request, asks_password=asks_password, **values)


def _render_new_email(request: Request, email_token: EmailToken, **values: Any) -> Response:
    visitor = sessions.current_user(request)
    proof = email_changes.required_proof(email_token.user_id, visitor)
    here = '/confirm?' + urlencode({'token': values['token']})
    return pages.render('confirm_new_email.html', request, proof=proof.name, visitor=visitor, here=here, **values)


def _find_token(token: str) -> EmailToken:
    """Return the unused token of a sign-up or an email change. Raises NotFound."""
    now = clock.now()
    try:
        return sign_ups.find_sign_up(token, now)[0]
    except NotFound:
        return authentication.find_by_link(token, 'email', now)[0]


def _link_expired(request: Request) -> Response:
    return pages.error_page(
        request,
        404,
        translatable('This link is no longer valid'),
        translatable('A link works once, for one day. Log in, or sign up again to get a new one.'),
        links=[('/login', translatable('Log in')), ('/signup', translatable('Sign up'))],
    )
