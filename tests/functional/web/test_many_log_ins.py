"""Somebody who logs in again and again: what is kept of it, and what it costs."""

import pytest

from chalicelib import clock
from chalicelib.errors import AccessEnded
from chalicelib.models import Item, Session, User
from chalicelib.services.users import log_ins
from chalicelib.services.users.log_ins import Visitor
from tests.support.clock import StoppedClock


def log_in(user_id: str) -> str:
    """Begin a session in a browser that is not known; return its token."""
    return log_ins.begin_session(User.find(user_id), Visitor(None, 'x', '192.0.2.1'), clock.now_ms()).session_token


def stored(user: User, prefix: str) -> int:
    return Item.count(user.pk, Item.sk.startswith(prefix))


def test_only_the_newest_sessions_and_browsers_are_kept(user: User, stopped_clock: StoppedClock):
    tokens = []
    for number in range(1, 65):  # so many that the oldest have to make room
        tokens.append(log_in(user.user_id))
        stopped_clock.advance(1)
        if number % 10 == 0:  # when there are most
            assert stored(user, 'SESSION#') == min(number, 50)
            assert stored(user, 'BROWSER#') == min(number, 20)

    alive = [Session.find(token, clock.now()) is not None for token in tokens]
    assert alive == sorted(alive)  # the oldest are those that are gone
    assert 40 <= sum(alive) == stored(user, 'SESSION#') == len(Session.of_user(User.find(user.user_id), clock.now()))
    assert stored(user, 'BROWSER#') >= 10


def test_sessions_that_ended_take_no_room(user: User, stopped_clock: StoppedClock):
    phone = log_in(user.user_id)
    for _ in range(45):
        stopped_clock.advance(1)
        Session.end(log_in(user.user_id))

    assert Session.find(phone, clock.now()) is not None
    assert stored(user, 'SESSION#') < 12  # the pointers of those that ended


def test_log_ins_at_once_are_counted_each(user: User):
    reader = User.find(user.user_id)
    for _ in range(12):
        log_ins.begin_session(reader, Visitor(None, 'x', '192.0.2.1'), clock.now_ms())

    log_in(user.user_id)

    assert (stored(user, 'SESSION#'), stored(user, 'BROWSER#')) == (13, 11)  # there was room for all sessions, and ten browsers before


def test_a_usual_log_in_is_one_request_and_nothing_is_deleted(user: User, requests_made: list[str]):
    reader = User.find(user.user_id)
    requests_made.clear()

    for _ in range(3):
        log_ins.begin_session(reader, Visitor(None, 'x', '192.0.2.1'), clock.now_ms())

    assert requests_made == ['TransactWriteItems'] * 3


def test_making_room_does_not_let_in_whose_password_changed_meanwhile(user: User, stopped_clock: StoppedClock):
    for _ in range(10):
        log_in(user.user_id)
    reader = User.find(user.user_id)
    User.find(user.user_id).set_password('another hash')

    with pytest.raises(AccessEnded):
        log_ins.begin_session(reader, Visitor(None, 'x', '192.0.2.1'), clock.now_ms())
