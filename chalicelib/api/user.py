"""GET /api/user."""

from chalice.app import Blueprint, Response

from chalicelib import http
from chalicelib.auth import bearer
from chalicelib.models import User

bp = Blueprint(__name__)


@bp.route('/user', authorizer=bearer)
def get_user() -> Response:
    """Key information about the user."""
    return http.ok(User.find(http.user_id(bp.current_request)).public())
