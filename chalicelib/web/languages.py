"""In which language a visitor reads: what they chose, kept in a cookie, else what their browser asks for (RFC 9110 section 12.5.4)."""

import re
from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import texts
from chalicelib.web import forms, pages, sessions

bp = Blueprint(__name__)

_COOKIE = 'language'
_YEAR = 31_536_000
_LONGEST_HEADER = 1_000
_PREFERENCE = re.compile(r'\s*([A-Za-z]{2,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?')


def language_middleware(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Let pages, and the mails that they send, be in the language of their reader. The API answers in English."""
    if str(request.path).startswith('/api'):
        return get_response(request)
    with texts.use_language(choose_language(request)):
        return get_response(request)


def choose_language(request: Request) -> str:
    """Return the code of the language of a request, English if it asks for none that we have."""
    chosen = sessions.cookie_value(request, _COOKIE)
    if chosen in texts.LANGUAGES:
        return str(chosen)
    preferences = [_PREFERENCE.fullmatch(part) for part in request.headers.get('accept-language', '')[:_LONGEST_HEADER].split(',')]
    ranked = sorted((match for match in preferences if match), key=lambda match: -_thousandths(match[2]))
    codes = [match[1].lower() for match in ranked if _thousandths(match[2])]
    return next((code for code in codes if code in texts.LANGUAGES), texts.ENGLISH)


@bp.route('/language', cors=False)
def set_language() -> Response:
    """Keep the language `to` in a cookie, which changes nothing on the server, and lead back to the page before."""
    request = bp.current_request
    code = forms.query_parameter(request, 'to')
    cookies = {'Set-Cookie': [sessions.cookie(code, _YEAR, _COOKIE)]} if code in texts.LANGUAGES else {}
    return pages.redirect(pages.page_before(request, bp.current_app), cookies)


def _thousandths(quality: str | None) -> int:
    """Return a weight (RFC 9110 section 12.4.2) without its point; it is 1 where none is given."""
    return 1_000 if quality is None else int(quality.replace('.', '').ljust(4, '0'))
