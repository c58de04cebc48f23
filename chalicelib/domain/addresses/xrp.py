"""Addresses of the XRP Ledger: classic ones, and X-addresses, which become classic ones.

https://xrpl.org/docs/references/protocol/data-types/base58-encodings and
https://github.com/XRPLF/XRPL-Standards/discussions/56 (X-addresses, XLS-5). Refuses destination tags.
"""

from chalicelib.domain.addresses import base58
from chalicelib.domain.addresses.errors import MALFORMED, OTHER_NETWORK, SHARED, BadAddress
from chalicelib.domain.addresses.uris import Given

_BITCOINS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
_OWN = 'rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz'
_TO_BITCOINS, _TO_OWN = str.maketrans(_OWN, _BITCOINS), str.maketrans(_BITCOINS, _OWN)

_ACCOUNT = b'\x00'
_X, _X_TEST = b'\x05\x44', b'\x04\x93'
_ID = 20
_NO_TAG, _TAG = b'\x00', b'\x01'


def normalise(given: Given) -> str:
    """Return the classic address. Raises BadAddress, also for one with a destination tag: the ledger is the whole account's."""
    payload = base58.decode_check(given.address.translate(_TO_BITCOINS))
    if len(payload) == 1 + _ID and payload.startswith(_ACCOUNT):
        account = payload[1:]
    elif len(payload) == len(_X) + _ID + 9 and payload.startswith(_X):
        account = _untagged(payload[len(_X) :])
    elif payload.startswith(_X_TEST) or base58.decode_check(given.address):
        raise BadAddress(OTHER_NETWORK)
    else:
        raise BadAddress(MALFORMED)
    if 'dt' in given.query:
        raise BadAddress(SHARED)
    return base58.encode_check(_ACCOUNT + account).translate(_TO_OWN)


def _untagged(payload: bytes) -> bytes:
    """Return the account of an X-address: its id, a flag, and eight bytes of which a tag takes the first four."""
    flag, tag, unused = payload[_ID : _ID + 1], payload[_ID + 1 : _ID + 5], payload[_ID + 5 :]
    if any(unused) or flag not in (_NO_TAG, _TAG) or (flag == _NO_TAG and any(tag)):
        raise BadAddress(MALFORMED)
    if flag == _TAG:
        raise BadAddress(SHARED)
    return payload[:_ID]
