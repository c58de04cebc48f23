"""Addresses that a person pastes, one to a line with a name after a comma: which chain each is of, and what is wrong with it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from chalicelib import clock
from chalicelib.domain import currencies, recognition, titles
from chalicelib.domain.addresses import descriptors, errors, private_keys
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.chains import CHAINS
from chalicelib.errors import Invalid
from chalicelib.models import AlreadyUsed, Write
from chalicelib.services.portfolios import addresses, allowances
from chalicelib.texts import translatable, translate, with_values
from chalicelib.web import forms

MOST_LINES = 100
_MOST_READ = 300  # of more lines none is looked at, so nobody knows whether it is a private key, and none is shown again
_MOST_WORK = 6_000  # of one form, in steps of a derivation: half a second of a processor, and more than 250 HD wallets of one key are
_DESCRIPTOR = re.compile(r'([a-z]+\(.*\)(?:#[a-z0-9]{8})?)\s*(?:,(.*))?')  # has commas of its own
_SHOWN = 60
_REPEATED = translatable('This address is already on an earlier line')
_TOO_MUCH_WORK = translatable('Too many extended keys or descriptors at once: add the rest separately')
_SECRET = (errors.PRIVATE, recognition.HASH)  # the faults of what may be a private key


class Line(NamedTuple):
    """One of the lines: `chains` are those that take its address, `chain` the one that it is added with, `fault` what is wrong."""

    number: int
    text: str
    address: str
    title: str
    chains: list[str]
    chain: str | None = None
    fault: str | None = None

    @property
    def is_secret(self) -> bool:
        """Whether it may be a private key, which no page repeats."""
        return self.fault in _SECRET

    @property
    def shown(self) -> str:
        """The line as it is quoted beside its fault."""
        if self.is_secret:
            return '…'
        return self.text if len(self.text) <= _SHOWN else f'{self.text[:12]}…{self.text[-6:]}'

    @property
    def question(self) -> str | None:
        """The name of the field that asks for the chain of all lines that fit the same ones; None if it is not asked."""
        return question_of(self.chains) if self.fault is None and self.chain is None else None


class Pasted(NamedTuple):
    """A line as it was entered, taken apart: `title` and `code`, that of the chain, may be empty. `text` is all of it."""

    number: int
    text: str
    address: str
    title: str
    code: str


def question_of(chains: Sequence[str]) -> str:
    return f'chain-{chains[0]}-{len(chains)}'


def parse(text: str, chosen: Mapping[str, str]) -> list[Line]:
    """Return the lines that are not blank; `chosen` are the chains that were chosen, by the name of their question.

    Raises Invalid for many more than can be added.
    """
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(numbered) > _MOST_READ:
        raise Invalid(forms.too_many_lines('addresses', MOST_LINES))
    pasted = [_split(number, line) for number, line in numbered]
    recogniser = Recogniser(chosen)
    lines = without_repetitions([recogniser.recognise(line) for line in pasted])
    if private_keys.are_in(text) and not any(line.is_secret for line in lines):  # a seed with a word on each line
        return [line._replace(fault=errors.PRIVATE) if line.fault else line for line in lines]
    return lines


class Recogniser:
    """Recognises the lines of one form; `chosen` as in `parse`. Of keys and descriptors, which may be much work, only so much."""

    def __init__(self, chosen: Mapping[str, str]) -> None:
        self._chosen = chosen
        self._work_left = _MOST_WORK

    def recognise(self, pasted: Pasted) -> Line:
        """Return a line with its chain, title and address as they would be stored, or what is wrong with it."""
        work = descriptors.work(pasted.address)
        if work > self._work_left:
            return Line(pasted.number, pasted.text, pasted.address, pasted.title, [], fault=_secret_in(pasted) or _TOO_MUCH_WORK)
        self._work_left -= work
        return _recognise(pasted, self._chosen)


def _secret_in(pasted: Pasted) -> str | None:
    """Return what is wrong with a line that may have a private key, which is told without reading its address."""
    try:
        descriptors.require_public(pasted.text)
        recognition.require_no_secret(pasted.address)
    except BadAddress as error:
        return error.reason
    return None


def _recognise(pasted: Pasted, chosen: Mapping[str, str]) -> Line:
    number, text, address, title, code = pasted
    try:
        descriptors.require_public(text)  # all of it: a key may stand in the name, or after a comma of half a descriptor
        chains = recognition.chains_of(address)
    except BadAddress as error:
        return Line(number, text, address, title, [], fault=error.reason)
    line = Line(number, text, address, title, chains)
    if code and code not in chains:
        return line._replace(fault=_wrong_chain(code))
    chain = code or (chains[0] if len(chains) == 1 else chosen.get(question_of(chains)))
    line = line._replace(chain=chain if chain in chains else None)
    if line.chain is None:
        return line
    return _with_title(line, title or translate(translatable('{currency} address', currency=currencies.get(line.chain).title)))


def _wrong_chain(code: str) -> str:
    text = translatable('This is not an address for {chain}') if code in CHAINS else translatable('Unknown chain {chain}')
    return with_values(text, chain=code[:32])


def without_repetitions(lines: Sequence[Line]) -> list[Line]:
    """Return the lines, with the fault of those whose address is on an earlier one."""
    seen: set[tuple[str | None, str]] = set()
    checked: list[Line] = []
    for line in lines:
        is_repeated = line.chain is not None and line.fault is None and (line.chain, line.address) in seen
        checked.append(line._replace(fault=_REPEATED) if is_repeated else line)
        seen.add((line.chain, line.address))
    return checked


def store(user_id: str, portfolio_id: int, lines: Sequence[Line], note: Callable[[str], Write]) -> list[Line]:
    """Add the addresses of lines to a portfolio, each with the write of `note` for its number; return those that could not be, with why.

    A line whose note is there already was added before. Raises NotFound, and TooManyRequests: for the number of lines before anything is
    added, and for an HD wallet at its line, from which the same form then goes on.
    """
    allowances.charge_lines(len(lines))
    refused: list[Line] = []
    for line in lines:
        try:
            store_one(user_id, portfolio_id, line, [note(str(line.number))])
        except AlreadyUsed:
            continue
        except Invalid as invalid:
            refused.append(line._replace(fault=invalid.faults[0].message))
    return refused


def store_one(user_id: str, portfolio_id: int, line: Line, also: Sequence[Write]) -> None:
    """Add the address of a line to a portfolio, with `also` in the same transaction. Raises NotFound, and Invalid if it cannot be."""
    if line.chain is not None:
        draft = addresses.draft(user_id, portfolio_id, title=line.title, address=line.address, currency=line.chain, now=clock.now())
        addresses.store(draft, also=also)


def _split(number: int, text: str) -> Pasted:
    """Return the parts of a line; name and code of the chain may be missing."""
    match = _DESCRIPTOR.fullmatch(text)
    address, _, rest = (match[1], ',', match[2] or '') if match else text.replace('\t', ',').partition(',')
    name, _, code = rest.rpartition(',') if rest.rpartition(',')[2].strip().lower() in CHAINS else (rest, '', '')
    return Pasted(number, text, address.strip(), name.strip(), code.strip().lower())


def _with_title(line: Line, title: str) -> Line:
    try:
        text = CHAINS[line.chain or ''].normalise(line.address)
        return line._replace(title=titles.parse(title), address=text)
    except titles.BadTitle as error:
        return line._replace(fault=translatable('The name {problem}', problem=error.sentence))
