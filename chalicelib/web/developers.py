"""The page of developers: their API keys and applications with when each was last used, and where the API is."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.models import Client
from chalicelib.web import api_keys, pages, sessions

bp = Blueprint(__name__)


@bp.route('/developers', cors=False)
def show_developers() -> Response:
    """Show the user's API keys and registered applications, the limits, and how to begin."""
    request = bp.current_request
    user = sessions.require_user(request)
    return pages.render(
        'developers.html',
        request,
        user=user,
        keys=api_keys.working_keys(user, clock.now()),
        clients=Client.owned_by(user.user_id),
        issuer=settings().issuer.rstrip('/'),
        rate_limit=settings().rate_limit,
    )
