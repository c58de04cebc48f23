"""Authenticator apps, passkeys and recovery codes: what logs in, and what does not."""

import re
from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cbor2
import pyotp
import pytest
from chalice.test import Client as ChaliceClient
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from chalicelib import clock
from chalicelib.models import Client, ClientIdentity, Grant, Item, Passkey, RecoveryCodes, User
from chalicelib.services.users.new_factors import FactorKind
from tests.support.api import PASSWORD
from tests.support.browser import Browser, Mailbox
from tests.support.clock import StoppedClock
from tests.support.dynamodb import meanwhile
from tests.support.exports import run
from tests.support.oauth import GOOD, ask
from tests.support.passkey_device import WITH_PASSWORD, Device, add_passkey, begin_factor, options, use_passkey

FACTORS = '/profile/second-factor'
P256 = bytes.fromhex('06082a8648ce3d030107')  # the object identifier of the curve
TPM = {'ver': '2.0', 'x5c': [b'x'], 'certInfo': b'x', 'pubArea': b'x'}


def begin_app(browser: Browser) -> pyotp.TOTP:
    """Begin to set an authenticator app up; return it."""
    begin_factor(browser, FactorKind.APP)
    browser.get(FACTORS)
    link = unescape(re.search(r'href="(otpauth://[^"]+)"', browser.page)[1])
    assert parse_qs(urlsplit(link).query)['issuer'] == ['CryptFolio']
    return pyotp.TOTP(parse_qs(urlsplit(link).query)['secret'][0])


def add_app(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """Set an authenticator app up; return it, and the recovery codes if the page shows some."""
    app = begin_app(browser)
    browser.post(f'{FACTORS}/confirm', {'code': app.at(clock.now())})
    assert browser.status == 303, browser.text
    return app, shown_codes(browser)


def shown_codes(browser: Browser) -> list[str]:
    browser.get(browser.location)
    return re.findall(r'\b(?:[a-z2-9]{5}-){2}[a-z2-9]{5}\b', browser.page)


def enter(browser: Browser, code: str) -> int:
    """Enter a code after the password; return the status."""
    return browser.post('/login/second', {'code': code, 'next': '/profile'}).status_code


def certificate_on_an_unknown_curve() -> bytes:
    """In DER; what reads it raises an error that is no ValueError."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'x')])
    key = ec.generate_private_key(ec.SECP256R1())
    lasts = datetime(2020, 1, 1), datetime(2040, 1, 1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 5, *lasts).sign(key, SHA256()).public_bytes(Encoding.DER)
    assert P256 in made
    return made.replace(P256, P256[:-1] + b'\x09')


def is_logged_in(browser: Browser) -> bool:
    return browser.get('/profile').status_code == 200


def test_with_an_app_a_password_opens_nothing_without_a_code_that_is_good_once(
    http: ChaliceClient, logged_in: Browser, new_browser: Callable[[], Browser], user: User, client: Client,
    mailbox: Mailbox, stopped_clock: StoppedClock,
):  # fmt: skip
    app, codes = add_app(logged_in)
    assert len(set(codes)) == 10
    assert 'authenticator app was added' in mailbox.last()[1]
    logged_in.get(FACTORS)
    assert not re.search(r'otpauth|[a-z2-9]{5}-[a-z2-9]{5}-', logged_in.page)
    stored = ' '.join(str(item.serialize()) for item in Item.scan())
    assert not any(secret in stored for secret in (app.secret, *codes, *(code.replace('-', '') for code in codes)))

    other = new_browser()
    other.log_in(next='/profile/sessions')
    assert (other.status, other.location) == (303, '/login/second?next=%2Fprofile%2Fsessions')
    assert not is_logged_in(other)
    first = app.at(clock.now())
    assert [enter(other, code) for code in ('', '000000', 'x', first)] == [422] * 4  # the last confirmed the app
    stopped_clock.advance(30)
    assert enter(other, f'{app.at(clock.now())[:3]} {app.at(clock.now())[3:]}') == 303
    assert is_logged_in(other)

    again = new_browser()
    again.log_in()
    assert enter(again, app.at(clock.now())) == 422
    assert enter(again, codes[0].upper()) == 303
    assert '9 are left' in next(text for _, text in reversed(mailbox.read()) if 'recovery code' in text)
    again.post('/logout')
    again.log_in()
    assert enter(again, codes[0]) == 422
    assert ask(http, GOOD).status_code == 400  # an application cannot ask for the code
    user.allow_remote()
    assert ask(http, GOOD).status_code == 400


@pytest.mark.parametrize('what_happened', ['another browser', 'ten minutes', 'a new password', 'a reset'])
def test_an_app_is_added_only_where_the_password_was_entered_and_in_time(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock, what_happened: str
):
    app, browser = begin_app(logged_in), logged_in
    match what_happened:
        case 'another browser':
            browser = new_browser()
            browser.log_in()
        case 'ten minutes':
            stopped_clock.advance(600)
        case 'a new password':
            new = {'password': 'the new password'}
            browser.post('/profile/password', WITH_PASSWORD | new)
        case 'a reset':
            stopped_clock.advance(1)
            browser.post('/forgot', {'email': user.email})
            browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': 'the new password'})
    assert is_logged_in(browser)

    browser.get(FACTORS)
    assert 'otpauth://' not in browser.page
    browser.post(f'{FACTORS}/confirm', {'code': app.at(clock.now())})

    assert (browser.location, Item.count(user.pk, Item.sk.startswith('FACTOR#'))) == (FACTORS, 0)


def test_an_app_is_confirmed_once_and_takes_no_place_of_another(logged_in: Browser, user: User, stopped_clock: StoppedClock):
    first = begin_app(logged_in)
    logged_in.post(f'{FACTORS}/confirm', {'code': first.at(clock.now())})
    assert len(shown_codes(logged_in)) == 10

    logged_in.post(f'{FACTORS}/confirm', {'code': first.at(clock.now())})
    assert (logged_in.status, logged_in.location) == (303, FACTORS)
    logged_in.post(f'{FACTORS}/remove', WITH_PASSWORD | {'what': 'app'})
    logged_in.post(f'{FACTORS}/confirm', {'code': first.at(clock.now())})

    assert (logged_in.location, Item.count(user.pk, Item.sk.startswith('FACTOR#'))) == (FACTORS, 0)


def test_after_the_first_factor_those_who_are_in_already_can_be_logged_out(logged_in: Browser, new_browser: Callable[[], Browser]):
    thief = new_browser()
    thief.log_in()
    app = begin_app(logged_in)
    logged_in.post(f'{FACTORS}/confirm', {'code': app.at(clock.now())})
    logged_in.get(logged_in.location)
    assert 'log out everywhere else if somebody may know your password' in logged_in.text
    [offered] = re.findall(r'href="([^"]+)#everywhere"', logged_in.page)
    assert is_logged_in(thief)

    logged_in.get(offered)
    logged_in.post('/profile/sessions/end-all', {})

    thief.log_in()
    assert not is_logged_in(thief)
    logged_in.get(FACTORS)
    assert '#everywhere' not in logged_in.page


@pytest.mark.parametrize('how', ['forbidden', 'an app'])
def test_forbidding_log_in_by_applications_ends_what_came_by_it(
    http: ChaliceClient, logged_in: Browser, user: User, client: Client, how: str
):
    Client.register(client_id='by-consent', secret='secret', owner_id='x', name='y', redirect_uris=['https://b.example/'], now=1)
    Grant.allow(user, 'by-consent', ['read'], 1, shown=ClientIdentity('y', 'https://b.example/'))
    logged_in.post('/profile/remote', {'allow_remote_login': 'on'})
    tokens = ask(http, GOOD).json_body

    if how == 'forbidden':
        logged_in.post('/profile/remote')
    else:
        add_app(logged_in)

    refreshed = ask(http, {'grant_type': 'refresh_token', 'refresh_token': tokens['refresh_token']})
    assert (refreshed.status_code, refreshed.json_body['error']) == (400, 'invalid_grant')
    assert [grant.client_id for grant in Grant.of_user(user.user_id)] == ['by-consent']


def test_codes_cannot_be_guessed_and_a_step_ends(logged_in: Browser, new_browser: Callable[[], Browser], stopped_clock: StoppedClock):
    app, _ = add_app(logged_in)
    stopped_clock.move_to(stopped_clock.now() // 900 * 900 + 900)
    other = new_browser()
    other.log_in()
    assert [enter(other, code) for code in ('\u0660' * 6, *['000000'] * 9)] == [422] * 10
    assert enter(other, app.at(clock.now())) == 429
    stopped_clock.advance(900)
    assert (enter(other, app.at(clock.now())), other.location) == (303, '/login?next=%2Fprofile')  # the password again
    assert not is_logged_in(other)


def test_the_owner_is_told_of_the_third_wrong_code_of_a_day_and_of_each_tenth(
    logged_in: Browser, new_browser: Callable[[], Browser], mailbox: Mailbox, stopped_clock: StoppedClock
):
    stopped_clock.move_to(stopped_clock.now() // 86_400 * 86_400 + 86_400)
    app = begin_app(logged_in)
    for code in ('x', 'x', 'x', app.at(clock.now())):  # who adds an app is logged in
        logged_in.post(f'{FACTORS}/confirm', {'code': code})
    thief = new_browser()
    thief.log_in()
    before = len(mailbox.read())

    assert [enter(thief, 'x') for _ in range(2)] == [422] * 2
    assert len(mailbox.read()) == before
    stopped_clock.advance(900)  # and so nobody patient stays below the count
    thief.log_in()
    assert enter(thief, 'x') == 422
    [(to, mail)] = mailbox.read()[before:]
    assert (to, ', 3 times today' in mail, 'network 127.0.0.1' in mail) == ('test@example.com', True, True)
    assert mail.endswith('Set a new password:\n\nhttps://cryptfolio.test/forgot')
    logged_in.post('/logout')
    logged_in.log_in()
    stopped_clock.advance(60)
    assert enter(logged_in, app.at(clock.now())) == 303  # which forgives nobody else

    assert [enter(thief, 'x') for _ in range(6)] == [422] * 6
    assert len(mailbox.read()) == before + 1
    assert [enter(thief, 'x') for _ in range(4)] == [422] * 3 + [429]
    assert len(mailbox.read()) == before + 2
    assert ', 10 times today' in mailbox.last()[1]

    stopped_clock.advance(86_400)
    thief.log_in()
    assert [enter(thief, 'x') for _ in range(2)] == [422] * 2
    assert len(mailbox.read()) == before + 2


def test_wrong_codes_of_a_thief_do_not_lock_the_owner_out_where_they_are_known(
    logged_in: Browser, new_browser: Callable[[], Browser], stopped_clock: StoppedClock
):
    app, _ = add_app(logged_in)
    stopped_clock.move_to(stopped_clock.now() // 900 * 900 + 900)
    thief, elsewhere = new_browser(), new_browser()
    for browser in (thief, elsewhere, logged_in):
        browser.post('/logout')
        browser.log_in()
    assert [enter(thief, 'x') for _ in range(11)] == [422] * 10 + [429]

    assert enter(elsewhere, app.at(clock.now())) == 429
    assert [enter(logged_in, 'x') for _ in range(9)] == [422] * 9
    assert enter(logged_in, app.at(clock.now())) == 303
    assert is_logged_in(logged_in)
    logged_in.post('/logout')
    logged_in.log_in()
    assert [enter(logged_in, 'x') for _ in range(2)] == [422, 429]


def test_a_password_that_was_right_is_of_no_use_once_it_was_changed(logged_in: Browser, new_browser: Callable[[], Browser], user: User):
    _, codes = add_app(logged_in)
    thief = new_browser()
    thief.log_in()
    logged_in.post('/profile/password', {'current_password': PASSWORD, 'password': 'the new password', 'keep': 'passkeys'})
    assert logged_in.status == 303

    assert (enter(thief, codes[0]), thief.location) == (303, '/login?next=%2Fprofile')
    assert not is_logged_in(thief)

    thief.log_in(password='the new password')
    with meanwhile('UpdateItem', lambda: User.find(user.user_id).end_sessions()):  # while the code is checked
        assert enter(thief, codes[0]) == 409
    assert not is_logged_in(thief)


def test_a_log_in_is_finished_though_all_sessions_ended_since_the_password(logged_in: Browser, new_browser: Callable[[], Browser]):
    """Otherwise whoever is in a session could keep its owner out."""
    _, codes = add_app(logged_in)
    elsewhere = new_browser()
    elsewhere.log_in()

    logged_in.post('/profile/sessions/end-all', {})

    assert enter(elsewhere, codes[0]) == 303
    assert is_logged_in(elsewhere)


def test_a_passkey_logs_in_alone_and_after_the_password(
    logged_in: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], mailbox: Mailbox
):
    device = Device()
    add_passkey(logged_in, device)
    assert len(shown_codes(logged_in)) == 10
    assert 'My phone' in logged_in.text
    assert 'A passkey was added' in mailbox.last()[1]

    alone, after = new_browser(), new_browser()
    use_passkey(alone, device)
    assert (alone.location, is_logged_in(alone)) == ('/profile', True)
    after.log_in()
    assert not is_logged_in(after)
    assert 'Use a passkey' in after.get('/login/second').body.decode()
    use_passkey(after, device)
    assert is_logged_in(after)
    options(stranger := new_browser(), '/login/passkey')
    policy = stranger.response.headers['Content-Security-Policy']
    assert "script-src 'self';" in policy
    assert 'script-src' not in alone.get('/profile').headers['Content-Security-Policy']
    assert alone.get('/static/passkey.js').headers['Content-Type'].startswith('text/javascript')

    make_user('other@example.com')
    other, theirs = new_browser(), Device()
    other.log_in('other@example.com')
    add_passkey(other, theirs)
    crossing = new_browser()
    crossing.log_in()
    use_passkey(crossing, theirs)  # somebody else's passkey after the password
    assert (crossing.status, is_logged_in(crossing)) == (422, False)


def test_a_passkey_that_is_not_what_was_asked_for_opens_nothing(
    logged_in: Browser, new_browser: Callable[[], Browser], requests_made: list[str]
):
    device = Device()
    add_passkey(logged_in, device)
    thief, again = new_browser(), ['GetItem', 'UpdateItem']
    requests_made.clear()
    options(thief, '/login/passkey')
    assert requests_made == ['UpdateItem', 'PutItem', *again]  # the limit, a step
    requests_made.clear()
    options(thief, '/login/passkey')
    assert requests_made == again * 2  # the same step

    device.origin = 'https://evil.example'
    use_passkey(thief, device)
    assert thief.status == 422
    device.origin, device.verifies = 'https://cryptfolio.test', False
    use_passkey(thief, device)
    assert thief.status == 422
    device.verifies = True
    signed = device.get(options(thief, '/login/passkey'))
    options(thief, '/login/passkey')  # another challenge
    for credential in (signed, 'x', '{}', '[]', '{"rawId": 1, "response": {"userHandle": "w7w"}}', signed.replace('webauthn', 'x')):
        thief.post('/login/passkey', {'credential': credential})
        assert thief.status == 422
    assert not is_logged_in(thief)
    good = device.get(options(thief, '/login/passkey'))
    known = thief.csrf('/login')
    thief.post('/login/passkey', {'credential': good, 'csrf': known})
    assert is_logged_in(thief)
    other = new_browser()
    other.cookie, other.step = '', thief.step
    other.post('/login/passkey', {'credential': good})
    assert not is_logged_in(other)


@pytest.mark.parametrize('path', [f'{FACTORS}/app', f'{FACTORS}/codes', f'{FACTORS}/remove', '/profile/passkeys'])
def test_factors_are_changed_with_the_password_only(logged_in: Browser, path: str):
    add_passkey(logged_in, Device())

    logged_in.post(path, {'current_password': 'wrong', 'what': 'app'})

    assert (logged_in.status, 'current password is incorrect' in logged_in.text) == (422, True)


def test_a_passkey_is_registered_by_who_entered_the_password_and_in_time(
    logged_in: Browser, new_browser: Callable[[], Browser], make_user: Callable[..., User], user: User, stopped_clock: StoppedClock
):
    device = Device('https://evil.example')
    add_passkey(logged_in, device)
    assert (logged_in.status, Passkey.count(user.pk, Item.sk.startswith('PASSKEY#'))) == (422, 0)
    assert logged_in.get('/profile/passkeys').status_code == 303
    signed = {'alg': -7, 'sig': b's'}
    net = {'fmt': 'android-safetynet', 'attStmt': {'ver': '1', 'response': 5}}
    unknown = {'fmt': 'packed', 'attStmt': signed | {'x5c': [certificate_on_an_unknown_curve()]}}
    for malformed in ({'fmt': 'packed', 'attStmt': signed | {'x5c': 1}}, unknown, {'fmt': 'tpm', 'attStmt': signed | TPM}, net, None):
        begin_factor(logged_in, FactorKind.PASSKEY)
        asked = options(logged_in, '/profile/passkeys')
        logged_in.post('/profile/passkeys/new', {'credential': Device().create(asked, **malformed) if malformed else '[' * 20_000})
        assert (logged_in.status, Passkey.count(user.pk, Item.sk.startswith('PASSKEY#'))) == (422, 0)
    begin_factor(logged_in, FactorKind.PASSKEY)
    asked = options(logged_in, '/profile/passkeys')
    stopped_clock.advance(600)
    logged_in.post('/profile/passkeys/new', {'credential': Device().create(asked)})
    assert (logged_in.location, Passkey.count(user.pk, Item.sk.startswith('PASSKEY#'))) == (FACTORS, 0)


def test_a_reset_by_mail_does_without_no_factor_and_ends_passkeys(
    browser: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock
):
    thief, device = new_browser(), Device()
    thief.log_in()
    add_passkey(thief, device)
    codes = shown_codes(thief)
    stopped_clock.advance(1)
    browser.post('/forgot', {'email': user.email})

    browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': 'the new password'})

    assert browser.location.startswith('/login/second?')
    assert not is_logged_in(browser)
    use_passkey(thief, device)
    assert (thief.status, is_logged_in(thief)) == (422, False)
    assert enter(browser, codes[3]) == 303
    assert is_logged_in(browser)


@pytest.mark.parametrize('codes_are', ['used up', 'not made'])
def test_a_reset_does_not_get_past_passkeys_without_recovery_codes(
    browser: Browser, new_browser: Callable[[], Browser], user: User, mailbox: Mailbox, stopped_clock: StoppedClock, codes_are: str
):
    """Not made, if the request that stored the passkey was interrupted."""
    owner = new_browser()
    owner.log_in()
    add_passkey(owner, Device())
    if codes_are == 'not made':
        RecoveryCodes.at(user.user_id).delete()
    else:
        for code in shown_codes(owner):
            assert RecoveryCodes.use(user.user_id, code.replace('-', ''))
    stopped_clock.advance(1)
    browser.post('/forgot', {'email': user.email})
    browser.post('/reset', {'token': mailbox.link().partition('token=')[2], 'password': 'the new password'})
    assert (browser.location.partition('?')[0], is_logged_in(browser)) == ('/login/second', False)

    browser.log_in(password='the new password')

    assert (browser.location.partition('?')[0], is_logged_in(browser)) == ('/login/second', False)
    assert run('users', 'remove-second-factors', '--yes', user.email) == 0
    browser.log_in(password='the new password')
    assert is_logged_in(browser)


def test_recovery_codes_that_are_all_that_is_left_are_removed_or_made_anew_by_their_owner(
    logged_in: Browser, new_browser: Callable[[], Browser], stopped_clock: StoppedClock
):
    add_passkey(logged_in, Device())
    stopped_clock.advance(1)
    logged_in.post('/profile/password', WITH_PASSWORD | {'password': 'the new password'})
    other = new_browser()
    other.log_in(password='the new password')
    assert not is_logged_in(other)
    logged_in.get(FACTORS)
    assert 'value="codes"' in logged_in.page
    begin_factor(logged_in, FactorKind.CODES)
    assert len(shown_codes(logged_in)) == 10

    logged_in.post(f'{FACTORS}/remove', {'current_password': 'the new password', 'what': 'codes'})

    other.log_in(password='the new password')
    assert is_logged_in(other)


def test_factors_are_removed_by_their_owner_or_by_the_operator(logged_in: Browser, new_browser: Callable[[], Browser], user: User):
    add_app(logged_in)
    add_passkey(logged_in, Device())
    [passkey] = Passkey.query(user.pk, Item.sk.startswith('PASSKEY#'))
    other = new_browser()

    logged_in.post(f'{FACTORS}/remove', WITH_PASSWORD | {'what': passkey.passkey_id})
    other.log_in()
    assert not is_logged_in(other)
    logged_in.post(f'{FACTORS}/remove', WITH_PASSWORD | {'what': 'app'})
    other.log_in()
    assert is_logged_in(other)

    add_app(logged_in)
    assert run('users', 'remove-second-factors', '--yes', user.email) == 0
    third = new_browser()
    third.log_in()
    assert is_logged_in(third)


def bomb(pairs: int) -> bytes:
    """Return CBOR in which each of so many nested pairs is twice the next one, by a reference: 2 ** pairs values when written out."""
    nested = bytes.fromhex('d81c82') * pairs + cbor2.dumps(0) * 2
    references = b''.join(bytes.fromhex('d81d') + cbor2.dumps(number) for number in range(pairs - 1, 0, -1))
    return bytes.fromhex('a16178') + nested + references


def test_a_passkey_whose_answer_stands_for_millions_of_values_is_refused_before_they_are_written_out(
    logged_in: Browser, new_browser: Callable[[], Browser], user: User
):
    device, other = Device(), new_browser()
    device.extensions = cbor2.dumps({'credProps': True})
    add_passkey(logged_in, device)
    use_passkey(other, device)
    assert (other.status, len(Passkey.of_user(user.user_id))) == (303, 1)

    device.extensions = bomb(12)
    use_passkey(other, device)
    assert other.status == 422

    add_passkey(logged_in, device)
    assert (logged_in.status, len(Passkey.of_user(user.user_id))) == (422, 1)


@pytest.mark.parametrize('changed', [{'x': cbor2.CBORTag(28, [])}, {'authData': 10**9}, {'authData': cbor2.CBORTag(2, b'x' * 9)}])
def test_an_attestation_that_is_not_of_bytes_without_tags_is_refused(logged_in: Browser, user: User, changed: dict[str, Any]):
    begin_factor(logged_in, FactorKind.PASSKEY)
    asked = options(logged_in, '/profile/passkeys')

    logged_in.post('/profile/passkeys/new', {'credential': Device().create(asked, **changed), 'name': 'x'})

    assert (logged_in.status, Passkey.of_user(user.user_id)) == (422, [])
