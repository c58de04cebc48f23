"""Password hashing with argon2id (RFC 9106). Passwords are never stored, logged or compared in any other form.

argon2 is imported where it is used: requests of the API should not pay for it.
"""

import os
from functools import lru_cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# Each hash takes 19 MiB and all of a processor, so that more at once are no sooner done.
_PROCESSORS = BoundedSemaphore(os.cpu_count() or 1)


def hash_password(password: str) -> str:
    """Return the argon2id hash to store, including its parameters and salt."""
    with _PROCESSORS:
        return _hasher().hash(password)


def verify_password(stored_hash: str | None, password: str) -> bool:
    """Return whether a password matches a stored hash.

    None as the hash never matches, but takes as long, so that timing does not reveal which users exist.
    """
    from argon2.exceptions import InvalidHashError, VerificationError

    compared = stored_hash or _dummy_hash()
    try:
        with _PROCESSORS:
            return _hasher().verify(compared, password) and stored_hash is not None
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(1)
def _hasher() -> 'PasswordHasher':
    from argon2 import PasswordHasher

    # OWASP's second recommendation: 19 MiB, 2 passes.
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@lru_cache(1)
def _dummy_hash() -> str:
    return hash_password('')
