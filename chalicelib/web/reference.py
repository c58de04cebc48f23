"""The reference of the API: every operation with samples, every error code; and the console, which sends requests."""

from functools import lru_cache

from chalice.app import Blueprint, Chalice, Response

from chalicelib import texts
from chalicelib.api.openapi import route
from chalicelib.config import settings
from chalicelib.http_io.response import Answer
from chalicelib.models import Client, User
from chalicelib.web import applications, pages, sessions

bp = Blueprint(__name__)


@bp.route('/reference', cors=False)
def show_reference() -> Response:
    """Show the reference, which is the same for everybody but for the language of its headings."""
    page = _reference_page(bp.current_app, pages.link(bp.current_request, ''), texts.language())
    return Answer(page.body, headers=page.headers | {'Cache-Control': 'public, max-age=300'})


@bp.route('/reference/try', cors=False)
def show_console() -> Response:
    """Show the console, and how to authorize it: with an API key, or as an application of the user's own, which may be there already."""
    request = bp.current_request
    user = sessions.current_user(request)
    client = _console_client(user) if user else None
    return pages.render(
        'console.html',
        request,
        scripts=True,
        connects=True,
        user=user,
        client=client,
        issuer=settings().url(''),
        redirect_uri=applications.console_redirect_uri(),
    )


@bp.route('/reference/try/oauth2-redirect.html', cors=False)
def show_console_redirect() -> Response:
    """Show the page that the authorization endpoint redirects the console's window to: its script hands the code over and closes it."""
    return pages.render('console_redirect.html', bp.current_request, scripts=True)


@lru_cache(4)
def _reference_page(app: Chalice, stage: str, language: str) -> Response:
    """Return the page as it is below a stage in a language, those of the request that is answered: made once in a process."""
    from chalicelib.api.openapi.error_codes import ERROR_CODES
    from chalicelib.oauth.error_codes import OAUTH_ERRORS
    from chalicelib.web import reference_content, samples  # a cold start of other pages should not pay for these

    document = route.api_document(app)
    return pages.render(
        'reference.html',
        bp.current_request,
        hides_amounts=False,  # in the browser of whoever comes first: the page is for all, and has no amounts of anybody
        about=document['info']['description'].split('\n\n'),
        version=document['info']['version'],
        issuer=settings().url(''),
        resources=reference_content.resources(document),
        objects=reference_content.objects(document),
        error_codes=ERROR_CODES.values(),
        oauth_errors=OAUTH_ERRORS,
        sample_languages=samples.LANGUAGES,
        preludes={language: samples.prelude(language, settings().url('')) for language in samples.LANGUAGES},
    )


def _console_client(user: User) -> Client | None:
    """Return the user's first public application that has the console's redirect URI."""
    uri = applications.console_redirect_uri()
    return next((client for client in Client.owned_by(user.user_id) if not client.confidential and uri in client.redirect_uris), None)
