"""Validation of users' names, email addresses and new passwords. Pure."""

import re
import unicodedata
from typing import NoReturn

from chalicelib.domain import lookalikes, titles
from chalicelib.errors import Fault, Invalid
from chalicelib.texts import translatable

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200

_GMAIL = ('gmail.com', 'googlemail.com')
LONGEST_MAILED_NAME = 64
_OWN_NAME = 'cryptfolio'
_BLANK = '\u115f\u1160\u2800\u3164\uffa0'  # letters and a symbol by category, of which nothing is seen

# The HTML standard's email addresses, with a dot required in the domain. They need no escaping in mail headers.
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r'(?=.{1,189}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
)
# What mail programs make a link of without being told: `www.`, or a domain or an IPv4 address, perhaps with a port, with a path.
_LOOKS_LIKE_LINK = re.compile(
    r'://|\bmailto:|\bwww\.|(?:\.(?:xn--[a-z0-9-]+|[^\W\d_]{2,})\.?|\b\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?[/?#]', re.IGNORECASE
)
_ENDS_OF_DOMAIN = re.compile(r"[!#$%&'*=?^`{|}~]")  # which an address may have, and many mail programs take for the end of one
_COMMON = frozenset(
    re.findall(
        r'\S+',
        """
        1234567890 12345678910 0123456789 0987654321 1q2w3e4r5t 1qaz2wsx3edc qwertyuiop qwerty123456 1234567891 123456789a
        password12 password123 password1234 passw0rd123 iloveyou12 iloveyou123 letmein123 welcome123 sunshine123 football123
        princess123 superman123 administrator changeme123 abcdefghij abcd123456 cryptfolio cryptfolio1 cryptfolio123 bitcoin123
        """,
    )
)


def parse_email(text: str) -> str:
    """Return the email address without surrounding whitespace. Raises Invalid."""
    address = text.strip()
    if not _EMAIL.fullmatch(address):
        _raise_invalid('email', 'malformed', translatable('Enter an email address such as you@example.com'))
    return address


def parse_new_email(text: str) -> str:
    """Return the email address that an account is to have, of which no mail program makes a link to somewhere else. Raises Invalid."""
    address = parse_email(text)
    if _LOOKS_LIKE_LINK.search(_ENDS_OF_DOMAIN.sub('/', address.rpartition('@')[0])):
        _raise_invalid('email', 'malformed', translatable('Enter an email address such as you@example.com'))
    return address


def mailbox_of(address: str) -> str:
    """Return what an address is counted as when something is sent there, which never says who somebody is.

    Many providers drop what follows a `+`, and some the dots, also for domains of their customers: no two spellings of one mailbox may
    count apart, and people whose addresses differ by dots alone share a count.

    >>> mailbox_of('Ann.Lee+1@example.com'), mailbox_of('a.n.n+2@googlemail.com')
    ('annlee@example.com', 'ann@gmail.com')
    """
    local, _, domain = address.strip().lower().rpartition('@')
    local = local.partition('+')[0] or local
    return f'{local.replace(".", "") or local}@{_GMAIL[0] if domain in _GMAIL else domain}'


def parse_name(text: str) -> str | None:
    """Return a user's name, or None if it is blank. Raises Invalid."""
    return parse_title('name', text) if text.strip() else None


def parse_title(field: str, text: str) -> str:
    """Return what something is called, without surrounding whitespace. Raises Invalid for `field`."""
    try:
        return titles.parse(text)
    except titles.BadTitle as error:
        _raise_invalid(field, error.code, translatable('A name {problem}', problem=error.sentence))


def parse_mailed_name(text: str) -> str:
    """Return the name of something of which its owner is mailed. Raises Invalid.

    It must not be a message: whoever made it may be a thief, of whom the mail is to warn.
    """
    name = parse_title('name', text)
    if len(name) > LONGEST_MAILED_NAME:
        _raise_invalid('name', 'too_long', translatable('Use at most {most} characters', most=LONGEST_MAILED_NAME))
    if _LOOKS_LIKE_LINK.search(name):
        _raise_invalid('name', 'address', translatable('A name must not contain the address of a page'))
    return name


def parse_application_name(text: str) -> str:
    """Return the name of an application, which people see when it asks for access. Raises Invalid.

    It must show something, and must neither pass for this server, be it by a name in which the server's is only a part, nor be a message:
    the page that asks for the password shows it.
    """
    name = parse_mailed_name(text)
    if not any(_is_visible(character) for character in name):
        _raise_invalid('name', 'blank', translatable('A name must have visible letters'))
    if lookalikes.can_be_read_in(_OWN_NAME, name):
        _raise_invalid('name', 'reserved', translatable('This looks like the name of this server: choose another'))
    return name


def _is_visible(character: str) -> bool:
    return character not in _BLANK and unicodedata.category(character)[0] not in 'ZCM'


def check_new_password(password: str, email: str) -> None:
    """Raise Invalid for a password that is too short, too long or easily guessed (NIST SP 800-63B section 5.1.1.2)."""
    if len(password) < SHORTEST_PASSWORD:
        _raise_invalid('password', 'too_short', translatable('Use at least {least} characters', least=SHORTEST_PASSWORD))
    if len(password) > LONGEST_PASSWORD:
        _raise_invalid('password', 'too_long', translatable('Use at most {most} characters', most=LONGEST_PASSWORD))
    lower = password.strip().lower()
    if lower in _COMMON or len(set(lower)) < 3:
        _raise_invalid('password', 'common', translatable('This password is too common: choose another'))
    if lower in (email.lower(), email.lower().partition('@')[0]):
        _raise_invalid('password', 'common', translatable('Your password must not be your email address: choose another'))


def _raise_invalid(field: str, code: str, message: str) -> NoReturn:
    raise Invalid(Fault(field, code, message))
