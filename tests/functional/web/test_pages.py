"""Templates by themselves: links behind a stage, and the page on which consent is given."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Request

from app import app
from chalicelib.http_io import methods
from chalicelib.web import pages
from tests.support.calls import count_calls


def request(path: str = '/profile', whole: str = '/profile', referer: str = '', **parameters: str) -> Request:
    event: dict[str, Any] = {
        'requestContext': {'httpMethod': 'GET', 'resourcePath': path, 'path': whole, 'identity': {'sourceIp': '192.0.2.1'}},
        'headers': {'host': 'cryptfolio.test', 'referer': referer},
        'multiValueQueryStringParameters': None,
        'pathParameters': parameters,
        'stageVariables': {},
        'body': '',
    }
    return Request(event)


@pytest.mark.parametrize(
    ('resource', 'whole', 'stage'),
    [
        ('/', '/', ''),
        ('/', '/api/', '/api'),
        ('/', '/api', '/api'),
        ('/profile', '/profile', ''),
        ('/profile', '/api/profile', '/api'),
        ('/profile', '/api/profile/', '/api'),
        ('/oauth/applications/{client_id}', '/api/oauth/applications/abc', '/api'),
        ('/oauth/applications/{client_id}', '/oauth/applications/oauth', ''),
        ('/profile', '//profile', ''),
        ('/profile', '//evil.example/profile', '/evil.example'),
        ('/{proxy+}', '/api/some/where', '/api'),
        ('/{proxy+}', '/some/where', ''),
    ],
)
def test_links_keep_the_stage_that_a_request_came_through(resource: str, whole: str, stage: str):
    asked = request(resource, whole, **({'proxy': 'some/where'} if '+' in resource else {}))

    assert pages.link(asked, '/login') == f'{stage}/login'
    page = pages.render('login.html', asked, next='/profile', application=None).body
    assert f'action="{stage}/login?next=%2Fprofile"' in page
    assert f'href="{stage}/static/style.css?v=' in page


@pytest.mark.parametrize(
    ('address', 'before'),
    [
        ('/api', '/api'),
        ('/api/', '/api/'),
        ('/api/login?next=%2F', '/api/login?next=%2F'),
        ('/api/profile/password', '/api/profile'),
        ('/api/profile/password/' + 'a/' * 500, '/api/profile'),
        ('/api/' + 'a/' * 500, '/api/'),
        ('/apiary/login', '/api/'),
        ('/login', '/api/'),
        ('', '/api/'),
    ],
)
def test_the_page_before_is_one_below_the_stage(address: str, before: str):
    asked = request('/language', '/api/language', f'https://cryptfolio.test{address}')

    assert pages.page_before(asked, app) == before


def test_a_path_of_many_parts_is_compared_with_no_more_routes_than_another(monkeypatch: pytest.MonkeyPatch):
    compared = count_calls(monkeypatch, methods, 'has_get')

    pages.page_before(request('/language', '/language', f'https://cryptfolio.test/{"a/" * 2_000}'), app)

    assert len(compared) < 12


def consent(**changes: Any) -> Any:
    user = SimpleNamespace(user_id='1', email='test@example.com')
    values: dict[str, Any] = {
        'user': user,
        'client': SimpleNamespace(name=changes.pop('client_name', 'Charts'), owner_id='2', created_at=1510030494),
        'owner': 'owner@example.com',
        'destination': 'charts.example',
        'redirect_uri': 'https://charts.example/callback',
        'changes': [],
        'scopes': [('read', 'Read it.', True), ('write', 'Change it.', False)],
        'query': 'client_id=abc&state="><script>',
        'here': '/oauth/authorize?client_id=abc',
    }
    return pages.render('consent.html', request(), form_action=['https://charts.example'], **values | changes)


def test_consent_lets_each_scope_be_unticked_and_sends_everything_back():
    page = consent().body

    assert '<input type="checkbox" name="granted" value="read" checked>' in page
    assert '<input type="checkbox" name="granted" value="write">' in page
    assert '<input type="hidden" name="query" value="client_id=abc&amp;state=&#34;&gt;&lt;script&gt;">' in page
    assert '<button name="decision" value="allow" data-guarded hidden>' in page
    assert 'name="decision" value="deny"' in page
    assert 'name="csrf"' in page


def test_consent_needs_its_own_button_and_no_link_chooses_where_the_keys_go():
    answer = consent()

    buttons = re.findall(r'<button [^>]+>', answer.body.partition('action="/oauth/authorize')[2])
    assert buttons[0] == '<button formmethod="dialog" hidden>'  # which Enter in a checkbox presses
    assert ['value="deny"' in buttons[1], 'value="allow"' in buttons[2]] == [True, True]
    assert 'id="granted' not in answer.body
    assert answer.headers['Document-Policy'] == 'force-load-at-top'
    assert 'Document-Policy' not in pages.render('home.html', request()).headers


def test_consent_shows_what_an_application_says_of_itself_as_text():
    page = consent(client_name='<script>alert(1)</script>', destination='<i>').body

    assert '<script>' not in page
    assert '<i>' not in page


def test_consent_may_redirect_to_the_application_and_nowhere_else():
    policy = consent().headers['Content-Security-Policy']

    assert "form-action 'self' https://charts.example;" in policy
