"""Addresses and amounts that a person brings as CSV: what each row would make, what is wrong with it, and the making.

A header row names the columns in any order; without one they are address, currency, title, or amount, currency, title, since. The
lists that the API and pages give as CSV have such headers too: what they call balance is in the notation of the API, in any language.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from chalicelib import clock
from chalicelib.api import answers
from chalicelib.api.presenters.offsets import present_offset_balance
from chalicelib.api.requests import fields
from chalicelib.api.requests.body import Body, ParsedBody
from chalicelib.domain import currencies, hd_wallets, recognition, tables
from chalicelib.domain.addresses.errors import BadAddress
from chalicelib.domain.tables import TableRow
from chalicelib.errors import Invalid
from chalicelib.models import Address, AlreadyUsed, Offset, OffsetBalance, Portfolio, Since, Write
from chalicelib.services.portfolios import allowances, offsets
from chalicelib.texts import currency_title, translatable, with_values
from chalicelib.web import address_lines, amounts
from chalicelib.web.address_lines import Line, Pasted, Recogniser

MOST_ROWS = 250  # each is two requests to the database and two messages, and an answer must come within half a minute
_OFFSET = Body('ImportedOffset', required=(fields.TITLE, fields.BALANCES), optional=(fields.SINCE,))
# The columns by the names that they may have.
_COLUMNS = {
    'address': 'address',
    'amount': 'amount',
    'balance': 'balance',
    **dict.fromkeys(('currency', 'code', 'chain'), 'currency'),
    **dict.fromkeys(('title', 'name', 'label'), 'title'),
    'since': 'since',
}
_OF_ADDRESSES = ('address', 'currency', 'title')
_OF_AMOUNTS = ('amount', 'currency', 'title', 'since')
_AMOUNT = re.compile(r'[-+]?[0-9][0-9.,]*')
_CUT = '…'  # in what is shown of an extended key
_SEVERAL_CHAINS = translatable('This address matches several chains: write {chains} into the column currency')
_THERE_ALREADY = translatable('The portfolio already has this address')
_NOTHING_TO_ADD = translatable('There is neither an address nor an amount on this line')
_ONLY_A_PART = translatable('Only a part of this extended key was exported: enter all of it')
_NOT_UTF8 = translatable('This file is not in UTF-8: save it as “CSV UTF-8”, or copy the lines and paste them')
_TOO_MANY = translatable('There are {number} lines: import at most {most} at a time, in several files')
# What lists of ours that are no holdings have, by a column that they alone have.
_OTHER_LISTS = {
    'covered': translatable("This is a history: each line is what was held at one time. Import today's list of balances instead"),
    'delta': translatable(
        'This is a list of transactions, which addresses and accounts import automatically. Import addresses or amounts instead'
    ),
}
_LABELS = {'balance': translatable('The amount'), 'currency': translatable('The currency'), 'since': translatable('The column since')}
_UNREADABLE = ('\ufffd', '\x00')  # what is left of a file that is not UTF-8


class ImportRow(NamedTuple):
    """A row: the address or the amounts that it would add, or its faults. `is_secret` if it may contain a private key."""

    row: TableRow
    address: Line | None = None
    amounts: ParsedBody | None = None
    faults: tuple[str, ...] = ()
    is_secret: bool = False

    @property
    def number(self) -> int:
        return self.row.number

    @property
    def title(self) -> str:
        return self.address.title if self.address is not None else '' if self.amounts is None else str(self.amounts[fields.TITLE])

    @property
    def chain(self) -> str | None:
        """The title of the address's chain, None where it is not known."""
        return None if self.address is None or self.address.chain is None else currencies.get(self.address.chain).title

    @property
    def balances(self) -> list[answers.OffsetBalance]:
        """The amounts as the API would answer them."""
        rows = {} if self.amounts is None else self.amounts[fields.BALANCES]
        now = clock.now()
        return [present_offset_balance(OffsetBalance(code, amount, now, now), expand=False) for code, amount in rows.items()]

    @property
    def since(self) -> int | None:
        """The instant from which on the amounts count, None for all time."""
        return None if self.amounts is None else (self.amounts.get(fields.SINCE) or Since(None)).at


class ImportTable(NamedTuple):
    """What was brought: its rows without the header, which is empty where there is none."""

    header: list[str]
    rows: list[ImportRow]

    @property
    def good(self) -> list[ImportRow]:
        return [row for row in self.rows if not row.faults]

    @property
    def text(self) -> str:
        """The table as CSV, without rows that may contain a private key."""
        kept = [row.row.cells for row in self.rows if not row.is_secret]
        lines = [self.header, *kept] if self.header else kept
        return tables.to_csv(lines[0], lines[1:]) if lines else ''


def parse(text: str, there: Iterable[Address]) -> ImportTable:
    """Return what a text would add beside the addresses that are there. Raises BadTable if it is no CSV, too long, or a seed."""
    if any(sign in text for sign in _UNREADABLE):
        raise tables.BadTable(_NOT_UTF8)
    rows = tables.from_csv(text)
    names = {cell.lower() for cell in rows[0].cells} if rows else set()
    if other := next((sentence for column, sentence in _OTHER_LISTS.items() if {'currency', column} <= names), None):
        raise tables.BadTable(other)
    header = rows[0].cells if rows and _is_header(rows[0].cells) else []
    rows = rows[1:] if header else rows
    if secret := _secret_in(header):
        raise tables.BadTable(secret)
    if len(rows) > MOST_ROWS:
        raise tables.BadTable(with_values(_TOO_MANY, number=len(rows), most=MOST_ROWS))
    columns = [_COLUMNS.get(cell.lower(), '') for cell in header]
    recogniser = Recogniser({})
    table = ImportTable(header, _without_repetitions([_parse(row, columns, recogniser) for row in rows], there))
    if secret := _secret_in([table.text]):  # a seed with a word on each line
        raise tables.BadTable(secret)
    return table


def _is_header(cells: Sequence[str]) -> bool:
    """Whether a row names columns, two at least unless it has but one: a title may be the name of one too."""
    return sum(cell.lower() in _COLUMNS for cell in cells) >= min(2, len(cells))


def store(portfolio: Portfolio, rows: Sequence[ImportRow], note: Callable[[str], Write]) -> list[ImportRow]:
    """Add what rows make to a portfolio, each with the write of `note` for its number; return those that could not be. Raises NotFound.

    A row whose note is there already was added before. Raises TooManyRequests as `address_lines.store`.
    """
    allowances.charge_lines(len(rows))
    refused: list[ImportRow] = []
    for row in rows:
        try:
            _store(portfolio, row, note(str(row.number)))
        except AlreadyUsed:
            continue
        except Invalid as invalid:
            refused.append(row._replace(faults=_sentences(invalid)))
    return refused


def _store(portfolio: Portfolio, row: ImportRow, note: Write) -> None:
    key = (portfolio.user_id, portfolio.portfolio_id)
    if row.address is not None:
        address_lines.store_one(*key, row.address, [note])
    elif row.amounts is not None:
        balances = row.amounts[fields.BALANCES]
        offsets.store(Offset.draft(*key, title=row.title, balances=balances, since=row.since, now=clock.now()), also=[note])


def _parse(row: TableRow, columns: Sequence[str], recogniser: Recogniser) -> ImportRow:
    if secret := _secret_in(row.cells):
        return ImportRow(row, faults=(secret,), is_secret=True)
    columns = columns or (_OF_AMOUNTS if _AMOUNT.fullmatch(row.cells[0]) else _OF_ADDRESSES)
    cells = {name: cell for name, cell in zip(columns, row.cells, strict=False) if name and cell}
    if 'address' in cells:
        return _parse_address(row, cells, recogniser)
    if not {'amount', 'balance'} & cells.keys():
        return ImportRow(row, faults=(_NOTHING_TO_ADD,))
    return _parse_amounts(row, cells)


def _secret_in(cells: Sequence[str]) -> str | None:
    """Return what is wrong with a row anywhere in which a private key may stand, be it over several cells; None for any other."""
    try:
        for text in (' '.join(cells), *cells):
            recognition.require_no_secret(text)
    except BadAddress as error:
        return error.reason
    return None


def _parse_address(row: TableRow, cells: Mapping[str, str], recogniser: Recogniser) -> ImportRow:
    pasted = Pasted(row.number, cells['address'], cells['address'], cells.get('title', ''), cells.get('currency', '').lower())
    if _CUT in pasted.address:
        return ImportRow(row, faults=(_ONLY_A_PART,))
    line = recogniser.recognise(pasted)
    if line.fault is None and line.chain is None:
        line = line._replace(fault=with_values(_SEVERAL_CHAINS, chains=', '.join(line.chains)))
    return ImportRow(row, address=line, faults=(line.fault,) if line.fault else (), is_secret=line.is_secret)


def _parse_amounts(row: TableRow, cells: Mapping[str, str]) -> ImportRow:
    faults: list[str] = []
    title = cells.get('title') or _title_of(cells.get('currency', ''))
    balance = {name: cells[name] for name in ('currency',) if name in cells} | {'balance': _amount(cells, faults)}
    try:
        body = _OFFSET.read({'title': title, 'balances': [balance], 'since': cells.get('since', '')})
    except Invalid as invalid:
        return ImportRow(row, faults=(*faults, *_sentences(invalid)))
    return ImportRow(row, faults=tuple(faults)) if faults else ImportRow(row, amounts=body)


def _amount(cells: Mapping[str, str], faults: list[str]) -> str:
    """Return an amount as the API takes it; note what is wrong with it among the faults, and return zero, with which nothing is."""
    if 'balance' in cells:
        return cells['balance']
    try:
        return amounts.to_api(cells['amount'])
    except amounts.BadAmount as error:
        faults.append(error.sentence)
        return '0'


def _title_of(code: str) -> str:
    currency = currencies.find(code)
    return code if currency is None else currency_title(currency.title)


def _sentences(invalid: Invalid) -> tuple[str, ...]:
    """Return all that is wrong with a row, in the words of its columns."""
    names = (fault.field.rpartition('.')[2] for fault in invalid.faults)
    labels = [{'field': _LABELS[name]} if name in _LABELS else {} for name in names]
    return tuple(with_values(fault.message, **label) for fault, label in zip(invalid.faults, labels, strict=True))


def _without_repetitions(rows: Sequence[ImportRow], there: Iterable[Address]) -> list[ImportRow]:
    """Return the rows, with a fault of those whose address is on an earlier one, or there already."""
    followed = {address.ledger_key for address in there}
    lines = iter(address_lines.without_repetitions([row.address for row in rows if row.address is not None]))
    checked: list[ImportRow] = []
    for row in rows:
        line = None if row.address is None else next(lines)
        faults = row.faults or ((line.fault,) if line and line.fault else ())
        if line is not None and not faults and hd_wallets.identify(line.chain or '', line.address).key in followed:
            faults = (_THERE_ALREADY,)
        checked.append(row._replace(address=line, faults=faults))
    return checked
