"""Why an address is refused: the exception, and every sentence that it can carry. None of them quotes the input."""

from chalicelib.texts import translatable

PRIVATE = translatable('This is a private key: never share it, enter the address instead')
EXTENDED = translatable('Extended public keys are not supported for this currency: enter single addresses instead')
MIXED_CASE = translatable('Upper and lower case are mixed: copy the address exactly as the wallet shows it')
OTHER_NETWORK = translatable('This address belongs to another currency or to a test network')
MALFORMED = translatable('This is not a valid address: copy it again, a character may be wrong or missing')
SHARED = translatable('The tag or memo identifies one customer of a shared account: enter the address alone, if the whole account is yours')
OTHER_KIND = translatable('This is not the address of an account: enter the one that receives payments')
STAKE = translatable('This is a stake address: enter the payment addresses instead, which begin with addr1')
ONLY_EVM = translatable('Only addresses that begin with 0x can be followed here')
CONTRACT_CALL = translatable('This is a contract call: enter the address of the account alone')
OLD_SCRIPT = translatable('This may be a Bitcoin address: enter the form that begins with M, which Litecoin explorers show')
MWEB = translatable('MWEB addresses cannot be followed, because their balances are hidden')
MULTISIG = translatable('This is one of several keys of a multisig wallet: enter its output descriptor, which has all of them, instead')
ACCOUNT_KEY = translatable(
    'No address can be derived from a key of this level: export the key of the account instead, such as that of m/84h/0h/0h'
)
CHECKSUM = translatable('The checksum of this descriptor is wrong: copy it again, a character may be wrong or missing')
HARDENED_STEP = translatable(
    'Nothing can be derived from a public key in hardened steps: export the descriptor with the key of the account instead'
)
DESCRIPTOR = translatable(
    'Only descriptors with pkh, wpkh, sh(wpkh) or tr of one key, or with multi or sortedmulti in sh or wsh, can be followed'
)
TOO_BROAD = translatable('Only descriptors with up to eight branches, of up to eight steps each, can be followed')


class BadAddress(ValueError):
    """An address was refused; `reason` is a sentence that tells the user what to do and never quotes the input."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
