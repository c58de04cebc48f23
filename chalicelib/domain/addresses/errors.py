"""Why an address is refused: the one exception, and every sentence that it can carry. None of them has room for the text."""

NOT_SUPPORTED = 'Addresses of this currency cannot be followed'
PRIVATE = 'This is a private key: never share it, give the address instead'
EXTENDED = 'Extended public keys are not supported: give single addresses instead'
MIXED_CASE = 'Upper and lower case are mixed: copy the address as the wallet shows it'
OTHER_NETWORK = 'This address belongs to another currency or to a test network'
MALFORMED = 'This is not a valid address: copy it again, a character may be wrong or missing'
SHARED = 'The tag or memo marks one customer of a shared account, which cannot be followed: give the address alone if all of it is yours'
OTHER_KIND = 'This is not the address of an account: give the one that payments are sent to'
STAKE = 'This is a stake address: give the payment addresses instead, which begin with addr1'
ONLY_EVM = 'Only addresses that begin with 0x can be followed here'
CONTRACT_CALL = 'This asks to call a contract: give the address of the account alone'
OLD_SCRIPT = 'This address may be one of Bitcoin: give the form that begins with M, which Litecoin explorers show'
MWEB = 'What MWEB addresses hold is hidden, so they cannot be followed'
MULTISIG = 'This is one of several keys of a shared wallet, whose addresses do not follow from it alone'


class BadAddress(ValueError):
    """The text cannot be an address of the currency; `reason` is a sentence to act on that never quotes the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
