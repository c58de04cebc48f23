"""The sessions in which a user is logged in, and ending them."""

from chalice.app import Blueprint, Response

from chalicelib import clock
from chalicelib.models import Session
from chalicelib.services.users import access, authentication
from chalicelib.texts import translatable
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)

_DONE = {'ended': translatable('The session was ended.'), 'everywhere': translatable('You are logged out everywhere else.')}


@bp.route('/profile/sessions', cors=False)
def list_sessions() -> Response:
    """List the sessions with their browsers and networks; the query parameter `done` names what was just ended."""
    request = bp.current_request
    user = sessions.require_user(request)
    return pages.render(
        'sessions.html',
        request,
        user=user,
        done=_DONE.get(forms.outcome(request, 'done')),
        sessions=Session.of_user(user, clock.now()),
        current_id=sessions.current_session_id(request),
        openers=access.ENDED_BY_SESSION,
    )


@bp.route('/profile/sessions/end', methods=['POST'], content_types=forms.TYPES, cors=False)
def end_session() -> Response:
    """End one session; it is no error if it has ended already."""
    request = bp.current_request
    form = forms.read(request)
    authentication.log_out_session(sessions.require_user(request), form.text('session_id'), clock.now())
    return pages.redirect(pages.link(request, '/profile/sessions?done=ended'))


@bp.route('/profile/sessions/end-all', methods=['POST'], content_types=forms.TYPES, cors=False)
def end_all_sessions() -> Response:
    """Log out everywhere but here, and end what else opens the account and is not to be kept."""
    request = bp.current_request
    form = forms.read(request)
    session, user = sessions.require_session(request)
    authentication.log_out_everywhere(user, keep=form.all('keep'), visitor=sessions.visitor(request), now=clock.now())
    cookies = sessions.start_anew(request, user, session)
    return pages.redirect(pages.link(request, '/profile/sessions?done=everywhere'), {'Set-Cookie': cookies})
