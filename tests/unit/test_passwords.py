"""Passwords: hashed as OWASP recommends, with a salt of their own each."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import argon2
import pytest

from chalicelib.passwords import hash_password, verify_password


def test_a_hash_is_argon2id_with_the_recommended_parameters_and_its_own_salt():
    first, second = hash_password('secret'), hash_password('secret')

    assert first.startswith('$argon2id$v=19$m=19456,t=2,p=1$')
    assert first != second
    assert verify_password(first, 'secret')
    assert verify_password(second, 'secret')
    assert not verify_password(first, 'Secret')
    assert not verify_password(None, 'secret')
    assert not verify_password('no hash', 'secret')


@pytest.mark.parametrize('act', [lambda: hash_password('secret'), lambda: verify_password(None, 'secret')], ids=['hash', 'verify'])
def test_no_more_hashes_are_in_memory_than_there_are_processors(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]):
    working: list[int] = []
    most = 0

    def work(*_: object) -> bool:
        nonlocal most
        working.append(1)
        most = max(most, len(working))
        others.wait(0.1)  # for as many as may come
        working.pop()
        return True

    verify_password(None, '')  # makes what is compared with
    others = Event()
    for name in ('hash', 'verify'):
        monkeypatch.setattr(argon2.PasswordHasher, name, work)

    with ThreadPoolExecutor(4 * (os.cpu_count() or 1)) as pool:
        for _ in range(4 * (os.cpu_count() or 1)):
            pool.submit(act)

    assert 0 < most <= (os.cpu_count() or 1)
