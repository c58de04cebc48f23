"""How amounts and instants are written on pages: the texts of the API with their digits grouped, instants in words, always UTC."""

from datetime import UTC, datetime
from decimal import Decimal

_GROUP = 3
_LONGEST_ADDRESS = 24
_COMPACT = ((12, 'T'), (9, 'B'), (6, 'M'), (3, 'k'))


def group_digits(amount: str) -> str:
    """Return an amount of the API with its whole digits in groups of three: `662,901.82`; no digit is another."""
    sign, digits = ('−', amount[1:]) if amount.startswith('-') else ('', amount)  # noqa: RUF001, the minus sign that is as wide as a plus
    whole, point, fraction = digits.partition('.')
    return f'{sign}{int(whole):,}{point}{fraction}' if len(whole) > _GROUP else f'{sign}{digits}'


def signed(amount: str) -> str:
    """Return an amount with its sign, whichever: `+1,250.00`."""
    return group_digits(amount) if amount.startswith('-') else f'+{group_digits(amount)}'


def compact(amount: Decimal) -> str:
    """Return the amount of a line of a chart, which is round: `650k`, `1.25M`, `0.05`."""
    for exponent, letter in _COMPACT:
        if abs(amount) >= Decimal(1).scaleb(exponent):
            return f'{amount.scaleb(-exponent).normalize():f}{letter}'
    return f'{amount.normalize():f}'


def day(epoch: int) -> str:
    """Return the UTC date of an instant: `7 November 2017`."""
    moment = _moment(epoch)
    return f'{moment.day} {moment:%B %Y}'


def short_day(epoch: int) -> str:
    """Return the UTC date of an instant in a narrow place: `7 Nov 2017`."""
    moment = _moment(epoch)
    return f'{moment.day} {moment:%b %Y}'


def minute(epoch: int) -> str:
    """Return an instant to the minute: `7 November 2017, 04:54 UTC`."""
    return f'{day(epoch)}, {_moment(epoch):%H:%M} UTC'


def as_of(epoch: int) -> str:
    """Return an instant of which something is told; midnight as the end of its day, which is what a date means on these pages."""
    return f'the end of {day(epoch - 1)} (UTC)' if epoch % 86_400 == 0 else minute(epoch)


def tick(epoch: int, seconds: int) -> str:
    """Return an instant below a chart of so many seconds: its hour, its day, its month or its year."""
    moment = _moment(epoch)
    if seconds <= 2 * 86_400:
        return f'{moment:%H:%M}'
    if seconds <= 100 * 86_400:
        return f'{moment.day} {moment:%b}'
    return f'{moment:%b %Y}' if seconds <= 3 * 366 * 86_400 else f'{moment:%Y}'


def in_table(epoch: int) -> str:
    """Return an instant in a table of points: its date, and its time if it is not midnight."""
    moment = _moment(epoch)
    return f'{moment:%Y-%m-%d}' if epoch % 86_400 == 0 else f'{moment:%Y-%m-%d %H:%M}'


def shortened(address: str) -> str:
    """Return the ends of a long address, which a narrow page has room for."""
    return address if len(address) <= _LONGEST_ADDRESS else f'{address[:8]}…{address[-6:]}'


def iso(epoch: int) -> str:
    """Return the value of `datetime` of HTML's `time`."""
    return _moment(epoch).isoformat()


def _moment(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


FILTERS = {
    'grouped': group_digits,
    'signed': signed,
    'compact': compact,
    'day': day,
    'short_day': short_day,
    'minute': minute,
    'as_of': as_of,
    'tick': tick,
    'in_table': in_table,
    'iso': iso,
    'shortened': shortened,
}
