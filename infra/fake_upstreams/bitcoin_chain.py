"""The sample chain: two addresses, every transaction that touches them, and what any address pays to.

How an explorer tells it is not decided here.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

EARLY_ADDRESS = '1JfbZRwdDHKZmuiZgYArJZhcuuzuw2HuMu'
# Pays to the program 0fbee6f9b74590101318815320830dc49b900673, which is no hash of any known key: nobody can use this address.
BUSY_ADDRESS = 'bc1qp7lwd7dhgkgpqyccs9fjpqcdcjdeqpnnzhsdte'
ADDRESSES: tuple[str, str] = (EARLY_ADDRESS, BUSY_ADDRESS)

TIP_HEIGHT = 850_000
TIP_TIME = 1_719_700_000

# Block 5 is real: the coinbase below hashes to its public transaction id, and the block's header to its public hash.
COINBASE_HEIGHT = 5
COINBASE_BLOCK_HASH = '000000009b7262315dbf071787ad3656097b892abffd1f95a1a022f896f533fc'
COINBASE_SCRIPT = bytes.fromhex('04ffff001d0120')
COINBASE_PUBLIC_KEY = bytes.fromhex(
    '0456579536d150fbce94ee62b47db2ca43af0a730a0467ba55c79e2a7ec9ce4ad297e35cdbb8e42a4643a60eef7c9abee2f5822f86b1da242d9c2301c431facfd8'
)

# Everybody else in the sample. All made up, the same way as BUSY_ADDRESS.
PARTIES = (
    '1Ky5YFzXUd8p4UW7moqcAoD7nLoMGFFJQF',
    '1s4DpWFR3Qjjf4qPBC5kHPNgyidnq7c9J',
    '3QHkmg5hHQjjLhZb7qVpHKRncu8MkY7vB9',
    'bc1qaxxukj5fgexluc40cvxw4kpsu2vajqlhdfwc0z',
    'bc1qjfyvsnzt7kv86q0sjhz9fpa2d3pd86gpjugu7v',
    'bc1pchf4trtvndch4rhelucswh4fkz8kyqdm35ncmjyr3hapk5et8drqwae3vg',
)

BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
BECH32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
BECH32_MAINNET = (3, 3, 0, 2, 3)  # the prefix `bc`, expanded as BIP-173 tells
BECH32_CHECK = 1
BECH32M_CHECK = 0x2BC830A3


class Output(NamedTuple):
    """`value` is in satoshi. `address` is whom it pays; for a public key, the P2PKH address of that key."""

    address: str
    value: int
    script: bytes


class Coin(NamedTuple):
    """Output `number`, from 0, of the transaction `txid`, as a later one spends it."""

    txid: str
    number: int
    output: Output


class Transaction(NamedTuple):
    """`time` is in Unix seconds. A coinbase spends no coin."""

    txid: str
    height: int
    time: int
    spent: tuple[Coin, ...]
    outputs: tuple[Output, ...]

    @property
    def fee(self) -> int:
        """In satoshi; 0 for a coinbase."""
        if not self.spent:
            return 0
        return sum(coin.output.value for coin in self.spent) - sum(output.value for output in self.outputs)


def script_of(address: str) -> bytes:
    """The scriptPubKey of a mainnet address (base58check, BIP-173, BIP-350). Raises ValueError for anything else."""
    if address.lower().startswith('bc1'):
        return _segwit_script(address)
    return _base58_script(address)


def block_hash(height: int) -> str:
    """Made up for every block but block 5."""
    if height == COINBASE_HEIGHT:
        return COINBASE_BLOCK_HASH
    return '0' * 19 + _digest(f'sample block {height}')[:45]


def _base58_script(address: str) -> bytes:
    if not 26 <= len(address) <= 35:
        raise ValueError('wrong length')
    number = 0
    for character in address:
        number = number * 58 + BASE58.index(character)
    raw = number.to_bytes(max(25, (number.bit_length() + 7) // 8), 'big')
    payload, check = raw[:-4], raw[-4:]
    zeros = len(raw) - len(raw.lstrip(b'\0'))
    if len(raw) != 25 or zeros != len(address) - len(address.lstrip('1')):
        raise ValueError('wrong length')
    if hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] != check:
        raise ValueError('wrong checksum')
    return _legacy_script(payload[0], payload[1:])


def _legacy_script(version: int, digest: bytes) -> bytes:
    if version == 0:
        return b'\x76\xa9\x14' + digest + b'\x88\xac'
    if version == 5:
        return b'\xa9\x14' + digest + b'\x87'
    raise ValueError('not a mainnet address')


def _segwit_script(address: str) -> bytes:
    if address not in (address.lower(), address.upper()) or not 14 <= len(address) <= 74:
        raise ValueError('mixed case or wrong length')
    groups = [BECH32.index(character) for character in address.lower()[3:]]
    version = groups[0]
    if _polymod([*BECH32_MAINNET, *groups]) != (BECH32M_CHECK if version else BECH32_CHECK) or version > 16:
        raise ValueError('wrong checksum or version')
    program = _regroup(groups[1:-6])
    if not 2 <= len(program) <= 40 or (version == 0 and len(program) not in (20, 32)):
        raise ValueError('wrong program length')
    return bytes((0x50 + version if version else 0, len(program))) + program


def _polymod(groups: list[int]) -> int:
    check = 1
    for group in groups:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ group
        for position, generator in enumerate(BECH32_GENERATORS):
            check ^= generator if top >> position & 1 else 0
    return check


def _regroup(groups: list[int]) -> bytes:
    number = 0
    for group in groups:
        number = number << 5 | group
    padding = len(groups) * 5 % 8
    if padding > 4 or number & ((1 << padding) - 1):
        raise ValueError('wrong padding')
    return (number >> padding).to_bytes(len(groups) * 5 // 8, 'big')


def _digest(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()


def _pay(address: str, value: int) -> Output:
    return Output(address, value, script_of(address))


def _fee(index: int) -> int:
    return 300 + index * 97 % 4_000


def _party(index: int) -> str:
    return PARTIES[index % len(PARTIES)]


def _others_coin(index: int, value: int) -> Coin:
    return Coin(_digest(f'sample funding {index}'), index % 3, _pay(_party(index), value))


Step = tuple[tuple[Coin, ...], tuple[Output, ...]]


def _incoming(index: int, address: str, value: int) -> Step:
    change = 40_000 + index * 7_919
    coin = _others_coin(index, value + change + _fee(index))
    return (coin,), (_pay(address, value), _pay(coin.output.address, change))


def _early_transactions() -> tuple[Transaction, ...]:
    """Public facts: the ids, times and amounts received. Made up: the last two's heights, senders, fees and other outputs."""
    coinbase = Output(EARLY_ADDRESS, 50_0000_0000, b'\x41' + COINBASE_PUBLIC_KEY + b'\xac')
    return (
        Transaction('63522845d294ee9b0188ae5cac91bf389a0c3723f084ca1025e7d9cdfe481ce1', COINBASE_HEIGHT, 1_231_471_428, (), (coinbase,)),
        Transaction(
            'b565336983c6139e2fd4d5bdd127d7a8b94e9d2dba084a97c002871766a079f3',
            366_500,
            1_437_559_971,
            *_incoming(100, EARLY_ADDRESS, 1_000),
        ),
        Transaction(
            '06d7d63d6c1966a378bbbd234a27a5b583f37d3bdf9fb9ef50f4724c86b4559b',
            409_900,
            1_462_227_851,
            *_incoming(102, EARLY_ADDRESS, 500_000),
        ),
    )


def _receive(index: int, coins: list[Coin]) -> Step:
    return _incoming(index, BUSY_ADDRESS, 500_000 + int(_digest(f'sample amount {index}')[:8], 16) % 20_000_000)


def _spend(index: int, coins: list[Coin]) -> Step:
    coin = max(coins, key=_value)
    paid = coin.output.value // 3
    return (coin,), (_pay(_party(index), paid), _pay(BUSY_ADDRESS, coin.output.value - paid - _fee(index)))


def _spend_many(index: int, coins: list[Coin]) -> Step:
    smallest = sorted(coins, key=_value)[:3]
    total = sum(map(_value, smallest))
    paid = total * 3 // 4
    return tuple(smallest), (_pay(BUSY_ADDRESS, total - paid - _fee(index)), _pay(_party(index), paid))


def _self_send(index: int, coins: list[Coin]) -> Step:
    coin = max(coins, key=_value)
    half = coin.output.value // 2
    return (coin,), (_pay(BUSY_ADDRESS, half), _pay(BUSY_ADDRESS, coin.output.value - half - _fee(index)))


def _spend_jointly(index: int, coins: list[Coin]) -> Step:
    """One input of ours and one of somebody else's, and no change: the fee is not ours alone, the delta is."""
    coin = min(coins, key=_value)
    other = _others_coin(index, 1_234_567)
    return (coin, other), (_pay(_party(index + 1), _value(coin) + _value(other) - _fee(index)),)


def _value(coin: Coin) -> int:
    return coin.output.value


STEPS: dict[str, Callable[[int, list[Coin]], Step]] = {
    'receive': _receive,
    'spend': _spend,
    'many': _spend_many,
    'self': _self_send,
    'joint': _spend_jointly,
}
PLAN = ['receive', 'receive', 'receive', 'spend', 'receive', 'receive', 'many', 'receive', 'spend', 'self', 'spend', 'joint'] * 5
# These share the block of the one before, where an explorer's page ends: 25 and 50 newest first.
SAME_BLOCK_AS_BEFORE = (10, 35)


def _busy_transactions() -> tuple[Transaction, ...]:
    transactions: list[Transaction] = []
    coins: list[Coin] = []
    for index, kind in enumerate(PLAN):
        blocks = 1_709 * (index - 1 if index in SAME_BLOCK_AS_BEFORE else index)
        transaction = Transaction(
            _digest(f'sample transaction {index}'), 700_000 + blocks, 1_631_333_672 + 600 * blocks, *STEPS[kind](index, coins)
        )
        coins = [coin for coin in coins if coin not in transaction.spent] + _own_coins(transaction)
        transactions.append(transaction)
    return tuple(transactions)


def _own_coins(transaction: Transaction) -> list[Coin]:
    return [Coin(transaction.txid, number, output) for number, output in enumerate(transaction.outputs) if output.address == BUSY_ADDRESS]


# Oldest first; within a block, in the order of the block.
TRANSACTIONS: tuple[Transaction, ...] = _early_transactions() + _busy_transactions()
