"""Every page with data in it, in a real browser: without a fault of accessibility, at each width, in each scheme, by keyboard alone."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from app import app
from infra.fake_upstreams.sample import SAMPLE_ADDRESSES
from tests.e2e.conftest import Client, Stack
from tests.support import axe
from tests.support.chromium import CHROMIUM, DRIVER, Visitor
from tests.support.processes import wait_until

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not (CHROMIUM and DRIVER), reason='needs chromium and chromedriver')]

ENTER, TAB = '\ue007', '\ue004'  # https://www.w3.org/TR/webdriver2/#keyboard-actions
# What stands for the variables of paths: parts of the demo portfolio. A new page with another variable needs a value here.
VALUES = {'portfolio_id': '1', 'address_id': '1', 'account_id': '1', 'offset_id': '1', 'client_id': 'demo-app', 'proxy+': 'nosuch'}
AUTHORIZATION = {
    'client_id': 'demo-app',
    'response_type': 'code',
    'redirect_uri': 'http://127.0.0.1/callback',
    'scope': 'read write',
    'state': 'x',
}
# Further views of a page, as queries.
QUERIES = {
    '/oauth/authorize': ['?' + urlencode(AUTHORIZATION), '?client_id=nosuch'],
    '/portfolios/{portfolio_id}': ['', '?range=all&in=eur', '?range=24h', '?at=2024-12-31', '?at=2999-01-01'],
    '/portfolios/{portfolio_id}/statement': ['', '?at=2024-12-31'],
    '/login': ['?' + urlencode({'next': '/oauth/authorize?' + urlencode(AUTHORIZATION)})],
}
FOR_VISITORS = ('/', '/signup', '/login', '/forgot', '/confirm', '/take-back', '/reset')
# Files, redirects, what only a script of the console reads, and what needs a log-in under way.
NO_PAGES = ('/static/', '/.well-known/', '/language', '/reference/try/', '/login/second', '/login/passkey')
LOOKS = ((320, 'dark', 'none'), (768, 'light', 'none'), (1280, 'dark', 'active'), (1280, 'light', 'none'))


def paths_of_pages(share_token: str) -> list[str]:
    """Return the paths of all pages, each view of them."""
    views = {path: by_method['GET'].view_function for path, by_method in app.routes.items() if 'GET' in by_method}
    pages = [path for path, view in views.items() if view.__module__.startswith('chalicelib.web.') and not path.startswith(NO_PAGES)]
    values = VALUES | {'token': share_token}
    return [filled(path, values) + query for path in pages for query in QUERIES.get(path, [''])]


def filled(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f'{{{name}}}', value)
    assert '{' not in path, f'VALUES needs a value for the variable of {path}'
    return path


def is_for_visitors(path: str) -> bool:
    return path.partition('?')[0] in FOR_VISITORS


@pytest.fixture
def demo(visitor: Visitor, stack: Stack) -> Visitor:
    """A visitor who has logged in on the way to the demo portfolio, all of which is known by now."""
    visitor.go('/portfolios/1')
    assert visitor.path == '/login'
    visitor.type(email=stack.demo['DEMO_EMAIL'], password=stack.demo['DEMO_PASSWORD'])
    visitor.press('Log in')
    assert visitor.path == '/portfolios/1'
    wait_until(lambda: 'Incomplete: 1 part is missing.' in visitor.driver.page_source)  # the page loads itself again
    wait_until(lambda: visitor.driver.find_elements('css selector', '.figure .chart') or visitor.driver.refresh())
    return visitor


def share(visitor: Visitor) -> str:
    """Share the demo portfolio; return the token in the link to it."""
    visitor.go('/portfolios/1/share')
    visitor.type(name='Everybody')
    visitor.press('Create the link')
    return visitor.find('code.value').text.rpartition('/')[2]


def faults_of(visitor: Visitor, path: str) -> list[str]:
    """Return what is wrong with a page in all its looks."""
    visitor.go(path)
    name = path.strip('/').replace('/', '-').replace('?', '-').replace('&', '-')[:60] or 'home'
    visitor.driver.execute_script(axe.script())
    faults = []
    for width, scheme, forced in LOOKS:
        visitor.look_at(f'{name}-{width}-{scheme}{"-forced" if forced == "active" else ""}', width, scheme, forced)
        if (scheme, forced) == ('dark', 'none'):
            faults += axe.violations(visitor.driver, axe.COLOURS)
    faults += axe.violations(visitor.driver)
    return [f'{path}: {fault}' for fault in faults] + [f'{path}: {said}' for said in visitor.complaints()]


def test_no_page_has_a_fault_of_accessibility_or_violates_its_policy(visitor: Visitor, demo: Visitor, client: Client) -> None:
    pages = paths_of_pages(share(demo))
    faults = [fault for path in pages if not is_for_visitors(path) for fault in faults_of(demo, path)]
    demo.go('/portfolios/1?in=usd')
    [usd] = [row for row in client.get('/api/portfolios/1/converted')['result'] if row['currency'] == 'usd']
    assert demo.find('.worth.amount').text.replace(',', '') == f'{usd["balance"]} USD'
    demo.press('Log out')
    faults += [fault for path in pages if is_for_visitors(path) for fault in faults_of(visitor, path)]

    assert len(pages) > 30
    assert faults == []


def test_by_keyboard_alone_and_without_scripts_addresses_are_imported(demo: Visitor) -> None:
    demo.driver.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': True})
    try:
        demo.go('/portfolios/new')
        walk_to(demo, '#title').send_keys('By keyboard')
        walk_to(demo, 'main form button').send_keys(ENTER)
        wait_until(lambda: demo.path not in ('/portfolios', '/portfolios/new'))
        walk_to(demo, 'a[href$="/import"]').send_keys(ENTER)
        wait_until(lambda: demo.path.endswith('/import'))
        walk_to(demo, '#lines').send_keys(f'{SAMPLE_ADDRESSES["doge"]},doge,Dogs', ENTER, '5,usd,Cash', ENTER, 'nonsense')
        walk_to(demo, 'form[enctype] button').send_keys(ENTER)
        wait_until(lambda: 'Add 2 lines' in demo.driver.page_source)
        demo.look('import-preview')
        walk_to(demo, '[name=confirmed]').send_keys(ENTER)
        wait_until(lambda: '2 lines were added' in demo.driver.page_source)
        demo.look('import-left')
    finally:
        demo.driver.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': False})
    demo.driver.execute_script(axe.script())
    assert axe.violations(demo.driver) + demo.complaints() == []


# Pages with a button whose effect cannot be undone, and a field of its form.
GUARDED = {
    '/oauth/authorize?' + urlencode(AUTHORIZATION): '[name=granted]',
    '/oauth/applications/demo-app/secret': '#overlap',
    '/profile/sessions': '#all-keep-api_keys',
    '/profile/invitations': '#email',
    '/account/security': '#allow_remote_login',
    '/account/data': '#current_password',
}
_NOTE_WHAT_IS_SENT = """
window.sent = []; document.addEventListener('submit', event => { window.sent.push(event.submitter.formMethod); event.preventDefault(); });
"""


def test_no_key_that_was_meant_for_another_page_does_what_cannot_be_undone(demo: Visitor) -> None:
    for path, field in GUARDED.items():
        demo.go(f'{path}{field if field[0] == "#" else "#main"}')
        assert demo.driver.switch_to.active_element.tag_name == 'body', path  # whatever the link says
        demo.driver.execute_script(_NOTE_WHAT_IS_SENT)
        demo.find(field).send_keys(ENTER)
        assert set(demo.driver.execute_script('return window.sent')) <= {'dialog'}, path
    for path in ('/portfolios/1/delete', '/portfolios/1/addresses/1/delete', '/oauth/applications/demo-app/delete'):
        demo.go(f'{path}#:~:text=Keep%20it')
        assert walk_to(demo, 'main a.quiet').text == 'Keep it'
        wait_until(demo.find('main .danger').is_displayed)
        walk_to(demo, 'main .danger')


def walk_to(visitor: Visitor, selector: str) -> 'WebElement':
    """Press Tab until an element has the focus, which everything on the way shows."""
    from selenium.webdriver import ActionChains

    target = visitor.find(selector)
    for _ in range(100):
        ActionChains(visitor.driver).send_keys(TAB).perform()  # to a field for files, `send_keys` of an element would be the name of one
        focused = visitor.driver.switch_to.active_element
        assert focused.value_of_css_property('outline-style') != 'none', focused.get_attribute('outerHTML')
        if focused == target:
            return target
    pytest.fail(f'Tab does not come to {selector}')
