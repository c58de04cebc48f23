"""Passwords: hashed as OWASP recommends, with a salt of their own each."""

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
