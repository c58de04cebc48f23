"""The home page and the stylesheet."""

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


@bp.route('/static/style.css', cors=False)
def get_style() -> Response:
    """Return the stylesheet; links to it contain its version."""
    headers: pages.Headers = {
        'Content-Type': 'text/css; charset=utf-8',
        'Cache-Control': 'public, max-age=31536000, immutable',
        'X-Content-Type-Options': 'nosniff',
    }
    return Response(pages.STYLE.read_text(), headers=headers)
