"""The home page, the stylesheet, and the script of passkeys."""

from pathlib import Path

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
    return pages.redirect(pages.link(bp.current_request, '/profile'))


@bp.route('/static/style.css', cors=False)
def get_style() -> Response:
    """Return the stylesheet; links to it contain its version."""
    return _static(pages.STYLE, 'text/css')


@bp.route('/static/passkey.js', cors=False)
def get_passkey_script() -> Response:
    """Return the script of the pages of passkeys; links to it contain its version."""
    return _static(pages.PASSKEY_SCRIPT, 'text/javascript')


def _static(file: Path, kind: str) -> Response:
    headers: pages.Headers = {
        'Content-Type': f'{kind}; charset=utf-8',
        'Cache-Control': 'public, max-age=31536000, immutable',
        'X-Content-Type-Options': 'nosniff',
    }
    return Response(file.read_text(), headers=headers)
