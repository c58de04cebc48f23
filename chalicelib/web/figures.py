"""How amounts and instants are written on pages: the texts of the API with their digits grouped, instants in words, always UTC."""

import html
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

from chalicelib import locales, texts
from chalicelib.domain import browsers, money
from chalicelib.texts import Translatable, translatable, translate
from chalicelib.web import amounts

if TYPE_CHECKING:
    from markupsafe import Markup

_LONGEST_ADDRESS = 24
_DAY = 86_400


def signed(amount: str) -> str:
    """Return an amount with its sign, whichever: `+1,250.00`."""
    return locales.group_digits(amount) if amount.startswith('-') else f'+{locales.group_digits(amount)}'


def compact(amount: Decimal) -> str:
    """Return the amount of a line of a chart, which is round: `650k`, `1.25M`, `0.05`."""
    with localcontext(money.WIDE):
        for exponent, unit in locales.current().compact:
            if abs(amount) >= Decimal(1).scaleb(exponent):
                return f'{locales.group_digits(f"{amount.scaleb(-exponent).normalize():f}")}{unit}'
        return locales.group_digits(f'{amount.normalize():f}')


def day_told(epoch: int) -> str:
    """Return the day of an instant of which something is told, which midnight ends: `2025-12-31`."""
    return iso(epoch - 1 if epoch % _DAY == 0 else epoch)[: len('2025-12-31')]


def as_of(epoch: int) -> str:
    """Return an instant of which something is told; midnight as the end of its day, which is what a date means on these pages."""
    if epoch % _DAY:
        return locales.minute(epoch)
    return translate(translatable('the end of {day} (UTC)', day=locales.day(epoch - 1)))


def tick(epoch: int, seconds: int) -> str:
    """Return an instant below a chart of so many seconds: its hour, its day, its month or its year."""
    if seconds <= 2 * _DAY:
        return locales.time(epoch)
    if seconds <= 100 * _DAY:
        return locales.day_of_month(epoch)
    return locales.month_of_year(epoch) if seconds <= 3 * 366 * _DAY else iso(epoch)[:4]


def in_table(epoch: int) -> str:
    """Return an instant in a table of points: its date, and its time if it is not midnight."""
    return day_and_time(epoch) if epoch % _DAY else locales.digits_of_day(epoch)


def day_and_time(epoch: int) -> str:
    """Return an instant in digits, to the minute: `2017-11-07 04:54`."""
    return f'{locales.digits_of_day(epoch)} {locales.time(epoch)}'


def shortened(address: str) -> str:
    """Return the ends of a long address, which a narrow page has room for."""
    return address if len(address) <= _LONGEST_ADDRESS else f'{address[:8]}…{address[-6:]}'


def iso(epoch: int) -> str:
    """Return the value of `datetime` of HTML's `time`."""
    return datetime.fromtimestamp(epoch, UTC).isoformat()


def epoch_of(instant: str) -> int:
    """Return the epoch seconds of an instant of the API."""
    return int(datetime.fromisoformat(instant).timestamp())


def source_titles(keys: str | Sequence[str]) -> str:
    """Return what sources are called, from their keys, which are a list or stand between commas: `Kraken, European Central Bank`."""
    from chalicelib.services import upstream_status  # other pages should not pay for what it imports

    titles = {source.key: source.title for source in upstream_status.every()}
    return ', '.join(titles.get(key, key) for key in (keys.split(',') if isinstance(keys, str) else keys))


def isolated(text: str) -> str:
    """Return what somebody typed for the middle of a sentence: whichever way it is written, it does not reorder what is around it."""
    return f'\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}'


def english(name: str) -> 'Markup':
    """Return what others call something in English, such as a permission of an exchange, on other pages as a quotation in that language."""
    from markupsafe import Markup  # API calls should not pay for it

    quoted = html.escape(name)
    return Markup(quoted if texts.language() == texts.ENGLISH else f'<q lang="{texts.ENGLISH}">{quoted}</q>')


def quoting(text: str) -> 'Markup':
    """Return a text with its `detail` as a quotation where that has no translation."""
    from markupsafe import Markup, escape

    written = str(escape(text))
    detail = text.values.get('detail') if isinstance(text, Translatable) else None
    if isinstance(detail, str) and detail and translate(detail) == detail:
        before, _, after = written.rpartition(html.escape(detail))
        return Markup(before) + english(detail) + Markup(after)
    return Markup(written)


def browser(name: str | None) -> str:
    """Return what a browser is called, from what it is stored as."""
    return browsers.in_words(name or browsers.UNKNOWN)


FILTERS: dict[str, Callable[..., Any]] = {
    'grouped': locales.group_digits,
    'typed': amounts.to_type,
    'signed': signed,
    'compact': compact,
    'day': locales.day,
    'short_day': locales.short_day,
    'minute': locales.minute,
    'as_of': as_of,
    'tick': tick,
    'in_table': in_table,
    'date': locales.digits_of_day,
    'day_and_time': day_and_time,
    'iso': iso,
    'epoch': epoch_of,
    'shortened': shortened,
    'source_titles': source_titles,
    'isolated': isolated,
    'english': english,
    'quoting': quoting,
    'browser': browser,
    'currency': texts.currency_title,
}
