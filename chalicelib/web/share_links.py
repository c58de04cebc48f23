"""The links that show a portfolio to others without a log-in: made, shown once, revoked."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.config import settings
from chalicelib.domain import instants, timeline
from chalicelib.domain.credentials import parse_mailed_name
from chalicelib.errors import Fault, Invalid, check_all
from chalicelib.http_io.request import path_id
from chalicelib.models import Portfolio, ShareLink, User
from chalicelib.services.users import notices
from chalicelib.texts import translatable
from chalicelib.web import figures, forms, one_time, pages, sessions

bp = Blueprint(__name__)

MOST_LINKS = 20  # to a portfolio
MOST_OF_USER = 100  # of all portfolios, as whoever is in a session may make them, and a password reset deletes them
_LONGEST = 366 * timeline.DAY
_USUAL = 30 * timeline.DAY
_DATE = len('2026-12-31')


@bp.route('/portfolios/{portfolio_id}/share', cors=False)
def list_share_links(portfolio_id: str) -> Response:
    """List the links to a portfolio, with the form for a new one; after that form, show the new link, for the only time."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render_links(request, user, path_id(portfolio_id), **one_time.read(request, user)._asdict())


@bp.route('/portfolios/{portfolio_id}/share', methods=['POST'], content_types=forms.TYPES, cors=False)
def create_share_link(portfolio_id: str) -> Response:
    """Create a link, and redirect to the page that shows it once."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    number, now = path_id(portfolio_id), clock.now()
    try:
        name, expires_at = _parse_link(form, user, number, now)
        shows_amounts = form.text('shows') == 'amounts'
        token, writes = ShareLink.creation(user.user_id, number, name=name, shows_amounts=shows_amounts, expires_at=expires_at, now=now)
        check_room = partial(_check_count, user, number, now)
        shown = one_time.make(request, user, form, token, f'/portfolios/{number}/share', *writes, check_room=check_room)
    except Invalid as invalid:
        typed = {name: form.text(name) for name in ('name', 'ends', 'shows')}
        return _render_links(request, user, number, status=422, faults=invalid.faults, form=typed)
    if shown is not None:
        notices.tell_of_share_link(user, number, name)
    return pages.redirect(pages.link(request, shown or one_time.shown_at(user, form)))


@bp.route('/portfolios/{portfolio_id}/share/revoke', methods=['POST'], content_types=forms.TYPES, cors=False)
def revoke_share_link(portfolio_id: str) -> Response:
    """Revoke a link; it is no error if it does not exist."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    number = path_id(portfolio_id)
    ShareLink.revoke(user.user_id, number, form.text('link_id'))
    return pages.redirect(pages.link(request, f'/portfolios/{number}/share?saved=revoked'))


def _parse_link(form: forms.Form, user: User, portfolio_id: int, now: int) -> tuple[str, int]:
    """Return the name of a new link and when it ends. Raises Invalid with all faults."""
    check_all(lambda: _parse_name(form), lambda: _parse_end(form.text('ends'), now), lambda: _check_count(user, portfolio_id, now))
    return _parse_name(form), _parse_end(form.text('ends'), now)


def _parse_name(form: forms.Form) -> str:
    if not form.text('name').strip():
        raise Invalid(Fault('name', 'required', translatable('Enter who the link is for')))
    return parse_mailed_name(form.text('name'))


def _parse_end(text: str, now: int) -> int:
    """Return the end of a day from today to a year ahead. Raises Invalid."""
    try:
        end = instants.parse(text) + timeline.DAY if len(text) == _DATE else 0
    except ValueError:
        end = 0
    if not now < end <= now + _LONGEST:
        raise Invalid(Fault('ends', 'out_of_range', translatable('Choose a day from today to a year ahead')))
    return end


def _check_count(user: User, portfolio_id: int, now: int) -> None:
    links = ShareLink.of_user(user.user_id)
    if len(_working([link for link in links if link.portfolio_id == portfolio_id], now)) >= MOST_LINKS:
        raise Invalid(
            Fault('name', 'too_many', translatable('There are {most} links to this portfolio already: revoke one first', most=MOST_LINKS))
        )
    if len(_working(links, now)) >= MOST_OF_USER:
        raise Invalid(
            Fault(
                'name', 'too_many', translatable('There are {most} links to your portfolios already: revoke one first', most=MOST_OF_USER)
            )
        )


def _working(links: Sequence[ShareLink], now: int) -> list[ShareLink]:
    return [link for link in links if (link.expires_at or 0) > now]


def _render_links(
    request: Request, user: User, portfolio_id: int, *, made: bool = False, secret: str | None = None, **context: Any
) -> Response:
    """Raises NotFound for a portfolio that does not exist."""
    now = clock.now()
    portfolio = Portfolio.find(user.user_id, portfolio_id)
    values: dict[str, Any] = {'form': {'ends': figures.iso(now + _USUAL)[:_DATE], 'shows': 'percentages'}} | context
    return pages.render(
        'share.html',
        request,
        user=user,
        portfolio=portfolio,
        share_links=_working(ShareLink.of_portfolio(user.user_id, portfolio_id), now),
        made=made,
        secret=None if secret is None else settings().url(f'/s/{secret}'),
        revoked=forms.outcome(request, 'saved') == 'revoked',
        first_day=figures.iso(now)[:_DATE],
        last_day=figures.iso(now + _LONGEST - timeline.DAY)[:_DATE],
        **values,
    )
