"""A browser without a screen: keeps the cookie, fills in forms, reads the mail that is printed."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import urlencode

import pytest
from chalice.test import Client as ChaliceClient
from chalice.test import HTTPResponse

from chalicelib.config import settings
from chalicelib.models import User
from tests.support.api import PASSWORD

FORM = 'application/x-www-form-urlencoded'
COOKIE = '__Host-session'
KNOWN = '__Host-browser'
STEP = '__Host-step'
LANGUAGE = '__Host-language'
AMOUNTS = '__Host-amounts'
_FIELD = re.compile(r'<(?:input(?![^>]*type="hidden")|textarea|select)')


class Browser:
    """One visitor. `page` is the text of the last answer, `response` all of it; `cookie` is the session's, `known` the browser's."""

    def __init__(self, http: ChaliceClient) -> None:
        self._http = http
        self.cookie = ''
        self.known = ''
        self.step = ''
        self.language = ''
        self.amounts = ''
        self.response: HTTPResponse
        self.headers: dict[str, str] = {}

    @property
    def page(self) -> str:
        return self.response.body.decode()

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def location(self) -> str:
        return self.response.headers['Location']

    @property
    def set_cookie(self) -> str:
        return (self.response.headers.get('Set-Cookie') or [''])[0]

    def get(self, path: str) -> HTTPResponse:
        return self.request('GET', path)

    def request(self, method: str, path: str, body: bytes = b'', **headers: str) -> HTTPResponse:
        cookies = {COOKIE: self.cookie, KNOWN: self.known, STEP: self.step, LANGUAGE: self.language, AMOUNTS: self.amounts}
        pairs = '; '.join(f'{name}={value}' for name, value in cookies.items() if value)
        sent = {'Cookie': pairs} if pairs else {}
        self.response = self._http.http.request(method, path, headers=sent | self.headers | headers, body=body)
        for set_cookie in self.response.headers.get('Set-Cookie') or []:
            name, _, rest = set_cookie.partition('=')
            value = rest.partition(';')[0]
            if name.endswith('browser'):
                self.known = value
            elif name.endswith('step'):
                self.step = value
            elif name.endswith('language'):
                self.language = value
            elif name.endswith('amounts'):
                self.amounts = value
            else:
                self.cookie = value
        assert not ('Refresh' in self.response.headers and _FIELD.search(self.page)), (
            'what is typed is lost when the page loads itself again'
        )
        return self.response

    def csrf(self, path: str = '/forgot') -> str:
        """Return a token from a page that has a form."""
        self.get(path)
        return re.search(r'name="csrf" value="([^"]+)"', self.page)[1]

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> HTTPResponse:
        """Post a form as the page it is on would."""
        csrf = {} if 'csrf' in (fields or {}) else {'csrf': self.csrf()}
        body = urlencode(csrf | (fields or {})).encode()
        return self.request('POST', path, body, **{'Content-Type': FORM} | headers)

    def post_from(self, page: str, path: str, fields: dict[str, str]) -> HTTPResponse:
        """Post a form that is on `page`."""
        return self.post(path, {'csrf': self.csrf(page)} | fields)

    def post_all(self, path: str, fields: list[tuple[str, str]]) -> HTTPResponse:
        """Post a form in which a field may occur more than once."""
        return self.request('POST', path, urlencode([('csrf', self.csrf()), *fields]).encode(), **{'Content-Type': FORM})

    def log_in(self, email: str = 'test@example.com', password: str = PASSWORD, **fields: str) -> HTTPResponse:
        return self.post('/login', {'email': email, 'password': password} | fields)

    @property
    def text(self) -> str:
        """Return the words of the page, without what isolates names written from right to left."""
        words = unescape(re.sub(r'<[^>]*>', ' ', self.page.partition('<main')[2])).split()
        return re.sub('[\u2068\u2069]', '', ' '.join(words))


@pytest.fixture
def new_browser(http: ChaliceClient) -> Callable[[], Browser]:
    return lambda: Browser(http)


@pytest.fixture
def browser(http: ChaliceClient) -> Browser:
    return Browser(http)


@pytest.fixture
def logged_in(browser: Browser, user: User) -> Browser:
    """A browser in which `user` is logged in."""
    browser.log_in()
    assert browser.status == 303, browser.text
    return browser


class Mailbox:
    """The mails printed so far, in order."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._mails: list[tuple[str, str]] = []

    def read(self) -> list[tuple[str, str]]:
        """Return (to, subject and text) of every mail."""
        self._mails += re.findall(r'^--- mail to (\S+)\n(.*?)\n--- end of mail$', self._capsys.readouterr().err, re.M | re.S)
        return self._mails

    def last(self) -> tuple[str, str]:
        return self.read()[-1]

    def link(self) -> str:
        """Return the path of the last link with a token in all mails."""
        return self.links()[-1]

    def links(self, to: str = '') -> list[str]:
        """Return the paths of all links with a token in the mails to an address, or in all mails."""
        texts = [text for recipient, text in self.read() if to in ('', recipient)]
        return re.findall(r'https://cryptfolio\.test(/\S+token=\S+)', '\n'.join(texts))


@pytest.fixture
def mailbox(capsys: pytest.CaptureFixture[str]) -> Mailbox:
    return Mailbox(capsys)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every argon2 computation, by name."""
    from argon2 import PasswordHasher

    made: list[str] = []
    for name in ('hash', 'verify'):
        real = getattr(PasswordHasher, name)

        def counted(*args: object, real: Callable[..., object] = real, name: str = name) -> object:
            made.append(name)
            return real(*args)

        monkeypatch.setattr(PasswordHasher, name, counted)
    return made


@pytest.fixture
def plain_http(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of a computer of one's own."""
    monkeypatch.setenv('ISSUER', 'http://127.0.0.1:8000')
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()
