"""Items found by a token that the table does not have, with what is personal in them encrypted with that token.

The table alone does not say whose they are, so a user who has left leaves nothing of theirs in them, though nobody finds them until they
expire. Tokens are 32 random bytes, so a key made of one cannot be guessed.
"""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType

from pynamodb.attributes import UnicodeAttribute

from chalicelib.models.item import Item

Private = Mapping[str, str | None]


class SealedItem(Item):
    """The common part of such items: `sealed` is the encrypted JSON of `private`, which is there once the item was sealed or unsealed."""

    sealed = UnicodeAttribute(null=True)

    private: Private = MappingProxyType({})

    def seal(self, token: str, private: Private) -> None:
        """Encrypt what is personal with the token of this item; each item is sealed once."""
        self.private = private
        self.sealed = apply_key_stream(json.dumps(dict(private)).encode(), self.pk, token).hex()

    def unseal(self, token: str) -> None:
        """Decrypt what is personal with the token of this item; nothing is in one that was stored before there was `sealed`."""
        sealed: str | None = self.sealed
        self.private = json.loads(apply_key_stream(bytes.fromhex(sealed), self.pk, token)) if sealed else {}


def apply_key_stream(text: bytes, *key: str) -> bytes:
    """Encrypt or decrypt with a key stream that is used for one text only (a one-time pad)."""
    stream = hashlib.shake_256('\n'.join(key).encode()).digest(len(text))
    return bytes(one ^ other for one, other in zip(text, stream, strict=True))
