"""axe-core, which looks for faults of accessibility in a page: https://github.com/dequelabs/axe-core, under the MPL 2.0.

A copy of `axe.min.js` of npm's axe-core 4.14.1. PyPI has nothing that would do: its packages carry releases of years ago, or bring another
driver of browsers. To renew it: `npm pack axe-core`.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium import webdriver

    from tests.support.chromium import Visitor

SCRIPT = Path(__file__).parent / 'vendor' / 'axe-core-4.14.1.min.js'
SHA256 = '29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c'
_RUN = """
const done = arguments[arguments.length - 1];
const oneMain = {'landmark-no-duplicate-main': {enabled: !document.querySelector('.swagger-ui main')}};
const options = arguments[0] || {rules: oneMain};
axe.run({include: [['html']], exclude: [['.swagger-ui']]}, {resultTypes: ['violations'], ...options}).then(
  found => done(found.violations.flatMap(fault => fault.nodes.map(node => `${fault.id}: ${node.target} ${node.failureSummary}`))),
  error => done([String(error)]));
"""
COLOURS = {'runOnly': {'type': 'rule', 'values': ['color-contrast', 'link-in-text-block']}}


def script() -> str:
    """Return the script, as it was published."""
    text = SCRIPT.read_bytes()
    assert hashlib.sha256(text).hexdigest() == SHA256
    return text.decode()


def violations(driver: 'webdriver.Chrome', options: dict[str, Any] | None = None) -> list[str]:
    """Return what is wrong with the page that is shown, by all rules or those of `options`; the script must have been run there.

    What Swagger UI draws is left out, such as a second `main`: it is not ours to mend.
    """
    faults: list[str] = driver.execute_async_script(_RUN, options)
    return faults


def assert_good(visitor: 'Visitor', name: str) -> None:
    """Look at the page that is shown: it has no fault of accessibility and violates no policy."""
    visitor.look(name)
    visitor.driver.execute_script(script())
    assert violations(visitor.driver) + visitor.complaints() == []
