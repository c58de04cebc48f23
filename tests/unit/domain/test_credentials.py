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


@pytest.mark.parametrize(
    'name',
    [
        'Charts',
        'Cryptofolio',
        'Crypt',
        'Crypto Portfolio 10',
        'Folio',
        '\u5bb6\u8a08',
        'Se\u00f1or',
        '\u041a\u0440\u0438\u043f\u0442\u043e',
    ],
)
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
        'CryptFolio\u2122',  # the sign of a trade mark decomposes to letters
        'CryptFolio Login',
        'The Crypt Folio App',
        'CRYPTFOLI0',
        'CryptFo1io',
        'CryptFoIio',  # a capital I in place of l
        'CryptFo|io',
        'Crypt|Folio',
        'CRYPTF\u00d8L10',
        'Cryptfol\u0131o',
        '\u0421ryptFolio',  # Cyrillic, as in the next two
        '\u0441\u0433\u0443\u0440\u0442f\u043e\u04cf\u0456\u043e',
        'C\u0433\u04ae\u0420\u0422Folio',
        'C\u0280\u03a5\u03a1\u03a4F\u039fl\u0399\u039f',  # Greek capitals, and a small capital R
        '\u03f2ryptFolio',  # a lunate sigma, small and large
        '\u03f9RYPTFOLIO',
        'Crypt\u017folio',  # a long s
        '\u13df\u13d2\u13bd\u13e2\u13a2Folio',  # Cherokee
        '\U0001d402ryptFolio',  # for mathematics
    ],
)
def test_no_application_has_the_name_of_this_server_however_it_is_written(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        credentials.parse_application_name(name)
    assert [fault.code for fault in refused.value.faults] == ['reserved']
