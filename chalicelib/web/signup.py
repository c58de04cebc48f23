"""Signing up, and confirming e-mail addresses. The answer to a sign-up never tells whether an address has an account."""

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.domain.credentials import parse_email, parse_name
from chalicelib.errors import Invalid, NotFound
from chalicelib.http_io.request import network
from chalicelib.models import EmailToken
from chalicelib.services import users
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)


@bp.route('/signup', cors=False)
def show_signup() -> Response:
    """The form to sign up with."""
    return pages.render('signup.html', bp.current_request)


@bp.route('/signup', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_signup() -> Response:
    """Sign up: 422 with the form for what is wrong with its fields, else always the same."""
    request = bp.current_request
    form = forms.read(request)
    try:
        email = parse_email(form.text('email'))
        users.sign_up(
            name=parse_name(form.text('name')),
            email=email,
            password=form.text('password'),
            network=network(request),
            now=clock.now(),
        )
    except Invalid as invalid:
        kept = {'name': form.text('name'), 'email': form.text('email')}
        return pages.render('signup.html', request, status=422, faults=invalid.faults, form=kept)
    return pages.render('sent.html', request, email=email, title='Almost there', what='Follow its link to confirm your e-mail address')


@bp.route('/confirm', cors=False)
def show_confirm() -> Response:
    """The button behind a mailed link: mail scanners follow links too, but press nothing."""
    request = bp.current_request
    token = forms.query(request, 'token')
    try:
        mailed = _look_up(token)
    except NotFound:
        return _no_longer_good(request)
    return pages.render('confirm.html', request, token=token, email=mailed.email, moves=mailed.purpose == 'email')


@bp.route('/confirm', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_confirm() -> Response:
    """Confirm a sign-up and log in, or move an account to another e-mail address."""
    request = bp.current_request
    form = forms.read(request)
    token, now = form.text('token'), clock.now()
    try:
        if _look_up(token).purpose == 'email':
            users.change_email(token, now)
            return pages.redirect(pages.link(request, '/profile?saved=email'))
        user = users.confirm(token, now)
    except (NotFound, Invalid):
        return _no_longer_good(request)
    return pages.redirect(pages.link(request, '/profile'), {'Set-Cookie': [sessions.start(user)]})


def _look_up(token: str) -> EmailToken:
    now = clock.now()
    try:
        return EmailToken.find(token, 'confirm', now)
    except NotFound:
        return users.of_link(token, 'email', now)[0]


def _no_longer_good(request: Request) -> Response:
    return pages.error_page(
        request,
        404,
        'This link is no longer good',
        'Links work once, and only for a day. Log in, or sign up again to be sent a new one.',
        links=[('/login', 'Log in'), ('/signup', 'Sign up')],
    )
