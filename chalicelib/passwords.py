"""Passwords: argon2id (RFC 9106), through argon2-cffi. Never stored, logged or compared in any other form."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


def hash_password(password: str) -> str:
    """Return the argon2id hash to store, with its parameters and salt."""
    return _hasher().hash(password)


def is_password(stored: str | None, password: str) -> bool:
    """Say whether a password fits a stored hash; takes as long when there is none, so that time tells nobody who exists."""
    try:
        return _hasher().verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(1)
def _hasher() -> PasswordHasher:
    # OWASP's second choice: 19 MiB, 2 passes. Leaves a 512 MB Lambda room for concurrent threads of the local server.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@lru_cache(1)
def _nobody() -> str:
    return hash_password('')
