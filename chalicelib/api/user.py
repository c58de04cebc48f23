"""GET /api/user."""

from chalice.app import Blueprint, Response

from chalicelib import http
from chalicelib.api.openapi.operation_spec import Contract
from chalicelib.auth import bearer
from chalicelib.domain import shapes
from chalicelib.models import User

bp = Blueprint(__name__)


@bp.route('/user', authorizer=bearer)
@Contract(shapes.User)
def get_user() -> Response:
    """Key information about the user."""
    return http.ok(User.find(http.user_id(bp.current_request)).public())
