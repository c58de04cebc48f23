"""The names of applications, which people read when they decide whom to trust, and mailboxes, by which mails are counted."""

import pytest

from chalicelib.domain import credentials
from chalicelib.errors import Invalid


@pytest.mark.parametrize(
    ('address', 'mailbox'),
    [
        ('Ann@Example.com', 'ann@example.com'),
        ('ann+news+2@example.com', 'ann@example.com'),
        ('a.nn@example.com', 'ann@example.com'),
        ('a.n.n.+2@mail.example.com', 'ann@mail.example.com'),
        ('..@example.com', '..@example.com'),
        ('+ann@example.com', '+ann@example.com'),
        ('A.N.N+1@gmail.com', 'ann@gmail.com'),
        ('ann@googlemail.com', 'ann@gmail.com'),
    ],
)
def test_mails_to_all_names_of_a_mailbox_are_counted_as_one(address: str, mailbox: str) -> None:
    assert credentials.mailbox_of(address) == mailbox


@pytest.mark.parametrize('name', ['Charts', 'CryptFolio Charts', 'Cryptfolios', '\u5bb6\u8a08', 'Se\u00f1or'])
def test_an_application_may_have_any_other_name(name: str) -> None:
    assert credentials.parse_application_name(name) == name


@pytest.mark.parametrize(
    'name',
    [
        'CryptFolio',
        ' crypt-folio! ',
        'Crypt\u2060Folio',
        '\u24b8ryptFolio',
        'CryptFolio\u3164',  # Hangul fillers are letters of which nothing is seen
        'Crypt\u115fFolio\uffa0',
        'CryptFoli\u00f3',  # an accent, in one character with its letter
        'CryptFolio\u0301',
    ],
)
def test_no_application_has_the_name_of_this_server_however_it_is_written(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        credentials.parse_application_name(name)
    assert [fault.code for fault in refused.value.faults] == ['reserved']
