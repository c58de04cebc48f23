"""The pages in a real browser, against the local stack: from signing up to an application that holds an authorization code."""

import base64
import hashlib
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from infra.fake_upstreams.sample import SAMPLE_ADDRESSES
from tests.e2e.conftest import Stack
from tests.support.chromium import CHROMIUM, DRIVER, Visitor
from tests.support.processes import PATIENCE_SECONDS, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason='needs chromium and chromedriver')]

PASSWORD = 'a password to test with'


@pytest.fixture
def callback() -> Iterator[str]:
    """The address of an application that answers nothing but its thanks."""

    class Thanks(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'<main>Thanks</main>')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(('127.0.0.1', 0), Thanks) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}/callback'
        server.shutdown()


def sign_up(visitor: Visitor, email: str) -> None:
    visitor.go('/signup')
    visitor.type(name='Ada Lovelace', email=email, password=PASSWORD)
    visitor.press('Sign up')


def test_from_signing_up_to_an_application_with_a_code(visitor: Visitor, stack: Stack, callback: str) -> None:
    email = f'{secrets.token_hex(4)}@example.com'
    visitor.go('/')
    visitor.look('home')
    visitor.press('Sign up')
    visitor.look('signup')
    sign_up(visitor, email)
    assert email in visitor.text
    visitor.look('signup-sent')

    visitor.go(visitor.mailed_link(email))
    visitor.look('confirm')
    visitor.press('Confirm and log in')
    assert visitor.path == '/portfolios/new'
    make_portfolio(visitor)
    visitor.press('Account')
    assert 'Ada Lovelace' in visitor.text
    visitor.look('account-new')

    secret, client_id = register_application(visitor, callback)
    verifier = secrets.token_urlsafe(48)
    visitor.go('/oauth/authorize?' + urlencode(authorization(client_id, callback, verifier)))
    assert 'Charts of mine' in visitor.text
    visitor.look('consent')
    assert_clicks_are_taken_after_a_second(visitor, 'button[value=allow]')
    assert_a_page_that_is_kept_is_guarded_as_a_new_one(visitor, callback)
    assert_it_is_not_there_without_the_stylesheet(visitor, 'button[value=allow]')
    visitor.find('[name=granted][value=write]').click()
    visitor.press('Allow')

    answer = parse_qs(urlsplit(visitor.driver.current_url).query)
    assert visitor.driver.current_url.startswith(callback)
    assert answer['state'] == ['a state']
    form = {'grant_type': 'authorization_code', 'code': answer['code'][0], 'redirect_uri': callback, 'code_verifier': verifier}
    token = requests.post(f'{stack.url}/oauth/token', form, auth=(client_id, secret), timeout=PATIENCE_SECONDS).json()
    assert set(token['scope'].split()) == {'info', 'read'}

    visitor.go('/account/applications')
    assert 'Charts of mine' in visitor.text
    visitor.look('account-applications')
    visitor.press('Revoke')
    assert 'no longer has access' in visitor.text
    assert 'No application has access' in visitor.text


# Whether a button takes a click, and the focus, half a second after its animations began, and a moment after their end.
_TAKES_CLICKS = """
const button = document.querySelector(arguments[0]), box = button.getBoundingClientRect();
button.style.animationName = 'none'; button.getAnimations(); button.style.animationName = '';
const animations = button.getAnimations(); animations.forEach(each => each.pause());
return [500, 1001].map(time => {
  animations.forEach(each => { each.currentTime = time; });
  button.focus();
  const focused = document.activeElement === button; button.blur();
  return [document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === button, focused];
});
"""


def assert_clicks_are_taken_after_a_second(visitor: Visitor, selector: str) -> None:
    """Of two clicks on a hostile page that leads here with the first, or closes itself on top, the second does nothing; nor does a key."""
    from selenium.webdriver import ActionChains

    assert visitor.driver.execute_script(_TAKES_CLICKS, selector) == [[False, False], [True, True]]
    ActionChains(visitor.driver).move_to_element(visitor.find('h1')).perform()
    assert visitor.find(selector).value_of_css_property('animation-name') == 'appear, arm-again'
    assert visitor.driver.execute_script(_TAKES_CLICKS, selector) == [[False, False], [True, True]]


# Whether a page that the browser kept is the same as before, and a button on it is hidden at the moment at which it is shown again.
_WATCH_RETURN = """
addEventListener('pageshow', () => {
  const button = document.querySelector('[value=allow]');
  window.returned = [getComputedStyle(button).visibility, button.getAnimations().some(each => each.currentTime < 100)];
});
"""


def assert_a_page_that_is_kept_is_guarded_as_a_new_one(visitor: Visitor, elsewhere: str) -> None:
    """A hostile page goes back here between the clicks of a double-click."""
    visitor.driver.execute_script(_WATCH_RETURN)
    visitor.go(elsewhere)

    visitor.driver.back()

    assert visitor.driver.execute_script('return window.returned') == ['hidden', True]
    assert_clicks_are_taken_after_a_second(visitor, 'button[value=allow]')


def assert_it_is_not_there_without_the_stylesheet(visitor: Visitor, selector: str) -> None:
    """Which guards it, and may be refused to a network whose requests are used up."""
    tell_browser = visitor.driver.execute_cdp_cmd
    tell_browser('Network.enable', {})
    tell_browser('Network.setCacheDisabled', {'cacheDisabled': True})
    tell_browser('Network.setBlockedURLs', {'urls': ['*/static/style.css*']})
    visitor.driver.refresh()
    assert (visitor.find('[value=deny]').is_displayed(), visitor.find(selector).is_displayed()) == (True, False)

    tell_browser('Network.setBlockedURLs', {'urls': []})
    visitor.driver.refresh()
    wait_until(visitor.find(selector).is_displayed)
    tell_browser('Network.disable', {})


def make_portfolio(visitor: Visitor) -> None:
    """Paste addresses of three chains, and see what they are worth."""
    visitor.look('portfolio-new')
    visitor.type(title='Long-term', addresses='\n'.join(f'{SAMPLE_ADDRESSES[code]}, My {code}' for code in ('btc', 'eth', 'doge')))
    visitor.press('Create the portfolio')
    visitor.look('portfolio-new-question')
    visitor.press('Create the portfolio')
    wait_until(lambda: 'Complete: all 3 parts are known.' in visitor.driver.page_source)  # the page loads itself again meanwhile
    wait_until(lambda: visitor.driver.find_elements('css selector', '.figure .chart') or visitor.driver.refresh())
    for width, scheme in ((320, 'light'), (320, 'dark'), (768, 'dark'), (1280, 'light')):
        visitor.look_at(f'portfolio-{scheme}-{width}', width, scheme)
    assert visitor.complaints() == []


def authorization(client_id: str, redirect_uri: str, verifier: str) -> dict[str, str]:
    """An authorization request (RFC 6749 section 4.1.1, RFC 7636)."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip('=')
    return {
        'response_type': 'code',
        'client_id': client_id,
        'redirect_uri': redirect_uri,
        'scope': 'info read write',
        'state': 'a state',
        'code_challenge': challenge,
        'code_challenge_method': 'S256',
    }


def register_application(visitor: Visitor, redirect_uri: str) -> tuple[str, str]:
    """Register an application; return its secret and key."""
    visitor.press('Developers')
    visitor.look('developers')
    visitor.press('Register and change applications')
    visitor.look('applications-none')
    visitor.press('Register an application')
    visitor.look('application-new')
    visitor.type(name='Charts of mine', redirect_uris='http://example.com/')
    visitor.press('Register')
    assert 'must use https' in visitor.text
    visitor.look('application-new-wrong')
    visitor.type(redirect_uris=f'{redirect_uri}\nhttps://charts.example/oauth/a-rather-long-path-that-has-to-wrap-somewhere/callback')
    visitor.press('Register')
    visitor.look('application-registered')
    secret, client_id = (element.text for element in visitor.driver.find_elements('css selector', 'code.value'))
    visitor.press('Your applications')
    visitor.look('applications')
    visitor.press('Charts of mine')
    assert secret not in visitor.text
    visitor.look('application')
    visitor.press('Delete this application')
    visitor.look('application-delete')
    visitor.press('Keep it')
    return secret, client_id


def test_a_forgotten_password_and_a_log_in(visitor: Visitor) -> None:
    email = f'{secrets.token_hex(4)}@example.com'
    sign_up(visitor, email)
    visitor.go('/login')
    visitor.look('login')
    visitor.type(email=email, password='wrong')
    visitor.press('Log in')
    assert 'Incorrect email or password' in visitor.text
    visitor.look('login-wrong')
    visitor.press('Forgot your password?')
    visitor.look('forgot')
    visitor.type(email=email)
    visitor.press('Send link')

    link = visitor.mailed_link(email)
    visitor.go(link)
    visitor.look('reset')
    visitor.type(password='another password')
    visitor.press('Set password')
    assert visitor.path == '/account/security'
    for details in visitor.driver.find_elements('css selector', 'details > summary'):
        details.click()
    visitor.look('account-security-open')
    visitor.go(link)
    assert 'no longer valid' in visitor.text
    visitor.look('link-no-longer-good')

    visitor.go('/profile')
    visitor.press('Log out')
    visitor.go('/oauth/applications')
    visitor.type(email=email, password='another password')
    visitor.press('Log in')
    assert visitor.path == '/oauth/applications'


def test_a_developer_reads_the_reference_and_sends_a_request_from_the_console(visitor: Visitor, stack: Stack) -> None:
    visitor.driver.set_window_size(1280, 900)
    visitor.go('/reference')
    visitor.press('Try it')
    visitor.press('register one for this page')
    visitor.type(email=stack.demo['DEMO_EMAIL'], password=stack.demo['DEMO_PASSWORD'])
    visitor.press('Log in')
    visitor.press('Register')
    visitor.go('/reference/try')
    authorize_console(visitor)
    visitor.wait_for('#operations-user-get_user .opblock-summary-control').click()
    visitor.wait_for('#operations-user-get_user .try-out__btn').click()
    visitor.wait_for('#operations-user-get_user .execute').click()
    status = visitor.wait_for('#operations-user-get_user .live-responses-table tbody .response-col_status')
    assert status.text.startswith('200')
    assert stack.demo['DEMO_EMAIL'] in visitor.find('#operations-user-get_user .live-responses-table').text
    visitor.look_at('console-narrow', 320, 'dark')
    visitor.look_at('console-wide', 1280)
    assert visitor.complaints() == []


def authorize_console(visitor: Visitor) -> None:
    """Let the console have a token of the scope `read`, by the window that it opens."""
    driver, console = visitor.driver, visitor.driver.current_window_handle
    visitor.wait_for('#console .btn.authorize').click()
    visitor.wait_for('.auth-container .btn.authorize').click()
    wait_until(lambda: len(driver.window_handles) == 2)
    driver.switch_to.window(next(handle for handle in driver.window_handles if handle != console))
    allow = visitor.wait_for('button[value=allow]')
    driver.execute_script('arguments[0].click()', allow)  # in a second window without a screen the time never comes when it takes others
    wait_until(lambda: len(driver.window_handles) == 1)
    driver.switch_to.window(console)
    wait_until(lambda: 'Logout' in visitor.find('.modal-ux').text)
    visitor.wait_for('.modal-ux .btn-done').click()
