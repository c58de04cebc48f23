"""The user and the application that DEMO_EMAIL, DEMO_PASSWORD, DEMO_CLIENT_ID and DEMO_CLIENT_SECRET name."""

import os
import shlex
from typing import NamedTuple


class Credential(NamedTuple):
    """A value that an environment variable may choose."""

    variable: str
    default: str

    @property
    def value(self) -> str:
        return os.environ.get(self.variable) or self.default

    @property
    def shown(self) -> str:
        """How to say it in a shell: a value of somebody's own is not for the log."""
        return shlex.quote(self.default) if self.value == self.default else f'"${self.variable}"'


EMAIL = Credential('DEMO_EMAIL', 'demo@example.com')
PASSWORD = Credential('DEMO_PASSWORD', 'demo-password')
CLIENT_ID = Credential('DEMO_CLIENT_ID', 'demo-app')
CLIENT_SECRET = Credential('DEMO_CLIENT_SECRET', 'demo-secret')
CREDENTIALS = (EMAIL, PASSWORD, CLIENT_ID, CLIENT_SECRET)


class Incomplete(Exception):
    """Some of the four variables are set and others are not; the message names those."""


def are_named() -> bool:
    """Whether all four are chosen by the environment. Raises Incomplete when only some are."""
    missing = [one.variable for one in CREDENTIALS if not os.environ.get(one.variable)]
    if missing and len(missing) < len(CREDENTIALS):
        raise Incomplete(f'a first user and application need all four, and {", ".join(missing)} is not set')
    return not missing
