"""Whose requests are known by what they say of themselves."""

from email.message import Message

import pytest

from infra.local.known_callers import digest_of


def headers(*sent: tuple[str, str]) -> Message:
    message = Message()
    for name, value in sent:
        message[name] = value
    return message


NOBODYS = [
    ('/', headers()),
    ('/?api_key=', headers(('Authorization', ''))),
    ('/', headers(('Cookie', 'language=de; amounts=hidden'))),
    ('/', headers(('Cookie', 'session='))),
    ('/', headers(('Cookie', 'my-session=a'), ('X-Requested-With', 'b'))),
]
DIFFERENT = [
    ('/?api_key=a', headers()),
    ('/?api_key=b', headers()),
    ('/', headers(('X-API-KEY', 'e'))),
    ('/', headers(('Authorization', 'Bearer a'))),
    ('/', headers(('Authorization', 'Basic shared'), ('Cookie', 'session=a'))),
    ('/', headers(('Authorization', 'Basic shared'), ('Cookie', 'language=de; session=c'))),
    ('/', headers(('Authorization', 'Basic shared'), ('Authorization', 'Bearer a'))),
    ('/', headers(('Authorization', 'Basic shared'))),
    ('/', headers(('Cookie', '__Host-session=d'))),
]


@pytest.mark.parametrize(('path', 'sent'), NOBODYS)
def test_what_everybody_may_send_is_of_nobody(path: str, sent: Message) -> None:
    assert digest_of(path, sent) == b''


def test_who_shares_one_of_their_credentials_is_told_from_others_by_another() -> None:
    assert len({digest_of(path, sent) for path, sent in DIFFERENT}) == len(DIFFERENT)


def test_the_same_user_is_known_whatever_else_is_sent() -> None:
    first = headers(('Cookie', 'language=de; session=a'), ('Accept', 'text/html'))

    assert digest_of('/account?saved=name', first) == digest_of('/', headers(('Cookie', 'session=a; amounts=hidden')))
