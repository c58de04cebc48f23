"""A server that runs already, on AWS or elsewhere: tests marked `remote` hold of it, and leave it as it was.

It is named by E2E_URL, E2E_EMAIL and E2E_PASSWORD, of which `python -m tests.e2e` takes the last from the keyboard. E2E_PAUSE is how many
seconds pass between two requests for what is not ready: people's requests are limited to 600 a minute.
"""

import html
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

CALLBACK = 'http://127.0.0.1/callback'
PAUSE_SECONDS = float(os.environ.get('E2E_PAUSE', '1'))
_SECONDS = 60
_NAME = 'End-to-end tests'


@dataclass(frozen=True)
class Remote:
    """What tests ask of a stack: where it answers, and the application and user to be, by the names of the DEMO_ variables."""

    url: str
    demo: dict[str, str]


def is_named() -> bool:
    """Whether the environment names a server."""
    return 'E2E_URL' in os.environ


@contextmanager
def prepared() -> Iterator[Remote]:
    """Register an application of the user's, who may use the password grant meanwhile; afterwards both are as before."""
    url, email, password = (os.environ[f'E2E_{name}'] for name in ('URL', 'EMAIL', 'PASSWORD'))
    person = Person(url.rstrip('/'))
    profile = person.submit('/login', '/login', email=email, password=password)
    assert '/logout"' in profile.text, f'{email} cannot log in at {url} with that password'
    could_log_in = re.search(r'id="allow_remote_login"[^>]* checked', person.get('/account/security')) is not None
    made = person.submit('/oauth/applications', '/oauth/applications/new', name=_NAME, redirect_uris=CALLBACK, kind='confidential')
    client_id = urlsplit(made.url).path.rpartition('/')[2]
    [secret] = [value for value in re.findall(r'<code class="value">([^<]+)</code>', made.text) if value != client_id]
    person.submit('/profile/remote', '/account/security', allow_remote_login='yes')
    try:
        names = ('DEMO_EMAIL', 'DEMO_PASSWORD', 'DEMO_CLIENT_ID', 'DEMO_CLIENT_SECRET')
        yield Remote(person.url, dict(zip(names, (email, password, client_id, html.unescape(secret)), strict=True)))
    finally:
        page = f'/oauth/applications/{client_id}/delete'
        person.submit(page, page)
        if not could_log_in:
            person.submit('/profile/remote', '/account/security')


class Person:
    """Somebody at a browser, who fills in forms."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._browser = requests.Session()

    def get(self, path: str) -> str:
        answer = self._browser.get(self.url + path, timeout=_SECONDS)
        assert answer.status_code == 200, answer.text
        return answer.text

    def submit(self, path: str, page: str, **fields: str) -> requests.Response:
        """Send the form of a page that leads to a path, with its hidden fields; return the page that it leads on to."""
        [form] = re.findall(rf'<form[^>]* action="[^"]*{re.escape(path)}(?:\?[^"]*)?"[^>]*>(.*?)</form>', self.get(page), re.DOTALL)
        hidden = {name: html.unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)}
        answer = self._browser.post(self.url + path, hidden | fields, allow_redirects=False, timeout=_SECONDS)
        assert answer.status_code < 400, answer.text
        return self._browser.get(urljoin(answer.url, answer.headers['Location']), timeout=_SECONDS)
