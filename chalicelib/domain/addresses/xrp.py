"""Addresses of the XRP Ledger: classic addresses, and X-addresses, whose canonical form is the classic address.

https://xrpl.org/docs/references/protocol/data-types/base58-encodings and
https://github.com/XRPLF/XRPL-Standards/discussions/56 (X-addresses, XLS-5). Refuses destination tags.
"""

from chalicelib.domain.addresses import base58, private_keys
from chalicelib.domain.addresses.errors import MALFORMED, OTHER_NETWORK, SHARED, BadAddress
from chalicelib.domain.addresses.uris import PaymentRequest

PRIVATE_KEYS = '|'.join(
    (
        f's{private_keys.BASE58}{{27,30}}|p{private_keys.BASE58}{{50,51}}',  # seeds, account and node keys
        r'(?:\d{6}\s+){7}\d{6}',  # secret numbers
    )
)
_BITCOIN_ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
_XRP_ALPHABET = 'rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz'
_TO_BITCOIN = str.maketrans(_XRP_ALPHABET, _BITCOIN_ALPHABET)
_TO_XRP = str.maketrans(_BITCOIN_ALPHABET, _XRP_ALPHABET)

_ACCOUNT = b'\x00'
_X, _X_TEST = b'\x05\x44', b'\x04\x93'
_ID_BYTES = 20
_NO_TAG, _TAG = b'\x00', b'\x01'


def normalise(request: PaymentRequest) -> str:
    """Return the classic address. Raises BadAddress, also if there is a destination tag: a ledger covers the whole account."""
    payload = base58.decode_check(request.address.translate(_TO_BITCOIN))
    if len(payload) == 1 + _ID_BYTES and payload.startswith(_ACCOUNT):
        account = payload[1:]
    elif len(payload) == len(_X) + _ID_BYTES + 9 and payload.startswith(_X):
        account = _parse_x_address(payload[len(_X) :])
    elif payload.startswith(_X_TEST) or base58.decode_check(request.address):
        raise BadAddress(OTHER_NETWORK)
    else:
        raise BadAddress(MALFORMED)
    if 'dt' in request.query:
        raise BadAddress(SHARED)
    return base58.encode_check(_ACCOUNT + account).translate(_TO_XRP)


def _parse_x_address(payload: bytes) -> bytes:
    """Return the account id. The payload consists of the id, a flag, and eight bytes, the first four of them for a tag."""
    flag, tag, unused = payload[_ID_BYTES : _ID_BYTES + 1], payload[_ID_BYTES + 1 : _ID_BYTES + 5], payload[_ID_BYTES + 5 :]
    if any(unused) or flag not in (_NO_TAG, _TAG) or (flag == _NO_TAG and any(tag)):
        raise BadAddress(MALFORMED)
    if flag == _TAG:
        raise BadAddress(SHARED)
    return payload[:_ID_BYTES]
