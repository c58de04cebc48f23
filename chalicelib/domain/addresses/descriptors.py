"""What a wallet program exports: an extended public key with or without its origin, or an output descriptor (BIP-380 to 386, 389).

wpkh([d34db33f/84h/0h/0h]xpub…/<0;1>/*)#checksum    wsh(sortedmulti(2,xpub…/<0;1>/*,xpub…/<0;1>/*))    [d34db33f/84h/0h/0h]xpub…

Origins and checksums are read and dropped. No error quotes the text, which is as secret as the keys in it.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from chalicelib.domain.addresses import derivation, extended_keys, private_keys, scripts
from chalicelib.domain.addresses.derivation import BRANCHES, DerivedKey, HdWallet, Steps
from chalicelib.domain.addresses.errors import CHECKSUM, DESCRIPTOR, HARDENED_STEP, MALFORMED, PRIVATE, TOO_BROAD, BadAddress
from chalicelib.domain.addresses.extended_keys import HARDENED, ExtendedKey, Format
from chalicelib.domain.addresses.scripts import Script

MAX_LENGTH = 4_000  # what the vault takes; twenty keys with their origins
_DEEPEST = 255  # of a key: BIP-32 has one byte for it
_MOST_BRANCHES = _MOST_STEPS = 8  # of a key; each step takes as long as an address does, those after a tuple once for each branch
_READINGS = 3  # of one text of a form: for either chain that has such keys, and for the one that it is of
_WORK_OF_KEY = 4  # to decode it as often
_CHARACTERS_OF_STEP = 15  # which are looked through in the time of a step
_SHAPE = re.compile(r'\w{1,20}\(.*|\[[0-9a-fA-F]{8}[/\]].*|\w{50,120}[/#].*', re.DOTALL)
_CHECKSUM = re.compile('(.*)#([a-z0-9]*)', re.DOTALL)
_ONE_KEY = {'pkh(': Script.P2PKH, 'wpkh(': Script.P2WPKH, 'sh(wpkh(': Script.P2WPKH_IN_P2SH, 'tr(': Script.P2TR}
_SEVERAL_KEYS = {'sh(wsh(': Script.P2WSH_IN_P2SH, 'wsh(': Script.P2WSH, 'sh(': Script.P2SH}
_MOST_KEYS = {Script.P2SH: 15, Script.P2WSH_IN_P2SH: 20, Script.P2WSH: 20}
_MULTI = re.compile(r'(sorted)?multi\((\d{1,2}),(.+)\)')
_ORIGIN = r'(?:\[[0-9a-fA-F]{8}(?:/\d{1,10}[h\'H]?)*\])?'
_STEP = r'\d{1,10}|<\d{1,10}(?:;\d{1,10})+>'
_TUPLE = re.compile('<[0-9;]+>')
_IN_BRACKETS = re.compile(r'\[[^\[\]]*\]')
_KEY = re.compile(rf'{_ORIGIN}(?P<key>[0-9A-Za-z]+)(?P<steps>(?:/(?:{_STEP}))*)(?P<ranged>/\*)?')
_HARDENED_STEP = re.compile(r"/(?:\d+|\*|<[\d;hH']*>)[h'H]|<[\d;]*[h'H]")
_COMPRESSED = re.compile('0[23][0-9a-f]{64}', re.IGNORECASE)
_X_ONLY = re.compile('[0-9a-f]{64}', re.IGNORECASE)


class _Expression(NamedTuple):
    """A key as a descriptor gives it: embit's `node`, and the steps below it, a tuple of which may tell branches apart (BIP-389).

    `extended` is None of a single public key. Nothing is derived before `derive`.
    """

    text: str
    node: Any
    steps: tuple[Steps, ...] = ()
    is_ranged: bool = False
    extended: ExtendedKey | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is an extended key alone, which does not say where addresses are."""
        return self.extended is not None and not self.is_ranged and not self.steps

    @property
    def is_too_broad(self) -> bool:
        return len(self.steps) > _MOST_STEPS or any(len(step) > _MOST_BRANCHES for step in self.steps)

    def derive(self) -> DerivedKey:
        """Return the key below the steps before the tuple, with the steps of each branch."""
        first_tuple = next((place for place, step in enumerate(self.steps) if len(step) > 1), len(self.steps))
        shared = [step for (step,) in self.steps[:first_tuple]]
        node = self.node.derive(shared) if shared else self.node
        return DerivedKey(node, _branches(self.steps[first_tuple:]), self.is_ranged)


class _Parsed(NamedTuple):
    """A descriptor or key in pieces: how its function begins, None for a key alone; how it ends; the kind of script; the keys."""

    opening: str | None
    closing: str
    kind: Script
    keys: tuple[_Expression, ...]
    threshold: int | None = None

    @property
    def is_sorted(self) -> bool:
        return self.opening is not None and 'sorted' in self.opening

    @property
    def is_of_addresses(self) -> bool:
        """Whether it stands for one address, as none of its keys has children."""
        return self.opening is not None and not any(one.is_ranged for one in self.keys)

    def written(self, names: Sequence[str]) -> str:
        return (self.opening or '') + ','.join(names) + self.closing


def has_shape(text: str) -> bool:
    """Whether a string looks like an extended public key or a descriptor, and like an address of no chain."""
    return extended_keys.has_shape(text) or _SHAPE.fullmatch(text) is not None


def require_public(text: str) -> None:
    """Raise BadAddress if anything in a text has the shape of a private key."""
    if private_keys.are_in(text):
        raise BadAddress(PRIVATE)


def work(text: str) -> int:
    """Return how much work a text of whatever form may be, if it is a key or descriptor: about so many steps of a derivation.

    It is told from how the text is written, before anything is decoded or derived.

    >>> work('xpub…'), work('wpkh([73c5da0a/84h/0h/0h]xpub…/<0;1>/*)'), work('wsh(multi(1,xpub…/0/*,xpub…/0/*))')
    (6, 10, 20)
    """
    keys = _IN_BRACKETS.sub('', text).split(',', max(_MOST_KEYS.values()))
    return sum(_WORK_OF_KEY + _work_of_steps(key) for key in keys) + min(len(text), 2 * MAX_LENGTH) // _CHARACTERS_OF_STEP


def _work_of_steps(key: str) -> int:
    """Return how many steps are derived for a key at most: with more, it is refused before. A single address is derived at each reading."""
    steps = min(key.count('/'), _MOST_STEPS + 1) * min(key.count(';') + 1, _MOST_BRANCHES)
    return max(steps if '*' in key else _READINGS * steps, len(BRANCHES))


class Breadth(NamedTuple):
    """How many addresses an HD wallet has at most for one more on each branch, of every kind of script, and the keys of each."""

    addresses: int
    keys: int


def breadth(key_format: Format, text: str) -> Breadth:
    """Return the breadth of an HD wallet. It is told from how the text is written, in its canonical form or as it is shown.

    >>> texts = 'zpub…', 'wpkh(zpub…/0/*)', 'wsh(multi(1,xpub…/<0;1>/*,xpub…/<0;1>/*))'
    >>> [tuple(breadth(extended_keys.BITCOIN, text)) for text in texts]
    [(8, 1), (4, 1), (2, 2)]
    """
    without_tuple = 1 if '*' in text else len(BRANCHES)
    branches = max((steps.count(';') + 1 for steps in _TUPLE.findall(text)), default=without_tuple)
    keys = text.count(',')  # of several there is a comma before each
    return Breadth(branches, keys) if keys else Breadth(branches * len(key_format.scripts), 1)


def normalise(key_format: Format, text: str) -> str:
    """Return a key or descriptor without origins and checksum, or the address if it stands for a single one. Raises BadAddress."""
    parsed = _parse(key_format, text)
    if any(one.is_too_broad for one in parsed.keys):
        raise BadAddress(TOO_BROAD)  # before anything is derived; here alone, as what was stored before stays readable
    if parsed.opening is None:
        for one in parsed.keys:
            if one.extended is not None and one.is_plain:
                one.extended.require_addresses()
    if not parsed.is_of_addresses:
        return parsed.written([one.text for one in parsed.keys])
    if parsed.threshold is None:
        return scripts.address_of_key(key_format.network, parsed.kind, parsed.keys[0].derive().node)
    keys = tuple(one.derive() for one in parsed.keys)
    several = derivation.of_keys(key_format.network, parsed.kind, keys, parsed.threshold, is_sorted=parsed.is_sorted)
    return several.branches[0].address(0)


@lru_cache(maxsize=8)
def parse(key_format: Format, text: str) -> HdWallet:
    """Return the HD wallet that a normalised key or descriptor stands for. Raises BadAddress."""
    parsed = _parse(key_format, text)
    shown = parsed.written([_shorten(one) for one in parsed.keys])
    if parsed.threshold is not None:
        keys = tuple(one.derive() for one in parsed.keys)
        several = derivation.of_keys(key_format.network, parsed.kind, keys, parsed.threshold, is_sorted=parsed.is_sorted)
        identities = [key.identity for key in keys]
        in_order = sorted(identities) if parsed.is_sorted else identities
        order = 'sorted' if parsed.is_sorted else 'in order'
        return HdWallet(f'{parsed.kind.value} {parsed.threshold} {order} {" ".join(in_order)}', shown, (several,))
    [one] = parsed.keys
    key = _branched(one)
    kinds = derivation.of_key(key_format.network, list(dict.fromkeys((parsed.kind, *key_format.scripts))), key)
    is_account = key.steps == BRANCHES
    return HdWallet(
        key.identity,
        shown,
        kinds,
        needs_account_key=one.is_plain and one.extended is not None and one.extended.is_of_master,
        spellings=tuple(extended_keys.spellings(key_format, key.node)) if is_account else (),
    )


def _branched(one: _Expression) -> DerivedKey:
    """Return the key of an HD wallet with its branches, which a key alone has by its level."""
    if not one.is_plain or one.extended is None:
        key = one.derive()
        return key._replace(steps=tuple(sorted(key.steps)))
    return DerivedKey(one.node, () if one.extended.is_of_chain else BRANCHES)


def _shorten(one: _Expression) -> str:
    text, slash, steps = one.text.partition('/')
    return text if one.extended is None else f'{text[:12]}…{text[-8:]}{slash}{steps}'


def _parse(key_format: Format, text: str) -> _Parsed:
    require_public(text)
    if len(text) > MAX_LENGTH:
        raise BadAddress(DESCRIPTOR)
    expression = _without_checksum(text)
    if _HARDENED_STEP.search(_IN_BRACKETS.sub('', expression)):
        raise BadAddress(HARDENED_STEP)
    if '(' not in expression:
        return _of_key_alone(key_format, expression)
    for opening, kind in (_ONE_KEY | _SEVERAL_KEYS).items():
        closing = ')' * opening.count('(')
        if expression.startswith(opening) and expression.endswith(closing):
            read = _of_one_key if opening in _ONE_KEY else _of_several_keys
            return read(key_format, kind, expression[len(opening) : -len(closing)], opening, closing)
    raise BadAddress(DESCRIPTOR)


def _without_checksum(text: str) -> str:
    """Return a descriptor without its checksum, which may be absent: BIP-380 lets everybody choose whether to demand it."""
    match = _CHECKSUM.fullmatch(text)
    if match is None:
        return text
    from embit.base import EmbitError
    from embit.descriptor.checksum import checksum

    try:
        is_right = checksum(match[1]) == match[2]
    except EmbitError:
        is_right = False
    if not is_right:
        raise BadAddress(CHECKSUM)
    return match[1]


def _of_one_key(key_format: Format, kind: Script, text: str, opening: str, closing: str) -> _Parsed:
    expression = _parse_key(key_format, text, allows_x_only=kind is Script.P2TR)
    if kind is Script.P2TR and kind not in key_format.scripts:
        raise BadAddress(DESCRIPTOR)
    return _Parsed(opening, closing, kind, (expression,))


def _of_several_keys(key_format: Format, kind: Script, text: str, opening: str, closing: str) -> _Parsed:
    inner = _MULTI.fullmatch(text)
    if inner is None:
        raise BadAddress(DESCRIPTOR)
    threshold, texts = int(inner[2]), inner[3].split(',')
    if not 1 <= threshold <= len(texts) <= _MOST_KEYS[kind]:
        raise BadAddress(DESCRIPTOR)
    keys = tuple(_parse_key(key_format, text) for text in texts)
    if len({len(step) for one in keys for step in one.steps if len(step) > 1}) > 1:
        raise BadAddress(DESCRIPTOR)
    function = f'{inner[1] or ""}multi({threshold},'
    return _Parsed(f'{opening}{function}', f'){closing}', kind, keys, threshold)


def _of_key_alone(key_format: Format, text: str) -> _Parsed:
    expression = _parse_key(key_format, text)
    if expression.extended is None or not (expression.is_plain or expression.is_ranged):
        raise BadAddress(MALFORMED)
    return _Parsed(None, '', expression.extended.script or key_format.scripts[0], (expression,))


def _parse_key(key_format: Format, text: str, *, allows_x_only: bool = False) -> _Expression:
    match = _KEY.fullmatch(text)
    if match is None:
        raise BadAddress(MALFORMED)
    written = text[match.start('key') :]
    steps = tuple(tuple(map(int, step.strip('<>').split(';'))) for step in match['steps'].split('/')[1:])
    ranged = match['ranged'] is not None
    if any(number >= HARDENED for step in steps for number in step):
        raise BadAddress(HARDENED_STEP)
    if _COMPRESSED.fullmatch(match['key']) or (allows_x_only and _X_ONLY.fullmatch(match['key'])):
        if steps or ranged:
            raise BadAddress(MALFORMED)
        return _Expression(written, _public_key(match['key']))
    extended = extended_keys.parse(key_format, match['key'])
    if extended.key.depth + len(steps) + ranged > _DEEPEST:
        raise BadAddress(MALFORMED)
    tuples = [step for step in steps if len(step) > 1]
    if len(tuples) > 1 or any(not ranged or len(set(step)) < len(step) for step in tuples):
        raise BadAddress(DESCRIPTOR)
    return _Expression(written, extended.key, steps, ranged, extended)


def _branches(steps: Sequence[Steps]) -> tuple[Steps, ...]:
    """Return the steps of each branch, given the tuple that tells the branches apart and the single steps after it."""
    if not steps:
        return ()
    tuple_, *rest = steps
    return tuple((step, *(one for (one,) in rest)) for step in tuple_)


def _public_key(text: str) -> Any:
    """Return a single public key of embit's from its 32 or 33 bytes in hexadecimal. Raises BadAddress."""
    from embit.base import EmbitError
    from embit.ec import PublicKey

    try:
        key = PublicKey.parse(bytes.fromhex(text if len(text) > 64 else f'02{text}'))
    except EmbitError:
        key = None
    if key is None:
        raise BadAddress(MALFORMED)
    return key
