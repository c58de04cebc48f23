"""Hiding all amounts on pages, and showing them again, in one browser. The stylesheet hides them: nothing else of a page changes."""

from chalice.app import Blueprint, Response

from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)


@bp.route('/amounts', methods=['POST'], content_types=forms.TYPES, cors=False)
def switch_amounts() -> Response:
    """Hide the amounts, or show them again, and go back to the page that the button was on."""
    request = bp.current_request
    form = forms.read(request)
    cookie = sessions.amounts_cookie(hide=form.text('show') == 'no')
    return pages.redirect(pages.page_before(request, bp.current_app), {'Set-Cookie': [cookie]})
