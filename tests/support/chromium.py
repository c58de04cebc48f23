"""A person at a Chromium without a screen, who follows links, fills in forms and looks at pages."""

import base64
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support.processes import ROOT, wait_until

if TYPE_CHECKING:
    from selenium import webdriver

    from tests.e2e.conftest import Stack

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
DRIVER = shutil.which('chromedriver')

SCREENSHOTS = ROOT / 'build' / 'screenshots'
_DRAW_SECONDS = 30
TALLEST_PIXELS = 10_000  # of a picture; Chromium makes none of a page like the reference
SIZES = (('narrow', 360), ('wide', 1200))
FLAGS = (
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--hide-scrollbars',
    '--no-proxy-server',
    '--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4',  # a mouse
)


class Visitor:
    """A person at a browser, who looks at pages in several widths; the pictures are kept."""

    def __init__(self, driver: 'webdriver.Chrome', stack: 'Stack') -> None:
        self.driver = driver
        self.stack = stack

    def go(self, path: str) -> None:
        self.driver.get(path if '://' in path else self.stack.url + path)

    @property
    def text(self) -> str:
        return str(self.find('main').text)

    @property
    def path(self) -> str:
        return urlsplit(self.driver.current_url).path

    def find(self, selector: str) -> 'webdriver.remote.webelement.WebElement':
        return self.driver.find_element('css selector', selector)

    def wait_for(self, selector: str) -> 'webdriver.remote.webelement.WebElement':
        """Return the first of these elements that a person sees, once there is one."""
        from selenium.common.exceptions import StaleElementReferenceException

        def shown() -> 'webdriver.remote.webelement.WebElement | None':
            try:
                return next((one for one in self.driver.find_elements('css selector', selector) if one.is_displayed()), None)
            except StaleElementReferenceException:
                return None

        return wait_until(shown)

    def type(self, **fields: str) -> None:
        """Type into fields by their ids, `_` for `-`."""
        for name, value in fields.items():
            field = self.find(f'#{name}')
            field.clear()
            field.send_keys(value)

    def press(self, label: str) -> None:
        """Press the button or follow the link that says so, and wait for the next page."""
        before = self.find('html')
        labelled = f'[normalize-space()="{label}"]'
        places = [f'//{place}//button{labelled} | //{place}//a{labelled}' for place in ('main', 'header')]
        elements = [element for place in places for element in self.driver.find_elements('xpath', place)]
        assert elements, f'{self.path} has no button or link {label!r}'
        self.click(elements[0])
        wait_until(lambda: self._is_gone(before))

    def click(self, element: 'webdriver.remote.webelement.WebElement') -> None:
        """Click on an element, once it is there and takes clicks: some do not in the first second, nor in that after the mouse came."""
        from selenium.common.exceptions import ElementClickInterceptedException, ElementNotInteractableException
        from selenium.webdriver import ActionChains

        def takes_click() -> bool:
            try:
                element.click()
            except (ElementClickInterceptedException, ElementNotInteractableException):
                return False
            return True

        ActionChains(self.driver).move_to_element(self.find('main')).perform()
        wait_until(takes_click)

    def _is_gone(self, element: 'webdriver.remote.webelement.WebElement') -> bool:
        from selenium.common.exceptions import WebDriverException

        try:
            return not element.is_enabled()
        except WebDriverException:
            return True

    def look(self, name: str) -> None:
        """Take pictures; nothing may stick out at the side."""
        for size, width in SIZES:
            self.look_at(f'{name}-{size}', width)

    def look_at(self, name: str, width: int, scheme: str = 'light', forced_colors: str = 'none') -> None:
        """Take a picture of a width, light or dark; nothing may stick out at the side."""
        media = {'prefers-color-scheme': scheme, 'forced-colors': forced_colors}
        features = [{'name': feature, 'value': value} for feature, value in media.items()]
        self.driver.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': features})
        self.driver.execute_cdp_cmd(
            'Emulation.setDeviceMetricsOverride', {'width': width, 'height': 800, 'deviceScaleFactor': 1, 'mobile': False}
        )
        height = wait_until(lambda: self._height_within(width), _DRAW_SECONDS)  # scripts draw anew what they drew wider
        clip = {'x': 0, 'y': 0, 'width': width, 'height': min(height, TALLEST_PIXELS), 'scale': 1}
        options = {'captureBeyondViewport': True, 'optimizeForSpeed': True, 'clip': clip}
        picture = self.driver.execute_cdp_cmd('Page.captureScreenshot', options)
        (SCREENSHOTS / f'{name}.png').write_bytes(base64.b64decode(picture['data']))

    def _height_within(self, width: int) -> int | None:
        """Return how tall the page is, None if something sticks out at the side."""
        seen, height = self.driver.execute_script('const root = document.scrollingElement; return [root.scrollWidth, root.scrollHeight]')
        return int(height) if seen <= width else None

    def complaints(self) -> list[dict[str, Any]]:
        """Return what the browser's console says since this was last called, such as violations of the policy.

        That a form which was not accepted is 422, and a page that is not there 404, it says too: those are left out.
        """
        return [line for line in self.driver.get_log('browser') if line['source'] != 'network']

    def mailed_link(self, to: str) -> str:
        """Return the last link with a token in the mails to this address."""
        mail = re.compile(rf'^--- mail to {re.escape(to)}$(.*?)^--- end of mail$', re.M | re.S)
        links = wait_until(lambda: re.findall(r'^(http\S+token=\S+)$', '\n'.join(mail.findall(self.stack.log)), re.M))
        return links[-1]


@pytest.fixture(scope='session')
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator['webdriver.Chrome']:
    """One browser for all tests of this process; see `visitor`."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ''
    for flag in (*FLAGS, f'--user-data-dir={tmp_path_factory.mktemp("chromium")}'):
        options.add_argument(flag)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def visitor(chromium: 'webdriver.Chrome', stack: 'Stack') -> Iterator[Visitor]:
    """Somebody who was never here, and leaves an empty page behind: some pages load themselves again every few seconds."""
    chromium.execute_cdp_cmd('Network.clearBrowserCookies', {})
    chromium.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})
    chromium.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': []})
    chromium.get_log('browser')
    yield Visitor(chromium, stack)
    chromium.get('about:blank')
