"""The front page and the stylesheet."""

from chalice.app import Blueprint, Response

from chalicelib.web import pages, sessions

bp = Blueprint(__name__)


@bp.route('/', cors=False)
def show_front_page() -> Response:
    """What this is, and where to go from here."""
    return pages.render('home.html', bp.current_request, user=sessions.current(bp.current_request))


@bp.route('/static/style.css', cors=False)
def get_style() -> Response:
    """The stylesheet; links to it carry its version."""
    headers: pages.Headers = {
        'Content-Type': 'text/css; charset=utf-8',
        'Cache-Control': 'public, max-age=31536000, immutable',
        'X-Content-Type-Options': 'nosniff',
    }
    return Response(pages.STYLE.read_text(), headers=headers)
