"""Base58 and Base58Check without exceptions: those of a codec would quote the input, which may be a key.

embit is imported inside the functions, in all of this package: only Lambda instances that handle an address load it.
"""


def decode(text: str) -> bytes:
    """Return the decoded bytes, empty if `text` is not Base58."""
    from embit import base58

    try:
        decoded: bytes = base58.decode(text)
    except ValueError:
        decoded = b''
    return decoded


def encode(payload: bytes) -> str:
    """Return `payload` in Base58, without a checksum."""
    from embit import base58

    encoded: str = base58.encode(payload)
    return encoded


def decode_check(text: str) -> bytes:
    """Return the decoded bytes without the checksum, empty if `text` is not Base58 or the checksum is wrong."""
    from embit import base58

    try:
        payload: bytes = base58.decode_check(text)
    except ValueError:
        payload = b''
    return payload


def encode_check(payload: bytes) -> str:
    """Return `payload` with its checksum in Base58."""
    from embit import base58

    encoded: str = base58.encode_check(payload)
    return encoded
