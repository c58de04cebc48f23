"""Base58 and Base58Check without errors: a codec's error would quote the text, which may be a key."""

# embit is imported inside the functions, here and beside: this file costs every cold start, embit only those that need it.


def decode(text: str) -> bytes:
    """Return the bytes that a Base58 text stands for, none for any other text."""
    from embit import base58

    try:
        decoded: bytes = base58.decode(text)
    except ValueError:
        decoded = b''
    return decoded


def decode_check(text: str) -> bytes:
    """Return the payload of a Base58Check text without its checksum, nothing for any other text."""
    from embit import base58

    try:
        payload: bytes = base58.decode_check(text)
    except ValueError:
        payload = b''
    return payload


def encode_check(payload: bytes) -> str:
    """Return `payload` and its checksum in Base58."""
    from embit import base58

    encoded: str = base58.encode_check(payload)
    return encoded
