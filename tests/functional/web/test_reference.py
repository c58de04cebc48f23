"""The reference of the API: complete, cacheable, with samples that work; and the console."""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from chalice.test import Client as ChaliceClient

from app import app
from chalicelib import errors
from chalicelib.api.openapi import document
from chalicelib.api.openapi.error_codes import ERROR_CODES
from chalicelib.api.openapi.responses import REFUSALS
from chalicelib.web import reference
from infra import gateway
from tests.support.api import Api
from tests.support.aws import Beginnings
from tests.support.browser import Browser
from tests.support.filled import fill_portfolio

DOCUMENT = document.describe(app)
OPERATIONS = {operation['operationId']: method for path in DOCUMENT['paths'].values() for method, operation in path.items()}
MOST_BYTES = 200_000  # a tenth of that as API Gateway compresses it
SAFE_CONSOLE = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def test_the_reference_has_every_operation_error_and_object_and_is_kept_by_browsers(browser: Browser, api: Api, requests_made: list[str]):
    browser.get('/reference')

    assert (browser.status, requests_made, browser.set_cookie) == (200, [], '')
    assert len(browser.response.body) < MOST_BYTES
    assert '<script' not in browser.page
    ids = re.findall(r'\bid="([^"]+)"', browser.page)
    assert len(ids) == len(set(ids))
    assert {*OPERATIONS, *(f'error-{code}' for code in ERROR_CODES), 'Portfolio', 'Instant', 'errors'} <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', browser.page)) <= set(ids)
    for parameter in DOCUMENT['components']['parameters'].values():
        assert f'<code>{html.escape(parameter["name"])}</code>' in browser.page
    assert browser.response.headers['Cache-Control'] == 'public, max-age=300'
    assert 'script-src' not in browser.response.headers['Content-Security-Policy']
    assert 'Access-Control-Allow-Origin' not in browser.response.headers
    kept = browser.request('GET', '/reference', **{'If-None-Match': browser.response.headers['ETag']})
    assert (kept.status_code, kept.body) == (304, b'')
    german = browser.request('GET', '/reference', **{'Accept-Language': 'de'})
    assert '<h1>API-Referenz</h1>' in german.body.decode()
    assert (german.headers['Content-Language'], german.headers['Vary']) == ('de', 'Accept-Language, Cookie')
    assert browser.get('/reference').headers['Content-Language'] == 'en'
    linked = urlsplit(api.get('/api/portfolios/99').json_body['doc_url'])
    assert (linked.path, linked.fragment) == ('/reference', 'error-not_found')


def test_the_reference_is_made_for_all_whoever_asks_for_it_first(browser: Browser):
    reference._reference_page.cache_clear()
    browser.amounts = 'hidden'
    page = browser.get('/reference').body

    reference._reference_page.cache_clear()
    browser.amounts = ''
    assert browser.get('/reference').body == page


def test_every_code_that_the_api_or_its_gateway_answers_is_explained_with_its_status():
    ours = {error.code: error.status for error in errors.AppError.__subclasses__()} | {'internal_error': 500, 'too_many_requests': 429}
    described = {refusal.code: refusal.status for refusal in REFUSALS.values()}
    by_gateway = {response.body['code']: response.status for response in gateway.responses().values() if response.status}
    of_pages = {'forbidden', 'mail_not_sent'}

    codes = {code: status for code, status in (ours | described | by_gateway).items() if code not in of_pages}
    assert {code: one.status for code, one in ERROR_CODES.items()} == codes
    assert all(one.meaning and one.remedy for one in ERROR_CODES.values())


def test_every_code_of_oauth2_that_is_linked_to_is_explained(http: ChaliceClient, browser: Browser):
    page = browser.get('/reference').body.decode()
    explained = set(re.findall('id="oauth-error-([a-z_]+)"', page))
    linked = set()
    for path, form in (
        ('token', b''),
        ('token', b'grant_type=nonsense'),
        ('token', b'grant_type=password&username=a&password=b'),
        ('revoke', b'token=a'),
        ('introspect', b''),
    ):
        answer = http.http.post(f'/oauth/{path}', headers={'Content-Type': 'application/x-www-form-urlencoded'}, body=form)
        assert answer.status_code >= 400
        uri = urlsplit(answer.json_body['error_uri'])
        assert (uri.path, uri.fragment) == ('/reference', f'oauth-error-{answer.json_body["error"]}')
        linked.add(answer.json_body['error'])

    assert {'invalid_request', 'unsupported_grant_type', 'invalid_client'} <= linked
    ours = {'server_error', 'temporarily_unavailable'}  # of chalicelib/http_io/errors.py
    of_the_rfcs = {'invalid_grant', 'unauthorized_client', 'invalid_scope', 'access_denied', 'unsupported_response_type'}
    assert explained == linked | ours | of_the_rfcs | {'unsupported_token_type'}


def code_on(page: str, kind: str, language: str) -> list[str]:
    """Return what the page shows as code of a language: `prelude` or `sample`."""
    return [html.unescape(code) for code in re.findall(rf'<pre class="code" data-{kind}="{language}"><code>(.*?)</code>', page, re.S)]


def in_order(samples: list[str]) -> list[str]:
    """Return samples in an order in which each has what it needs: what deletes after what reads, and the portfolio last of all."""

    def place(sample: str) -> int:
        changes = re.search(r"-X (\w+)|-d '|requests\.(patch|delete|post)|method: '(\w+)'", sample)
        verb = 'GET' if changes is None else (changes[1] or changes[2] or changes[3] or 'post').upper()
        is_portfolio = re.search(r"/api/portfolios/1['\"`]", sample) is not None
        return ['GET', 'PATCH', 'DELETE', 'POST'].index(verb) + 4 * (verb == 'DELETE' and is_portfolio)

    return sorted(samples, key=place)


def curl(samples: list[str]) -> list[str]:
    return ['bash', '-c', '\n'.join(['curl() { command curl -s -o /dev/null -w "STATUS %{http_code}\\n" "$@"; }', *samples])]


def python(samples: list[str]) -> list[str]:
    return [sys.executable, '-c', '\n'.join([samples[0], *(f'{sample}\nprint("STATUS", answer.status_code)' for sample in samples[1:])])]


def javascript(samples: list[str]) -> list[str]:
    lines = [samples[0], *(f'{{\n{sample}\nconsole.log("STATUS", answer.status);\n}}' for sample in samples[1:])]
    return ['node', '--input-type=module', '-e', '\n'.join(lines)]


@pytest.mark.parametrize(
    'run',
    [
        curl,
        python,
        pytest.param(javascript, marks=pytest.mark.skipif(shutil.which('node') is None, reason='needs node, which runs the samples')),
    ],
)
def test_every_sample_works_as_it_stands(browser: Browser, api: Api, beginnings: Beginnings, server: tuple[str, int], run, tmp_path: Path):
    beginnings.begin('filled portfolio', lambda: fill_portfolio(api))
    browser.get('/reference')
    [prelude] = code_on(browser.page, 'prelude', run.__name__)
    samples = code_on(browser.page, 'sample', run.__name__)
    assert 'https://cryptfolio.test' in prelude
    assert 'your-token' in prelude
    prelude = prelude.replace('https://cryptfolio.test', f'http://{server[0]}:{server[1]}').replace('your-token', api.token())

    command = run([prelude, *in_order(samples)])
    environment = {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ} | {'NO_PROXY': '127.0.0.1'}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)

    aliases = {name for name in OPERATIONS if '_as_' in name}
    expected = sorted('201' if method == 'post' else '200' for name, method in OPERATIONS.items() if name not in aliases)
    assert sorted(re.findall(r'^STATUS (\d+)$', done.stdout, re.M)) == expected, done.stdout[-2000:] + done.stderr[-2000:]


def shown_value(page: str, name: str) -> str:
    """Return what a field of a form shows: an input's value, or what a text area holds."""
    return html.unescape(re.search(rf'name="{name}"[^>]*(?:value="|>\n)([^"<]+)', page)[1])


def test_the_console_may_use_only_what_is_ours_and_finds_the_application_made_for_it(logged_in: Browser, requests_made: list[str]):
    logged_in.get('/reference/try')
    assert logged_in.response.headers['Content-Security-Policy'] == SAFE_CONSOLE
    assert 'data-client=""' in logged_in.page
    requests_made.clear()

    logged_in.get(re.search(r'href="(/oauth/applications/new\?[^"]+)"', logged_in.page)[1])
    fields = {name: shown_value(logged_in.page, name) for name in ('name', 'redirect_uris')}
    assert re.search(r'value="public" checked', logged_in.page)
    assert fields['redirect_uris'] == 'https://cryptfolio.test/reference/try/oauth2-redirect.html'
    logged_in.post('/oauth/applications', fields | {'kind': 'public'})
    client_id = re.search('/oauth/applications/([0-9a-f]+)', logged_in.location)[1]

    requests_made.clear()
    logged_in.get('/reference/try')
    assert f'data-client="{client_id}"' in logged_in.page
    assert len(requests_made) <= 4
    for name in ('swagger-ui-bundle.js', 'console.js', 'swagger-ui.css'):
        link = re.search(rf'(?:src|href)="(/static/{name}\?v=[0-9a-f]{{16}})"', logged_in.page)[1]
        assert 'immutable' in logged_in.get(link).headers['Cache-Control']
        logged_in.get('/reference/try')


def test_the_console_is_there_for_a_visitor_and_where_it_is_redirected_to_runs_one_script(browser: Browser):
    assert browser.get('/reference/try').status_code == 200
    assert 'data-client=""' in browser.page
    browser.get('/reference/try/oauth2-redirect.html')
    [script] = re.findall(r'<script src="([^"]+)"', browser.page)
    assert browser.get(script).headers['Content-Type'] == 'text/javascript; charset=utf-8'
    assert browser.get('/static/vendor.json').status_code == 404
