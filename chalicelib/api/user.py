"""GET /api/user."""

from chalice.app import Blueprint, Response

from chalicelib.api import answers, presenters
from chalicelib.api.openapi.operation_spec import Contract
from chalicelib.auth import bearer
from chalicelib.http_io.request import user_id
from chalicelib.http_io.response import ok
from chalicelib.models import User

bp = Blueprint(__name__)


@bp.route('/user', authorizer=bearer)
@Contract(answers.User)
def get_user() -> Response:
    """Key information about the user."""
    return ok(presenters.present_user(User.find(user_id(bp.current_request))))
