"""The names of applications, which people read when they decide whom to trust, and mailboxes, by which mails are counted."""

import time

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
        'Crypt!',
        'Portfolio 1010',
        'Crypto+Folio',
        'My charts (((((((((((((((',  # more symbols than may be guessed
        'c*********o',
        '**********x',
        '\u041a\u0440\u0438\u043f\u0442\u043efolio',  # of two scripts
        'Cryptf\u043eo',
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
        '\u1d04\u0280\u028f\u1d18\u1d1b\ua730\u1d0f\u029f\u026a\u1d0f',  # small capitals
        '\U0001f172\U0001f181\U0001f188\U0001f17f\U0001f183\U0001f175\U0001f17e\U0001f17b\U0001f178\U0001f17e',  # in squares
        '\U0001f1e8\U0001f1f7\U0001f1fe\U0001f1f5\U0001f1f9\U0001f1eb\U0001f1f4\U0001f1f1\U0001f1ee\U0001f1f4',  # as of flags
        'CryptF\u0ae6lio',  # zeros of Gujarati and Telugu
        'Cryptf\u0c66lio',
        'CryptFo!io',
        'Crypt!Folio',
        'CryptFol\u00a1o',
        'Crypt\ua77coIio',
        'Crypt\u20a3olio',
        'CryptFo\u2c61io',
        'CryptFo\u4e28io',
        '\u1974ryptfolio',
        'Cry\u00fetfolio',
        '\u0421r\u0443\u0440\u03c4\u0493\u043e\u04cf\u0456\u043e',
        'CryptFoli\u05e1',  # Hebrew, as in the next two
        'Cryptfo\u05c0io',
        'cryptfo\u05dfio',
        'CryptFoli\u0b20',  # Oriya, Malayalam and Burmese
        'CryptFoli\u0d20',
        'CryptFoli\u101d',
        'cry\u2374tfolio',  # of APL, of logic, and Lycian
        'cryptfol\u2373o',
        'cryp\u27d9folio',
        'cryp\U00010297folio',
        'cryptfo\u2758io',  # a bar, a circle, a dagger and a plus
        'CryptFoli\u25ef',
        'cryp\u2020folio',
        'cryp+folio',
        'C\u00aeyptfolio',
        'C\u00aeypt|f\u25efl!o',  # of symbols some are letters and some are between
        'Crypt+Fo|io',
        '\u531a\u5c3a\u311a\u5369\u3112\u5343\u3116\u3125\u4e28\u3116',  # Chinese and Bopomofo
        '\u2282ryptFolio',
        *(f'C{letter}yptFolio' for letter in '\u0491\u04f7\u042f\ua785\u16b1'),
        *(f'Cry{letter}tFolio' for letter in '\u03c6\u0562\u0569\u3115'),
        *(f'Cryp{letter}Folio' for letter in '\u0565\u4e03\uaba6'),
        *('CryptF\u30edli\u30ed', 'CryptF\u0153lio', 'Crypt\u0552olio', 'CryptFol\u5de5o', '\u3108ryptFolio'),
        '\u1455ryptFolio',
        'CryptFoli\u0298',
        'CryptFoli\u1c5b',
        'Cry\u1d29tFolio',
        'Cry\u2117tFolio',
        'cryptfo\ufe31io',
        *('\u20b5ryptFolio', '\u20acryptFolio', 'Cry\u20b1tFolio', 'Cryp\u20b8Folio', 'CryptFo\u00a3io'),  # currencies
        *('\u2201ryptFolio', '\u228fryptFolio', '(ryptFolio', 'CryptF\u2022lio', 'Cr\u2442ptFolio', 'CryptF\U0001f535lio'),  # any symbols
        '[r\u2442pt-F\u2022lio',
        *('CryptF\u3147li\u3147', 'CryptFo\u3163io', 'CryptFo\u3021io', 'Cryp\u4e05Folio', 'CryptF\u53e3lio'),  # jamo, numerals, Chinese
        *('CRYPTFOL\u13c6O', 'CryptFol\uab96o', 'CryptFol\ua7feo', 'CryptFo\u1175io'),  # Cherokee, a Roman I, jamo
        *('\u03feryptFolio', '\u037cryptFolio', 'Cry\u03fctFolio', 'Cry\u048ftFolio', 'Cry\u01bftFolio'),  # with dots and strokes
    ],
)
def test_no_application_has_the_name_of_this_server_however_it_is_written(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        credentials.parse_application_name(name)
    assert [fault.code for fault in refused.value.faults] == ['reserved']


@pytest.mark.parametrize(
    ('name', 'code'),
    [
        ('x' * 65, 'too_long'),
        ('Your account is locked: https://evil.example', 'address'),
        ('WWW.evil.example', 'address'),
        ('See evil.example/login', 'address'),
        ('evil.example?a', 'address'),
        ('Pay at evil.example:443/login', 'address'),
        ('evil.example:443?a', 'address'),
        ('evil.example./login', 'address'),
        ('evil.xn--p1ai/login', 'address'),
        ('evil.\u0440\u0444/login', 'address'),
        ('192.0.2.1/login', 'address'),
        ('192.0.2.1:8080/login', 'address'),
        ('mailto:ann@evil.example', 'address'),
    ],
)
def test_the_name_of_an_application_is_no_message(name: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        credentials.parse_application_name(name)
    assert [fault.code for fault in refused.value.faults] == [code]
    assert credentials.parse_application_name('x' * 64) == 'x' * 64


@pytest.mark.parametrize('name', ['Charts.example', 'A/B', 'Version 1.2/3', 'Version 1.2.3/4', 'Ratio 1:2/3', 'wwwhat?', 'Really? Yes.'])
def test_a_name_with_dots_or_slashes_is_no_address_by_that(name: str) -> None:
    assert credentials.parse_application_name(name) == name


@pytest.mark.parametrize(
    'local',
    [
        *('www.evil.example/login', 'evil.example/login', 'WWW.evil', 'evil.example?a=b', 'evil.example#a', 'a.www.b'),
        *('evil.xn--p1ai/login', '192.0.2.1/login'),
        *(f'evil.example{end}login' for end in "!#$%&'*/=?^`{|}~"),
    ],
)
def test_no_account_has_an_address_that_mail_programs_make_a_link_of(local: str) -> None:
    with pytest.raises(Invalid):
        credentials.parse_new_email(f'{local}@attacker.example')
    assert credentials.parse_email(f'{local}@attacker.example')  # of whoever has one


@pytest.mark.parametrize(
    'address',
    [
        *('ann.lee@example.com', 'sales/de@example.com', 'awww.x@example.com', 'ann.lee+1.2@example.com', '1.2.3/4@example.com'),
        *("o'neil+www@example.com", "mary.o'neil@example.com"),
    ],
)
def test_other_addresses_may_be_an_accounts(address: str) -> None:
    assert credentials.parse_new_email(address) == address


def test_a_name_of_symbols_takes_no_longer_than_another() -> None:
    name = ''.join(31 * symbol for symbol in '\u00a9\u00ae\u00a5\u00b6+\u20a3\u2295!')  # of which each may be a letter, or stand between
    started = time.process_time()

    with pytest.raises(Invalid):
        credentials.parse_application_name(name)

    assert time.process_time() - started < 1  # of a millisecond or two; days, where what may be read is tried one by one
