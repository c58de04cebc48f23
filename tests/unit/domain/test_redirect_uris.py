"""Which redirect URIs may be registered, and which match: character for character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.redirect_uris import LONGEST, destination, matching, parse_redirect_uri, source
from chalicelib.errors import Invalid


@pytest.mark.parametrize(
    'uri',
    [
        'https://example.com',
        'https://example.com/',
        'https://example.com/callback',
        'https://example.com:8443/callback',
        'https://Example.COM/Callback',
        'https://example.com/cb?a=b&c=%2F',
        'https://example.com?a=b',
        'https://sub.sub-domain.example.com/~a/b;c=d/(e)!',
        'https://xn--exmple-cua.com/',
        'https://192.0.2.1/cb',
        'https://[2001:db8::1]/cb',
        'https://example.com/a@b:c',
        'http://127.0.0.1/cb',
        'http://127.0.0.1:8080/cb',
        'http://[::1]:8080/cb',
        'http://localhost:3000/',
        'https://example.com/...',
        'https://example.com/.well-known/cb',
    ],
)
def test_an_address_that_is_safe_is_taken_as_it_is(uri: str):
    assert parse_redirect_uri(f' {uri}\r\n', True) == uri
    assert parse_redirect_uri(uri, False) == uri


@pytest.mark.parametrize(
    'uri',
    [
        '',
        '/callback',
        'callback',
        '//example.com/cb',
        'example.com/cb',
        'https:example.com',
        'https:/example.com',
        'https://',
        'https:///cb',
        'https://:443/cb',
        'https://?a',
        'http://example.com/cb',
        'http://127.0.0.2/cb',
        'http://127.1/cb',
        'http://0.0.0.0/cb',
        'http://2130706433/cb',
        'http://localhost.example.com/cb',
        'http://127.0.0.1.example.com/cb',
        'http://[::2]/cb',
        'http://[::ffff:127.0.0.1]/cb',
        'http://127.0.0.1@example.com/cb',
        'https://user@example.com/cb',
        'https://user:password@example.com/cb',
        'https://@example.com/cb',
        'https://example.com/cb#fragment',
        'https://example.com/cb#',
        'https://*.example.com/cb',
        'https://example.com/*',
        'https://exa mple.com/cb',
        'https://example.com/c b',
        'https://example.com/c\tb',
        'https://example.com/c\nb',
        'https://example.com/c\x00b',
        'https://example.com/c\x7fb',
        'https://example.com\\@evil.example/',
        'https://example.com/\\evil',
        'https://exämple.com/',
        'https://example.com/ü',
        'https://example.com/\u202e',
        'https://example.com/a%2',
        'https://example.com/a%zz',
        'https://example.com/<script>',
        'https://example.com/"onload',
        'https://example.com:0/cb',
        'https://example.com:65536/cb',
        'https://example.com:99999/cb',
        'https://example.com:port/cb',
        'https://example.com:/cb:8080:1/[',
        'https://example..com/cb',
        'https://.example.com/cb',
        'https://-example.com/cb',
        'https://example.com/a/../b',
        'https://example.com/./b',
        'https://example.com/..',
        'https://example.com/a/%2E%2e/b',
        'https://example.com/a/.%2e?x',
        'javascript:alert(1)',
        'data:text/html,x',
        'file:///etc/passwd',
        'ftp://example.com/',
        'myapp:/callback',
        'myapp://callback',
        'HTTPS://example.com/cb',
        'com.example.app:callback',
        'com.example.app:',
        'com.example.app://user@host/cb',
        'com.example.app:/cb#x',
        'com.example.app:/*',
        'com..app:/cb',
        'enter.your-password-' + 'x' * 64 + ':/cb',
        'https://' + 'a.' * 127 + 'example/cb',
        '1com.app:/cb',
        'https://example.com/' + 'a' * LONGEST,
        'https://[1.2.3.4]/cb',
        'https://[:]/cb',
        'https://[1:2:3:::]/cb',
        'http://[1.2.3.4]/',
    ],
)
def test_anything_else_is_refused(uri: str):
    for confidential in (True, False):
        with pytest.raises(Invalid):
            parse_redirect_uri(uri, confidential)


@pytest.mark.parametrize('uri', ['com.example.app:/cb', 'com.example.app://cb', 'com.example.app:/cb?a=b', 'com.example-x.app2:/'])
def test_a_scheme_of_its_own_is_for_public_applications(uri: str):
    assert parse_redirect_uri(uri, False) == uri
    with pytest.raises(Invalid):
        parse_redirect_uri(uri, True)


@pytest.mark.parametrize(
    ('uri', 'word'),
    [
        ('https://a.example/#b', 'fragment'),
        ('https://a:b@a.example/', 'username'),
        ('https://*.example/', 'wildcard'),
        ('http://a.example/', 'https'),
        ('/cb', 'complete URI'),
        ('https://a.example/ü', 'ASCII'),
    ],
)
def test_what_is_wrong_is_said(uri: str, word: str):
    with pytest.raises(Invalid) as refused:
        parse_redirect_uri(uri, True)

    [fault] = refused.value.faults
    assert fault.field == 'redirect_uris'
    assert word in fault.message


REGISTERED = ['https://example.com/cb?a=1&b=2', 'https://example.com/dir/', 'com.example.app:/cb']


@pytest.mark.parametrize('uri', REGISTERED)
def test_a_registered_uri_matches_itself(uri: str):
    assert matching(REGISTERED, uri)


@pytest.mark.parametrize(
    'uri',
    [
        '',
        'https://example.com/cb',
        'https://example.com/cb?b=2&a=1',
        'https://example.com/cb?a=1&b=2&c=3',
        'https://example.com/cb?a=1&b=2#',
        'https://example.com/cb?a=1&b=2#x',
        'https://example.com/cb/?a=1&b=2',
        'https://example.com/CB?a=1&b=2',
        'https://EXAMPLE.com/cb?a=1&b=2',
        'https://example.com./cb?a=1&b=2',
        'https://example.com:443/cb?a=1&b=2',
        'http://example.com/cb?a=1&b=2',
        'https://user@example.com/cb?a=1&b=2',
        'https://example.com/%63b?a=1&b=2',
        'https://example.com/cb?a=%31&b=2',
        ' https://example.com/cb?a=1&b=2',
        'https://example.com/cb?a=1&b=2\n',
        'https://example.com/x/../cb?a=1&b=2',
        'https://example.com//cb?a=1&b=2',
        'https://exаmple.com/cb?a=1&b=2',  # noqa: RUF001
        'https://example.com.evil.example/cb?a=1&b=2',
        'https://evil.example/?https://example.com/cb?a=1&b=2',
        'https://example.com/dir',
        'https://example.com/dir/sub',
        'https://example.com/dir/..',
        'https://example.com/dir/.',
        'com.example.app:/CB',
        'com.example.app://cb',
        'com.example.app.evil:/cb',
    ],
)
def test_nothing_else_matches(uri: str):
    assert not matching(REGISTERED, uri)


@pytest.mark.parametrize('host', ['127.0.0.1', '[::1]'])
@pytest.mark.parametrize('registered_port', ['', ':80', ':8080'])
@pytest.mark.parametrize('port', ['', ':1', ':8080', ':65535'])
def test_a_loopback_address_may_have_any_port(host: str, registered_port: str, port: str):
    assert matching([f'http://{host}{registered_port}/cb?a=b'], f'http://{host}{port}/cb?a=b')


@pytest.mark.parametrize(
    'uri',
    [
        'http://localhost:1234/cb',
        'https://127.0.0.1:1234/cb',
        'http://127.0.0.1:1234/other',
        'http://127.0.0.1:1234/cb/',
        'http://127.0.0.1:1234/cb?a',
        'http://127.0.0.1:1234/cb#a',
        'http://127.0.0.1:1234@evil.example/cb',
        'http://127.0.0.1:@evil.example/cb',
        'http://127.0.0.1.evil.example:1234/cb',
        'http://127.0.0.1:1234evil.example/cb',
        'http://127.0.0.1:123456/cb',
        'http://127.0.0.1:1234/cb\n',
        'http://127.0.0.1:1234\\@evil.example/cb',
        'http://127.0.0.2:1234/cb',
        'http://[::1]:1234/cb',
        'HTTP://127.0.0.1:1234/cb',
    ],
)
def test_nothing_but_the_port_of_a_loopback_address_may_differ(uri: str):
    assert not matching(['http://127.0.0.1/cb', 'http://localhost/cb'], uri)


@pytest.mark.parametrize('registered', ['http://localhost/cb', 'https://127.0.0.1/cb', 'https://example.com/cb'])
def test_any_other_host_has_the_port_it_was_registered_with(registered: str):
    assert not matching([registered], registered.replace('/cb', ':1234/cb'))


@given(st.text(max_size=40), st.booleans())
def test_no_text_makes_it_fail_otherwise(text: str, confidential: bool):
    try:
        uri = parse_redirect_uri(f'https://a.example/{text}', confidential)
    except Invalid:
        return

    assert matching([uri], uri)
    assert uri.isascii()


@pytest.mark.parametrize(
    ('uri', 'shown'),
    [
        ('https://example.com:8443/cb?a', 'https://example.com:8443'),
        ('http://127.0.0.1:8080/cb', 'http://127.0.0.1:8080'),
        ('http://[::1]:8080/cb', 'http:'),
        ('com.example.app:/cb', 'com.example.app:'),
    ],
)
def test_the_source_is_what_a_policy_can_name(uri: str, shown: str):
    assert source(uri) == shown


@pytest.mark.parametrize(
    ('uri', 'shown'),
    [
        ('https://example.com/cb', 'example.com'),
        ('https://example.com:8443/cb', 'example.com:8443'),
        ('http://[::1]:8080/cb', '[::1]:8080'),
        ('com.example.app:/cb', 'an application on this device that opens "com.example.app:" links'),
        ('com.example.app://bank.example/cb', 'an application on this device that opens "com.example.app:" links'),
        ('com.example.app://bank.example:443/cb', 'an application on this device that opens "com.example.app:" links'),
        ('bank.example:/cb', 'an application on this device that opens "bank.example:" links'),
    ],
)
def test_people_are_told_the_host_only_of_what_leads_to_one(uri: str, shown: str):
    assert destination(uri) == shown
