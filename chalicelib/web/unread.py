"""What pages of a portfolio show while nothing that they are about is known."""

from chalice.app import Request, Response

from chalicelib.errors import NotReady
from chalicelib.models import User, read_portfolio_tree
from chalicelib.web import holdings, pages


def render_unread(request: Request, user: User, portfolio_id: int, not_ready: NotReady, *, status: int = 200) -> Response:
    """Say that the values of a portfolio are read for the first time, or what must change before they can be; loads itself again."""
    contents = read_portfolio_tree(user.user_id, portfolio_id)
    return pages.render(
        'portfolio_unread.html',
        request,
        status=status,
        headers={'Refresh': str(max(not_ready.retry_after, pages.RELOAD_SECONDS))},
        user=user,
        portfolio=contents.portfolio,
        contents=holdings.contents_of(contents),
        reason=not_ready.reason,
    )
