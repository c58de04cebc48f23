"""How numbers and dates are written in the language of the request, on pages and in mails. Instants are always told in UTC, and say so."""

from datetime import UTC, datetime
from typing import NamedTuple

from chalicelib import texts

_GROUP = 3


class Locale(NamedTuple):
    """The customs of a language, as the Unicode CLDR has them.

    Patterns have the fields of `_fields`. `compact` are powers of ten with what stands for them, greatest first.
    """

    point: str
    group: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    day: str
    short_day: str
    day_of_month: str
    month_of_year: str
    minute: str
    digits: str
    compact: tuple[tuple[int, str], ...]


LOCALES = {
    'en': Locale(
        point='.',
        group=',',
        months=('January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'),
        short_months=('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'),
        day='{day} {month} {year}',
        short_day='{day} {short_month} {year}',
        day_of_month='{day} {short_month}',
        month_of_year='{short_month} {year}',
        minute='{date}, {time} UTC',
        digits='{year}-{mm}-{dd}',
        compact=((12, 'T'), (9, 'B'), (6, 'M'), (3, 'k')),
    ),
    'de': Locale(
        point=',',
        group='.',
        months=('Januar', 'Februar', 'März', 'April', 'Mai', 'Juni', 'Juli', 'August', 'September', 'Oktober', 'November', 'Dezember'),
        short_months=('Jan.', 'Feb.', 'März', 'Apr.', 'Mai', 'Juni', 'Juli', 'Aug.', 'Sept.', 'Okt.', 'Nov.', 'Dez.'),
        day='{day}. {month} {year}',
        short_day='{day}. {short_month} {year}',
        day_of_month='{day}. {short_month}',
        month_of_year='{short_month} {year}',
        minute='{date}, {time} UTC',
        digits='{dd}.{mm}.{year}',
        compact=(
            (12, '\N{NO-BREAK SPACE}Bio.'),
            (9, '\N{NO-BREAK SPACE}Mrd.'),
            (6, '\N{NO-BREAK SPACE}Mio.'),
            (3, '\N{NO-BREAK SPACE}Tsd.'),
        ),
    ),
}


def current() -> Locale:
    return LOCALES[texts.language()]


def group_digits(text: str) -> str:
    """Return an amount of the API with its whole digits in groups of three: `662,901.82`, in German `662.901,82`; no digit is another."""
    locale = current()
    sign, digits = ('−', text[1:]) if text.startswith('-') else ('', text)  # noqa: RUF001, the minus sign that is as wide as a plus
    whole, point, fraction = digits.partition('.')
    grouped = f'{int(whole):,}'.replace(',', locale.group) if len(whole) > _GROUP else whole
    return f'{sign}{grouped}{locale.point if point else ""}{fraction}'


def day(epoch: int) -> str:
    """Return the date of an instant: `7 November 2017`."""
    return current().day.format(**_fields(epoch))


def short_day(epoch: int) -> str:
    """Return the date of an instant in a narrow place: `7 Nov 2017`."""
    return current().short_day.format(**_fields(epoch))


def minute(epoch: int) -> str:
    """Return an instant to the minute: `7 November 2017, 04:54 UTC`."""
    return current().minute.format(date=day(epoch), time=time(epoch))


def day_of_month(epoch: int) -> str:
    """Return a date without its year: `7 Nov`."""
    return current().day_of_month.format(**_fields(epoch))


def month_of_year(epoch: int) -> str:
    """Return a month with its year: `Nov 2017`."""
    return current().month_of_year.format(**_fields(epoch))


def digits_of_day(epoch: int) -> str:
    """Return a date in digits, in tables: `2017-11-07`."""
    return current().digits.format(**_fields(epoch))


def time(epoch: int) -> str:
    """Return the time of an instant: `04:54`."""
    return f'{_moment(epoch):%H:%M}'


def _fields(epoch: int) -> dict[str, str]:
    moment, locale = _moment(epoch), current()
    return {
        'day': str(moment.day),
        'month': locale.months[moment.month - 1],
        'short_month': locale.short_months[moment.month - 1],
        'year': f'{moment:%Y}',
        'mm': f'{moment:%m}',
        'dd': f'{moment:%d}',
    }


def _moment(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
