"""The home page."""

from chalice.app import Blueprint, Response

from chalicelib.web import pages, sessions

bp = Blueprint(__name__)


@bp.route('/', cors=False)
def show_front_page() -> Response:
    """Show the home page to a visitor, and lead a user on to their portfolios."""
    request = bp.current_request
    if sessions.current_user(request):
        return pages.redirect(pages.link(request, '/portfolios'))
    return pages.render('home.html', request)


@bp.route('/.well-known/change-password')
def show_change_password() -> Response:
    """Redirect to where the password is changed (https://w3c.github.io/webappsec-change-password-url/)."""
    return pages.redirect(pages.link(bp.current_request, '/account/security'))
