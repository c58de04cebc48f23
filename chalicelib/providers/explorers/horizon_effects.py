"""What the effects of a transaction change of what an account of Stellar holds. Pure: knows the rows of Horizon.

https://developers.stellar.org/docs/data/apis/horizon/api-reference/resources/effects/types. An asset is written `USDC-GA5Z…`, with its
code and issuer, or `native`. Amounts are in stroops.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.providers.explorers.explorer import ODD_SHAPE, string_of

Row = Mapping[str, Any]

NATIVE = 'native'
_AMOUNT = re.compile(r'([0-9]{1,12})\.([0-9]{7})')


def moved(effects: Sequence[Row], asset: str) -> int:
    """Return the change of what the account holds of an asset by the effects of a transaction.

    For the sender of a path payment there is an effect for the payment, and one for each trade on its path, which is left out.
    Raises LookupError, TypeError or ValueError for effects of another shape.
    """
    payers = {_operation(row) for row in effects if row['type'] == 'account_debited'}
    return sum(_change(row, asset) for row in effects if row['type'] != 'trade' or _operation(row) not in payers)


def may_move(effects: Sequence[Row], asset: str) -> bool:
    """Whether effects move something of an asset, or cannot be read."""
    try:
        return moved(effects, asset) != 0
    except ODD_SHAPE:
        return True


def assets_in(effects: Sequence[Row]) -> set[str]:
    """Return the assets with an issuer that effects name, whether these move any of them or not."""
    named = {_written(row.get(f'{side}asset_code'), row.get(f'{side}asset_issuer')) for row in effects for side in ('', 'sold_', 'bought_')}
    reserves = (row.get(name) for row in effects for name in ('reserves_deposited', 'reserves_received'))
    listed = (reserve for each in reserves if isinstance(each, list) for reserve in each if isinstance(reserve, dict))
    return named | {_of_reserve(str(reserve.get('asset'))) for reserve in listed}


def stroops(text: str) -> int:
    """Return an amount. Raises TypeError or ValueError if it is none."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError('an amount')
    return int(match[1] + match[2])


def _change(row: Row, asset: str) -> int:
    """Return the change by one effect. Claimable balances and trades with pools have credits and debits of their own."""
    match string_of(row['type']):
        case 'account_created':
            return stroops(row['starting_balance']) if asset == NATIVE else 0
        case 'account_credited':
            return _amount(row, '', asset)
        case 'account_debited':
            return -_amount(row, '', asset)
        case 'trade':
            return _amount(row, 'bought_', asset) - _amount(row, 'sold_', asset)
        case 'liquidity_pool_deposited':
            return -sum(_reserve(reserve, asset) for reserve in row['reserves_deposited'])
        case 'liquidity_pool_withdrew':
            return sum(_reserve(reserve, asset) for reserve in row['reserves_received'])
    return 0


def _amount(row: Row, side: str, asset: str) -> int:
    """Return the amount on one side of an effect if it is of the asset, else nothing."""
    is_native = string_of(row[f'{side}asset_type']) == NATIVE
    if is_native is not (asset == NATIVE):
        return 0
    is_it = is_native or _written(row[f'{side}asset_code'], row[f'{side}asset_issuer']) == asset
    return stroops(row[f'{side}amount']) if is_it else 0


def _reserve(reserve: Row, asset: str) -> int:
    return stroops(reserve['amount']) if _of_reserve(string_of(reserve['asset'])) == asset else 0


def _of_reserve(text: str) -> str:
    return _written(*text.split(':', 1)) if ':' in text else text


def _written(code: object, issuer: object) -> str:
    return f'{code}-{issuer}'


def _operation(row: Row) -> str:
    return str(row['paging_token']).split('-')[0]
