"""The user that a token was issued for: /api/user."""

from chalice.app import Blueprint, Response

from chalicelib.api import answers
from chalicelib.api.presenters.user import present_user
from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.router import Router
from chalicelib.auth import bearer
from chalicelib.http_io.response import ok
from chalicelib.models import User

bp = Blueprint(__name__)
router = Router(bp, authorizer=bearer)


@router.get('/user', answer=answers.User)
def get_user(request: ApiRequest) -> Response:
    """Key information about the user.

    Tells an application whose data its token gives access to. The scope `info` is enough.
    """
    return ok(present_user(User.find(request.user_id)))
