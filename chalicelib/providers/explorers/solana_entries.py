"""What a transaction of Solana changes for an address. Pure: knows the answers of nodes, not how they are asked.

Of each version of transactions, known or not, only what all of them have in common is read: who takes part, the balances before and
after, the fee and the time.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from chalicelib.domain import currencies, money
from chalicelib.domain.chains import Chain
from chalicelib.domain.currencies import Currency
from chalicelib.domain.ledgers import Entry, Unreadable
from chalicelib.providers.explorers.explorer import ODD_SHAPE, checked, place_of, read_rows, unreadable
from chalicelib.providers.explorers.solana_node import Row
from chalicelib.providers.explorers.solana_signatures import SIGNATURE, Listed

UNSUPPORTED = -32015  # the node does not know the version of the transaction
_BEFORE, _AFTER = 'preTokenBalances', 'postTokenBalances'


def made_at(listed: Listed, txn: Any) -> Any:
    """Return when a transaction was made, as itself or the list of signatures says; None if neither knows."""
    own = txn.get('blockTime') if isinstance(txn, dict) else None
    return listed.time if own is None else own


def error_code(answer: Row) -> Any:
    """Return the number of the error in an answer, None if there is none."""
    return (answer.get('error') or {}).get('code')


def read_transaction(
    chain: Chain, owner: str, accounts: Mapping[str, str], listed: Listed, answer: Row, at: Any
) -> list[Entry | Unreadable]:
    """Return what a transaction changes for an owner of accounts, of each of which `accounts` has the currency.

    There is an entry of SOL wherever the owner is named, and one of each token of the catalogue that moved. `answer` is what the node
    returned for it, `at` when it was made, None if nobody knows.
    """
    txn = answer.get('result')
    reason = _lack(answer, at)
    if reason:
        codes = sorted(listed.codes)
        return [unreadable(chain, listed.signature, reason, at=lambda: at, height=lambda: listed.slot, code=code) for code in codes]
    codes = sorted({*listed.codes, *_tokens_in(chain, txn), *_codes_of_keys(txn, accounts)}, key=lambda code: place_of(code, chain))
    entry = partial(_entry, chain, owner, accounts, listed, txn, at)
    return read_rows(entry, codes, chain, listed.signature, at=lambda: at, height=lambda: listed.slot, known=SIGNATURE)


def _lack(answer: Row, at: Any) -> str | None:
    """Return why a transaction cannot be read, if that is known without looking into it."""
    if answer.get('result') is None:
        return 'version not supported by the node' if error_code(answer) == UNSUPPORTED else 'listed but not returned'
    return 'no block time' if at is None else None


def _tokens_in(chain: Chain, txn: Any) -> set[str]:
    """Return the tokens of the catalogue of which a transaction names accounts, whosever they are."""
    try:
        rows = [row for name in (_BEFORE, _AFTER) for row in txn['meta'].get(name) or ()]
        mints = [row['mint'] for row in rows if isinstance(row, dict) and isinstance(row.get('mint'), str)]
    except ODD_SHAPE:
        return set()
    tokens = currencies.tokens_by_contract(chain.currency)
    return {tokens[mint].code for mint in mints if mint in tokens}


def _codes_of_keys(txn: Any, accounts: Mapping[str, str]) -> set[str]:
    """Return the currencies of the owner's accounts that take part, whether the balances of tokens tell of them or cannot be read."""
    try:
        return {accounts[key] for key in _keys(txn) if isinstance(key, str) and key in accounts}
    except ODD_SHAPE:
        return set()


def _entry(chain: Chain, owner: str, accounts: Mapping[str, str], listed: Listed, txn: Any, at: Any, code: str) -> Entry:
    """Net one currency by its balances before and after. The first account pays the fee, even if the transaction failed."""
    if txn['transaction']['signatures'][0] != listed.signature:
        raise ValueError('not the requested transaction')
    keys, meta = _keys(txn), txn['meta']
    fee = money.ZERO
    if code == chain.currency:
        place = keys.index(owner)
        delta = chain.amount(_coin_change(keys, meta, place))
        fee = chain.amount(money.whole(meta['fee'])) if place == 0 else fee
    else:
        delta = _token_change(keys, meta, owner, accounts, currencies.get(code))
    entry = Entry(listed.signature, place_of(code, chain), code, delta, fee, at=money.whole(at), height=money.whole(txn['slot']))
    return checked(entry, chain, SIGNATURE)


def _keys(txn: Any) -> list[str]:
    """Return who takes part, in the order of the balances: named in the transaction, or loaded from tables."""
    loaded = txn['meta'].get('loadedAddresses') or {'writable': [], 'readonly': []}
    return [*txn['transaction']['message']['accountKeys'], *loaded['writable'], *loaded['readonly']]


def _coin_change(keys: Sequence[str], meta: Row, place: int) -> int:
    before, after = ([money.whole(units) for units in meta[name]] for name in ('preBalances', 'postBalances'))
    if not len(keys) == len(before) == len(after):
        raise ValueError('not as many balances as accounts')
    return after[place] - before[place]


def _token_change(keys: Sequence[str], meta: Row, owner: str, accounts: Mapping[str, str], token: Currency) -> Decimal:
    """Return the change of a token in all accounts of an owner, in the token. An account that is opened or closed is in one list only."""
    before, after = (
        sum(_units(row, token) for row in _of_token(meta.get(name), keys, accounts, token) if _is_of(row, keys, owner, accounts))
        for name in (_BEFORE, _AFTER)
    )
    return money.scaled(after - before, token.decimals)


def _of_token(rows: Any, keys: Sequence[str], accounts: Mapping[str, str], token: Currency) -> Iterator[Row]:
    """Yield the rows of a token. Raises ValueError for one that does not name a token and is of an account of the owner's with this one."""
    if not isinstance(rows or [], list):
        raise ValueError('no list')
    for row in rows or ():
        mint = row.get('mint') if isinstance(row, dict) else None
        if mint == token.contract:
            yield row
        elif not isinstance(mint, str) and _code_of_account(row, keys, accounts) == token.code:
            raise ValueError('no token')


def _code_of_account(row: Any, keys: Sequence[str], accounts: Mapping[str, str]) -> str | None:
    """Return the currency of the owner's account that a row is of, None if it is none or does not say."""
    try:
        return accounts.get(keys[money.whole(row['accountIndex'])])
    except ODD_SHAPE:
        return None


def _is_of(row: Row, keys: Sequence[str], owner: str, accounts: Mapping[str, str]) -> bool:
    """Whether the account of a row is the owner's. Rows of before 2022 do not name the owner."""
    named = row.get('owner')
    return named == owner if named is not None else keys[money.whole(row['accountIndex'])] in accounts


def _units(row: Row, token: Currency) -> int:
    held = row['uiTokenAmount']
    if money.whole(held['decimals']) != token.decimals:
        raise ValueError('not the token of the catalogue')
    return money.whole(held['amount'])
