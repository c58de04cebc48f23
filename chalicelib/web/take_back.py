"""Taking a change of the email address back, through the link that was mailed to the one before, whose mailbox vouches for who does it."""

from urllib.parse import urlencode

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.errors import Invalid, NotFound
from chalicelib.services.users import email_changes
from chalicelib.texts import translatable
from chalicelib.web import forms, pages

bp = Blueprint(__name__)


@bp.route('/take-back', cors=False)
def show_take_back() -> Response:
    """Show a button rather than take the change back at once: mail scanners follow links, but do not press buttons."""
    request = bp.current_request
    token = forms.query_parameter(request, 'token')
    try:
        email_token, _ = email_changes.find_take_back(token, clock.now())
    except NotFound:
        return _link_expired(request)
    return pages.render('take_back.html', request, token=token, email=email_token.email)


@bp.route('/take-back', methods=['POST'], content_types=forms.TYPES, cors=False)
def submit_take_back() -> Response:
    """Give the account its former address back, and redirect to the page that sets a new password."""
    request = bp.current_request
    form = forms.read(request)
    try:
        reset = email_changes.take_back(form.text('token'), clock.now())
    except Invalid:
        return _address_taken(request)
    except NotFound:
        return _link_expired(request)
    return pages.redirect(pages.link(request, '/reset?' + urlencode({'token': reset})))


def _link_expired(request: Request) -> Response:
    return pages.error_page(
        request,
        404,
        translatable('This link is no longer valid'),
        translatable(
            'It works once, for seven days, and not after an earlier change was undone. If you find several emails about a changed '
            'address, try the links in the others too.'
        ),
        links=[('/forgot', translatable('Set a new password'))],
    )


def _address_taken(request: Request) -> Response:
    return pages.error_page(
        request,
        409,
        translatable('Another account now uses this address'),
        translatable('Nothing was changed. Ask the operator of this server.'),
    )
