"""The formats of a server of one's own: what each says, and what none says."""

from decimal import Decimal

import pytest

from chalicelib.domain import balance_formats
from chalicelib.domain.balance_formats import UnknownFormat


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('1.234567 BTC', {'btc': '1.234567'}),
        ('  btc -0.5\n', {'btc': '-0.5'}),
        ('{"btc": "1.23", "eur": 10, "ltc": 0.1000000000000000055}', {'btc': '1.23', 'eur': '10', 'ltc': '0.1000000000000000055'}),
        ('{"currency": "BTC", "balance": "1.5"}', {'btc': '1.5'}),
        ('[{"currency": "btc", "balance": 1}, {"currency": "usd", "value": "2.5"}]', {'btc': '1', 'usd': '2.5'}),
        ('balance,currency\n1.5,btc\n2,usd\n', {'btc': '1.5', 'usd': '2'}),
        ('Currency, Value, Note\r\nbtc,1.5,"cold, safe"\r\n', {'btc': '1.5'}),
        ('{}', {}),
        ('[]', {}),
        ('currency,balance', {}),
        ('12 gold', {'x-generic-gold': '12'}),
    ],
)
def test_each_format_tells_balances_to_the_last_digit(text: str, expected: dict[str, str]):
    assert balance_formats.parse(text) == {code: Decimal(amount) for code, amount in expected.items()}


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('1.234567', 'a number needs its currency'),
        ('', 'neither JSON nor CSV'),
        ('invalid', 'neither JSON nor CSV'),
        ('balance,balance,currency\n1,1,btc', 'neither JSON nor CSV'),
        ('["btc", "usd"]', 'each element'),
        ('{"btc": ', 'not valid JSON'),
        ('{"btc": 1, "btc": 2}', 'repeats a key'),
        ('{"btc": 1, "BTC": 2}', 'appears twice'),
        ('[{"currency": "btc", "balance": 1}, {"currency": "btc", "balance": 1}]', 'appears twice'),
        ('{"btc": NaN}', 'not valid JSON'),
        ('{"btc": true}', 'not a number'),
        ('{"btc": null}', 'not a number'),
        ('{"btc": "1e9"}', 'not a number'),
        ('{"btc": {"available": 1}}', 'not a number'),
        ('currency,balance\nbtc', 'more or fewer columns'),
        ('<html>Sorry</html>', 'neither JSON nor CSV'),
        ('{"bitcoin <script>": 1}', 'not a code'),
        ('[' * 100_000, 'not valid JSON'),
    ],
)
def test_what_is_none_of_them_is_refused_with_what_is_wrong(text: str, said: str):
    with pytest.raises(UnknownFormat, match=said):
        balance_formats.parse(text)
