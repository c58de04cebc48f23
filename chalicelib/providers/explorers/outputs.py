"""What belongs to an address on chains of unspent outputs, and the effect of a transaction on it.

The rules are ours, whatever an explorer's own are (docs/decisions/0018-what-belongs-to-an-address.md):

- An output belongs to the address to which alone its script pays: the hash of a key or script, a witness program, and a bare public
  key, which counts under the address of its hash. Explorers that find no bare keys say so (`counts_p2pk`).
- A bare multisig output belongs to nobody, be it one of one: explorers may list the addresses of all of its keys, but no single one
  of them owns it. Nor do outputs of data, or of scripts that have no address.
- The delta is what a transaction creates for the address less what it spends of it, so a self-send costs its fee.
- The fee is that of the whole transaction if the address spends in it, even if others do too, and zero if it does not. It is unknown
  where an explorer does not tell whether the address spends.
- A transaction in which nothing of the address is created or spent is none of its transactions.
"""

import re
from collections.abc import Sequence

from chalicelib.domain import money
from chalicelib.domain.addresses import scripts
from chalicelib.domain.addresses.bitcoin_like import Network
from chalicelib.domain.chains import Chain
from chalicelib.domain.ledgers import Entry
from chalicelib.providers.explorers.explorer import checked

_BARE_KEY = re.compile('21(0[23][0-9a-f]{64})ac|41(04[0-9a-f]{128})ac')
_MULTISIG = re.compile('(?:5[1-9a-f]|60)(?:21[0-9a-f]{66}|41[0-9a-f]{130})+(?:5[1-9a-f]|60)ae')


def netted(
    chain: Chain, txid: str, received: Sequence[int], spent: Sequence[int], *, fee: int, at: int, height: int, may_be_idle: bool = False
) -> Entry:
    """Return the entry of a confirmed transaction, given the values of the address's outputs that it creates and spends.

    Raises ValueError if this cannot be a transaction of the chain or, unless it `may_be_idle`, of the address.
    """
    if not (received or spent or may_be_idle):
        raise ValueError('not a transaction of the address')
    if min((0, *received, *spent, fee if spent else 0)) < 0:
        raise ValueError('less than nothing')
    entry = Entry(
        reference=txid,
        n=0,
        currency=chain.currency,
        delta=chain.amount(sum(received) - sum(spent)),
        fee=chain.amount(fee) if spent else money.ZERO,
        at=at,
        height=height,
    )
    return checked(entry, chain)


def is_multisig(script: object) -> bool:
    """Whether a script, in hexadecimal, is bare multisig.

    >>> is_multisig('51' + '21' + '02' * 33 + '51ae')
    True
    >>> is_multisig('76a914' + '00' * 20 + '88ac')
    False
    """
    return isinstance(script, str) and _MULTISIG.fullmatch(script) is not None


def owner_of_bare_key(network: Network, script: object) -> str | None:
    """Return the address to which an output to a bare public key belongs, given its script in hexadecimal; None of any other script.

    >>> owner_of_bare_key(Network(0x00, 0x05, 'bc'), '76a914' + '00' * 20 + '88ac') is None
    True
    """
    bare = _BARE_KEY.fullmatch(script) if isinstance(script, str) else None
    return None if bare is None else scripts.address_of_key_hash(network, bytes.fromhex(bare[1] or bare[2]))
