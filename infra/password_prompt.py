"""How a command gets a password: from the keyboard, or from a script."""

import getpass
import sys


class NotTheSame(Exception):
    """The two that were typed differ; the message says so."""


def ask() -> str:
    """Return a password that is typed twice, or the first line of standard input. Raises NotTheSame."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip('\n')
    password = getpass.getpass('Password: ')
    if getpass.getpass('Once more: ') != password:
        raise NotTheSame('the two are not the same; no user was created')
    return password
