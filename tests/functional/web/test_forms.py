"""What keeps forged forms, frames and scripts away, on every page."""

import re
import tracemalloc
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from app import app
from chalicelib.models import User
from chalicelib.web.forms import MOST_BYTES
from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.browser import FORM, Browser
from tests.support.kraken import create_account
from tests.support.ledgers import ADDRESS

PAGES = sorted(
    (method, path)
    for path, views in app.routes.items()
    for method, entry in views.items()
    if entry.view_function.__module__.startswith('chalicelib.web.') and not path.startswith(('/static/', '/.well-known/', '/{proxy'))
)
PROFILE = [f'/profile{below}' for below in ('', '/sessions', '/api-keys', '/invitations', '/second-factor', '/data')]
ACCOUNT = [f'/account{below}' for below in ('', '/security', '/applications', '/data')]
PAGES_BEFORE_LOGIN = ['/signup', '/login', '/forgot']
OF_A_PORTFOLIO = [
    '/settings',
    '/share',
    '/delete',
    '/import',
    *(f'/{part}/{page}' for part in ('addresses', 'accounts', 'offsets') for page in ('new', '1', '1/delete')),
]
PAGES_WITH_FORMS = [
    *(*PAGES_BEFORE_LOGIN, *PROFILE, *ACCOUNT, '/oauth/applications/new', '/portfolios/new', '/statement/verify', '/portfolios/1'),
    *(f'/portfolios/1{below}' for below in OF_A_PORTFOLIO),
]
TAKE_FILES = ('/portfolios/{portfolio_id}/import',)
POSTS = [path for method, path in PAGES if method == 'POST']
SAFE = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"


def filled(path: str) -> str:
    return re.sub(r'{\w+}', '1', path.replace('{client_id}', 'a' * 32))


@pytest.fixture
def filled_portfolio(api: Api, beginnings: Beginnings) -> None:
    """Portfolio 1 with one part of each kind."""
    beginnings.begin(__name__, lambda: fill(api))


def fill(api: Api) -> None:
    api.portfolio()
    api.address(1, ADDRESS)
    create_account(api)
    api.post('/api/portfolios/1/offsets', {'title': 'x', 'balances': [{'currency': 'btc', 'balance': '1'}]})


def test_there_are_pages_to_test():
    assert len(POSTS) > 10
    assert len(PAGES) > 20


@pytest.mark.parametrize('path', POSTS)
@pytest.mark.parametrize('token', [None, '', 'x', f'{"a" * 16}.{"0" * 64}'])
def test_a_form_without_a_good_token_is_refused_before_anything_else(logged_in: Browser, path: str, token: str | None):
    body = urlencode({'email': 'test@example.com'} | ({} if token is None else {'csrf': token})).encode()

    logged_in.request('POST', filled(path), body, **{'Content-Type': FORM})

    assert (logged_in.status, logged_in.response.headers['Content-Type']) == (403, 'text/html; charset=utf-8')
    assert 'expired' in logged_in.text


@pytest.mark.parametrize('path', POSTS)
def test_a_form_is_taken_in_no_other_type(logged_in: Browser, path: str):
    for kind in ('application/json', 'text/plain', 'multipart/form-data; boundary=x'):
        logged_in.request('POST', filled(path), b'{}', **{'Content-Type': kind})

        takes_files = kind.startswith('multipart') and path in TAKE_FILES
        assert (logged_in.status, logged_in.response.headers['Content-Type']) == (403 if takes_files else 415, 'text/html; charset=utf-8')


def test_a_token_is_good_for_the_cookie_it_was_made_for_only(new_browser: Callable[[], Browser], user: User):
    mine, theirs = new_browser(), new_browser()
    foreign = theirs.csrf()
    mine.get('/login')

    mine.post('/login', {'csrf': foreign, 'email': 'test@example.com'})

    assert mine.status == 403


def test_a_token_from_before_logging_in_is_of_no_use_after(browser: Browser, user: User):
    before = browser.csrf()
    browser.log_in()

    browser.post('/logout', {'csrf': before})

    assert browser.status == 403


def test_a_token_without_a_cookie_is_refused(browser: Browser):
    token = browser.csrf()
    browser.cookie = ''

    browser.request('POST', '/login', urlencode({'csrf': token}).encode(), **{'Content-Type': FORM})

    assert browser.status == 403


def test_a_token_can_be_used_again_and_never_looks_the_same(browser: Browser):
    first, second = browser.csrf(), browser.csrf()

    assert first != second
    for _ in range(2):
        assert browser.post('/forgot', {'csrf': first, 'email': ''}).status_code == 422


@pytest.mark.parametrize(
    ('headers', 'status'),
    [
        ({'Origin': 'https://evil.example'}, 403),
        ({'Origin': 'null'}, 403),
        ({'Origin': 'https://[::1'}, 403),
        ({'Origin': ''}, 403),
        ({'Origin': 'https://app.cryptfolio.test'}, 403),
        ({'Sec-Fetch-Site': 'cross-site'}, 403),
        ({'Sec-Fetch-Site': 'same-site'}, 403),
        ({'Origin': 'https://cryptfolio.test', 'Sec-Fetch-Site': 'same-origin'}, 422),
        ({'Origin': 'https://x.execute-api.example', 'Host': 'x.execute-api.example'}, 422),
        ({'Sec-Fetch-Site': 'none'}, 422),
    ],
)
def test_a_form_posted_from_another_site_is_refused(browser: Browser, headers: dict, status: int):
    browser.post('/forgot', {'email': ''}, **headers)

    assert browser.status == status


def test_a_form_has_a_largest_size(browser: Browser):
    browser.post('/forgot', {'email': 'x' * MOST_BYTES})
    assert (browser.status, browser.response.headers['Content-Type']) == (413, 'text/html; charset=utf-8')

    browser.request('POST', '/forgot', b'a=1&' * 200, **{'Content-Type': FORM})
    assert browser.status == 400


@pytest.mark.parametrize('costly', [b'%', b'%41', b'\xc3\xa9a', b'\xff', b'ab+'])
def test_a_form_takes_no_more_memory_than_it_is_long(browser: Browser, costly: bytes):
    body = urlencode({'csrf': browser.csrf('/statement/verify')}).encode() + b'&jws=%20' + costly * (4_400_000 // len(costly))

    tracemalloc.start()
    browser.request('POST', '/statement/verify', body, **{'Content-Type': FORM})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert browser.status == (422 if costly == b'ab+' else 413)
    assert most < 10 * len(body)  # the body itself, as bytes and text in the test's client, in Chalice and in the form


@pytest.mark.parametrize('width', [64, 76])
def test_a_large_statement_may_come_in_lines(browser: Browser, width: int):
    body = (
        urlencode({'csrf': browser.csrf('/statement/verify')}).encode() + b'&jws=' + (b'x' * width + b'%0D%0A') * (4_900_000 // (width + 6))
    )

    assert browser.request('POST', '/statement/verify', body, **{'Content-Type': FORM}).status_code == 422


def test_bytes_that_are_no_text_do_no_harm(browser: Browser):
    body = urlencode({'csrf': browser.csrf()}).encode() + b'&email=%ff%fe\xff&email=&=&&'

    assert browser.request('POST', '/forgot', body, **{'Content-Type': FORM}).status_code == 422


@pytest.mark.parametrize(('method', 'path'), PAGES)
def test_every_answer_is_safe_from_frames_sniffing_caches_and_foreign_content(logged_in: Browser, method: str, path: str):
    for asked in (method, 'DELETE'):
        headers = logged_in.request(asked, filled(path), **{'Content-Type': FORM}).headers
        assert headers['Content-Security-Policy'] == SAFE
        assert headers['X-Frame-Options'] == 'DENY'
        assert headers['X-Content-Type-Options'] == 'nosniff'
        assert headers['Referrer-Policy'] == ('no-referrer' if path.startswith('/s/') else 'same-origin')
        assert headers['Cross-Origin-Opener-Policy'] == 'same-origin'
        assert headers['Cache-Control'] == 'no-store'
        assert headers['Strict-Transport-Security'].startswith('max-age=31536000')
        assert 'Access-Control-Allow-Origin' not in headers


@pytest.mark.usefixtures('filled_portfolio')
@pytest.mark.parametrize('path', ['/', *PAGES_WITH_FORMS, '/portfolios', '/oauth/applications', '/status', '/developers'])
def test_pages_need_no_script_and_no_other_site(logged_in: Browser, path: str):
    if path in ('/', *PAGES_BEFORE_LOGIN):
        logged_in.cookie = ''
    logged_in.get(path)

    assert logged_in.status == 200
    page, guards = re.subn(r'<script src="/static/guard\.js\?v=\w+"></script>\n</body>', '', logged_in.page)
    allows_scripts = "script-src 'self'" in logged_in.response.headers['Content-Security-Policy']
    assert bool(guards) == allows_scripts == ('guarded' in page)  # against what only a page with scripts does
    assert not re.search(r'<script|\bon\w+=|style=|https?://(?!www\.w3\.org|cryptfolio\.test/api)', page)


@pytest.mark.usefixtures('filled_portfolio')
@pytest.mark.parametrize('path', PAGES_WITH_FORMS)
def test_every_field_has_a_label_and_every_id_is_there_once(logged_in: Browser, path: str):
    if path in PAGES_BEFORE_LOGIN:
        logged_in.cookie = ''
    logged_in.get(path)

    assert logged_in.status == 200
    ids = re.findall(r'\bid="([^"]+)"', logged_in.page)
    fields = re.findall(r'<(?:input|textarea|select)(?![^>]*type="hidden")(?![^>]*aria-hidden)[^>]*\bid="([^"]+)"', logged_in.page)
    described = ' '.join(re.findall(r'(?:aria-describedby|aria-labelledby)="([^"]+)"', logged_in.page)).split()
    assert len(ids) == len(set(ids))
    assert set(fields) <= set(re.findall(r'<label for="([^"]+)"', logged_in.page))
    assert set(described) <= set(ids)


def test_a_mistake_is_summed_up_and_linked_to_its_field(browser: Browser):
    browser.post('/signup', {'email': 'nonsense', 'password': 'x'})

    assert browser.status == 422
    assert '<a href="#email">' in browser.page
    assert re.search(r'<input id="email"[^>]*aria-describedby="email-hint email-error" aria-invalid="true"', browser.page)
    assert 'id="email-error"' in browser.page
    assert '<title>Error: ' in browser.page
    # A screen reader tells them first, and Tab goes on from there.
    assert re.search(r'<div class="summary"(?=[^>]* role="alert")(?=[^>]* tabindex="-1")(?=[^>]* autofocus)', browser.page)
    assert browser.page.count('autofocus') == 1


@pytest.mark.parametrize(
    ('method', 'path', 'status'),
    [('GET', f'/oauth/applications/{"0" * 32}', 404), ('PUT', '/profile', 405), ('POST', '/', 405), ('GET', '/confirm?token=x', 404)],
)
def test_an_error_of_a_page_is_a_page_with_the_navigation_of_who_is_logged_in(logged_in: Browser, method: str, path: str, status: int):
    logged_in.request(method, path)

    assert (logged_in.status, logged_in.response.headers['Content-Type']) == (status, 'text/html; charset=utf-8')
    assert '<h1>' in logged_in.page
    assert '>Log out</button>' in logged_in.page


def test_an_unforeseen_error_of_a_page_is_a_page_that_tells_nothing(logged_in: Browser, user: User):
    user.update([User.created_at.remove()])

    logged_in.get('/profile')

    assert (logged_in.status, logged_in.response.headers['Content-Type']) == (500, 'text/html; charset=utf-8')
    assert 'TypeError' not in logged_in.page


@pytest.mark.parametrize('path', ['/api/portfolios/1', '/oauth/token', '/api/user'])
def test_errors_of_the_api_stay_json(browser: Browser, path: str):
    browser.request('PUT', path)

    assert (browser.status, browser.response.headers['Content-Type']) == (405, 'application/json')


def test_the_stylesheet_is_kept_for_ever_under_its_version(browser: Browser):
    browser.get('/')
    link = re.search(r'<link rel="stylesheet" href="([^"]+)"', browser.page)[1]

    browser.get(link)

    assert re.fullmatch(r'/static/style\.css\?v=[0-9a-f]{16}', link)
    assert browser.response.headers['Content-Type'] == 'text/css; charset=utf-8'
    assert 'immutable' in browser.response.headers['Cache-Control']
    for other in ('/static/style.css', '/static/style.css?v=0123456789abcdef'):
        assert browser.get(other).headers['Cache-Control'] == 'no-cache'
