"""What identifies a token on its chain, in the one spelling that the catalogue has. Pure."""

from chalicelib.domain.chains import CHAINS


def canonical(chain: str, text: str) -> str:
    """Return what identifies a token on the chain of a coin: a contract with its checksum, a mint. Raises BadAddress.

    >>> canonical('eth', '0xdac17f958d2ee523a2206206994597c13d831ec7')
    '0xdAC17F958D2ee523a2206206994597C13D831ec7'
    """
    return CHAINS[chain].normalise(text.lower() if CHAINS[chain].evm_id else text)
