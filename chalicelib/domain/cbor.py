"""CBOR (RFC 8949) as authenticators write it. Pure."""

_ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}  # by the five low bits of a head; what is below is the argument itself
_BYTES, _TEXT, _TAG = 2, 3, 6  # by the three high bits


def is_plain(encoded: bytes) -> bool:
    """Return whether no head in some CBOR is a tag or leaves its length open, as CTAP2's canonical form has it (section 8).

    A tag may refer to a value that came before (28 and 29), so that a hundred bytes stand for billions of values, which a decoder keeps as
    one and an encoder writes out. Heads follow each other whatever contains them, so nothing is decoded here.

    is_plain(bytes.fromhex('a10102'))   # {1: 2}
    not is_plain(bytes.fromhex('82d81c80d81d00'))   # a list of a list and a reference to that
    """
    at = 0
    while at < len(encoded):
        kind, low = encoded[at] >> 5, encoded[at] & 31
        if kind == _TAG or low > max(_ARGUMENT_BYTES):
            return False
        size = _ARGUMENT_BYTES.get(low, 0)
        argument = int.from_bytes(encoded[at + 1 : at + 1 + size], 'big') if size else low
        at += 1 + size + (argument if kind in (_BYTES, _TEXT) else 0)
    return True
