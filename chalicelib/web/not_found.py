"""What is answered at a path that does not exist."""

from chalice.app import Blueprint, Response

from chalicelib.errors import NotFound

bp = Blueprint(__name__)


@bp.route('/{proxy+}', methods=['GET', 'HEAD'])
def show_not_found() -> Response:
    """Say that there is nothing here. API Gateway takes this route for every path that has no other."""
    raise NotFound
