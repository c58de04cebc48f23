"""A user's own data: downloading all of it, and deleting the account."""

from threading import BoundedSemaphore
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import clock
from chalicelib.api.presenters.own_data import pack_own_data
from chalicelib.errors import Busy, Invalid
from chalicelib.models import AttemptCounter, User
from chalicelib.services.users import authentication, leaving, own_data
from chalicelib.texts import translatable
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)

_DONE = {'deletion': translatable('Your account will be deleted as shown below.'), 'kept': translatable('Your account will be kept.')}
_DOWNLOADS_A_DAY = 20
_DAY = 86_400

# A large one takes hundreds of megabytes, and a home server is one process for everybody.
_PACKING = BoundedSemaphore(1)


@bp.route('/account/data', cors=False)
@bp.route('/profile/data', cors=False)
def show_own_data() -> Response:
    """Show the forms that download everything and delete the account; the query parameter `done` names what was just done."""
    request = bp.current_request
    user = sessions.require_user(request)
    return _render_data(request, user, done=_DONE.get(forms.outcome(request, 'done')))


@bp.route('/profile/data/download', methods=['POST'], content_types=forms.TYPES, cors=False)
def download_own_data() -> Response:
    """Return everything of the user as a zip file."""
    request = bp.current_request
    forms.read(request)
    user = sessions.require_user(request)
    if not _PACKING.acquire(blocking=False):  # who waits would keep others from their turn
        raise Busy
    try:
        return pages.Attachment(_pack(user, clock.now()), 'application/zip', 'cryptfolio.zip')
    finally:
        _PACKING.release()


@bp.route('/profile/data/delete', methods=['POST'], content_types=forms.TYPES, cors=False)
def schedule_account_deletion() -> Response:
    """Let the account be deleted in a week."""
    request = bp.current_request
    form = forms.read(request)
    user = sessions.require_user(request)
    now = clock.now()
    try:
        authentication.check_current_password(user, form.text('current_password'), sessions.current_session_id(request), now)
    except Invalid as invalid:
        return _render_data(request, user, status=422, faults=invalid.faults)
    leaving.ask_to_leave(user, now)
    return pages.redirect(pages.link(request, '/account/data?done=deletion'))


@bp.route('/profile/data/keep', methods=['POST'], content_types=forms.TYPES, cors=False)
def cancel_account_deletion() -> Response:
    """Let the account stay."""
    request = bp.current_request
    forms.read(request)
    leaving.stay(sessions.require_user(request))
    return pages.redirect(pages.link(request, '/account/data?done=kept'))


def _pack(user: User, now: int) -> bytes:
    AttemptCounter.record('download', user.user_id, _DOWNLOADS_A_DAY, _DAY, now)
    return pack_own_data(own_data.read(user, now))


def _render_data(request: Request, user: User, *, status: int = 200, **context: Any) -> Response:
    return pages.render('own_data.html', request, status=status, user=user, **{'done': None} | context)
