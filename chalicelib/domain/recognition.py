"""What a refused text is, if it is no address of its currency: a name, another chain's address, an invoice. Pure.

The chains themselves are asked which of them take an address, so that this knows about every new one.
"""

import re
from collections.abc import Iterator

from chalicelib.domain import currencies
from chalicelib.domain.addresses import base58, bech32, descriptors, errors, private_keys, uris
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from chalicelib.texts import translatable, with_values

_LONGEST = 2_000  # as long as invoices are
_GENERAL = {errors.MALFORMED, errors.OTHER_NETWORK, errors.ONLY_EVM}  # sentences that a better one may take the place of
_TELLING = {errors.SHARED, errors.STAKE, errors.MWEB, errors.CONTRACT_CALL}  # with which a chain says what a text of its own is

_WORD = r'[^\s.@*$:/?#]+'
_DOTTED = rf'{_WORD}(?:\.{_WORD})*\.'
_UNSTOPPABLE = 'crypto|nft|x|wallet|bitcoin|dao|888|zil|blockchain|polygon|unstoppable|klever|hi|kresus|anime|manga|go|pudgy'
_NAMES = tuple(
    (re.compile(pattern, re.IGNORECASE), what)
    for pattern, what in (
        (rf'{_DOTTED}eth', translatable('an ENS name')),
        (rf'{_DOTTED}sol', translatable('a Solana name')),
        (rf'{_DOTTED}(?:{_UNSTOPPABLE})', translatable('a name of Unstoppable Domains')),
        (rf'{_WORD}(?:\.{_WORD})*\*{_DOTTED}[a-z]{{2,15}}', translatable('a Stellar federation address')),
        (rf'{_WORD}(?:\.{_WORD})*\${_DOTTED}[a-z]{{2,15}}', translatable('a PayString')),
        (rf'{_WORD}(?:\.{_WORD})*@{_DOTTED}[a-z]{{2,15}}', translatable('an email or Lightning address')),
        (rf'\$[a-z0-9_.-]{{1,15}}(?:@{_WORD})?', translatable('an ADA Handle')),
        (rf'{_DOTTED}[a-z]{{2,15}}', translatable('a name')),
    )
)
# All of it is looked at first, since each 1 may be the separator, and the end would be searched for from each.
_LIGHTNING = re.compile(r'(?:lightning:)?(?=[0-9a-z]+\Z)ln(?:bc|tbs?|bcrt|url|[ori])[0-9a-z]*1[0-9a-z]{20,}', re.IGNORECASE)
_PUBLIC_KEY = re.compile(r'(?:0x)?(?:0[23][0-9a-f]{64}|04[0-9a-f]{128})', re.IGNORECASE)
_HASH = re.compile(rf'(?:0x)?[0-9a-f]{{64}}|{private_keys.BASE58}{{86,88}}', re.IGNORECASE)  # Solana's have the form of its secret keys
_WEB_PAGE = re.compile(r'https?://.*', re.IGNORECASE | re.DOTALL)
_URI = re.compile(r'[a-z][a-z0-9+.-]+:.+', re.IGNORECASE | re.DOTALL)

_TEST_PREFIXES = {'tb', 'bcrt', 'tltc', 'rltc', 'addr_test', 'stake_test', 'fuji'}
_TEST_VERSIONS = {0x6F, 0xC4, 0x71, 0x8C, 0x13}  # Bitcoin and most of its descendants; Dogecoin; Dash
_TEST_CASH = re.compile(r'bch(?:test|reg):.+', re.IGNORECASE)
_PAYLOAD_BYTES = 21

NOT_LOOKED_UP = translatable('names are not looked up, enter the address that it stands for')
LIGHTNING = translatable('This is a Lightning invoice: Lightning payments cannot be followed, enter an address of the chain')
HASH = translatable('This is the hash of a transaction, or a private key, which nobody else must ever see: enter the address instead')
PUBLIC_KEY = translatable('This is a public key: enter the address instead')
WEB_PAGE = translatable('This is the address of a web page: enter the address that the page shows')
UNKNOWN_URI = translatable('This is a payment request in a currency that is not supported')
TEST_NETWORK = translatable('This is an address of a test network, whose coins are worth nothing: enter one of the main network')


def reason(text: str, currency: str, refused: BadAddress) -> str:
    """Return why `text` was refused as an address of a currency: what it is and what to do, or what `refused` says.

    >>> reason('vitalik.eth', 'eth', BadAddress(errors.MALFORMED))
    'This is an ENS name: names are not looked up, enter the address that it stands for'
    >>> reason('bitcoin:1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu', 'doge', BadAddress(errors.OTHER_NETWORK))
    'This is a Bitcoin address: add it with the currency btc'
    """
    if refused.reason == errors.PRIVATE and _HASH.fullmatch(text):
        return HASH
    if refused.reason not in _GENERAL or len(text) > _LONGEST:
        return refused.reason
    schemes = tuple(scheme for chain in CHAINS.values() for scheme in chain.schemes)
    inner = uris.parse(text, schemes).address
    if descriptors.has_shape(inner):
        return refused.reason
    return _by_form(text, inner) or _of_other_chain(text, currency) or _of_no_chain(text, inner) or refused.reason


def chains_of(text: str) -> list[str]:
    """Return the codes of the chains that take a text for an address of theirs. Raises BadAddress, if none does, that says what it is.

    >>> chains_of('1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu')
    ['btc', 'bch']
    """
    answers = dict(_answers_of_chains(text, ''))
    codes = [code for code, answer in answers.items() if answer is None]
    if not codes:
        refusals = [answer for answer in answers.values() if answer is not None]
        refused = errors.PRIVATE if errors.PRIVATE in refusals else refusals[0]
        raise BadAddress(reason(text, '', BadAddress(refused)))
    return codes


def require_no_secret(text: str) -> None:
    """Raise BadAddress if a text has, or by itself is, what may be a private key."""
    descriptors.require_public(text)
    if _HASH.fullmatch(text):
        raise BadAddress(HASH)


def _by_form(text: str, inner: str) -> str | None:
    """Return what a text is that its letters alone give away; `inner` is the text without the scheme of a payment request."""
    if _WEB_PAGE.fullmatch(text):
        return WEB_PAGE
    if _LIGHTNING.fullmatch(text):
        return LIGHTNING
    if _PUBLIC_KEY.fullmatch(text):
        return PUBLIC_KEY
    kind = next((what for pattern, what in _NAMES if pattern.fullmatch(inner)), None)
    return translatable('This is {kind}: {hint}', kind=kind, hint=NOT_LOOKED_UP) if kind else None


def _of_other_chain(text: str, currency: str) -> str | None:
    """Return whose address a text is, or what another chain says that it is."""
    homes, hints = [], []
    for code, answer in _answers_of_chains(text, currency):
        if answer is None:
            homes.append(code)
        elif answer in _TELLING:
            hints.append(answer)
    if not homes:
        return hints[0] if hints else None
    title = currencies.get(homes[0]).title
    what = translatable('an {title} address', title=title) if title[0] in 'AEIOUX' else translatable('a {title} address', title=title)
    if not homes[1:]:
        return translatable('This is {what}: add it with the currency {code}', what=what, code=homes[0])
    text = translatable('This is {what}: add it with the currency {code}, or with {others} if its coins are there')
    return with_values(text, what=what, code=homes[0], others=_listed(homes[1:]))


def _answers_of_chains(text: str, currency: str) -> Iterator[tuple[str, str | None]]:
    """Yield of every other chain whether it takes an address: None, or why not."""
    for code, chain in CHAINS.items():
        if code != currency:
            try:
                chain.normalise(text)
            except BadAddress as error:
                yield code, error.reason
            else:
                yield code, None


def _of_no_chain(text: str, inner: str) -> str | None:
    """Return what an address is that no chain here takes."""
    decoded = bech32.decode(inner) if inner.isascii() else None
    payload = base58.decode_check(inner)
    is_short = len(payload) == _PAYLOAD_BYTES
    if _TEST_CASH.fullmatch(text) or (decoded and decoded.prefix in _TEST_PREFIXES) or (is_short and payload[0] in _TEST_VERSIONS):
        return TEST_NETWORK
    if decoded or payload:
        return errors.OTHER_NETWORK
    return UNKNOWN_URI if inner == text and _URI.fullmatch(text) else None


def _listed(codes: list[str]) -> str:
    *others, last = codes
    return translatable('{others} or {last}', others=', '.join(others), last=last) if others else last
