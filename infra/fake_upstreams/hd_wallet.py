"""A Bitcoin HD wallet for the sample upstream: its extended public key, the addresses of it that are used, and their transactions.

The key is `m/84'/0'/0'` below the seed sha256('CryptFolio sample wallet'), so anybody can spend what is paid to it.
"""

import hashlib
from typing import NamedTuple

from infra.fake_upstreams.bitcoin_chain import PARTIES, Coin, Output, Transaction, script_of

KEY = 'zpub6qpXp2KETreyTaVXfDs5oUXV4wLQnQukzjsHXsuBFPaq9fnF3yC5FspD8sWCctvw6oNMq2QsbMR1LEunXo85WMLoBDS1Nd3jPhxigm1KHvf'
# By branch and number.
PLACES = {
    (0, 0): 'bc1qcjv2rsre5vd7mhkvlnaz2j2axdwdxane7x924q',
    (0, 1): 'bc1qdsu2mkwpsyf9f4kqkn469etcreu09h8xhxwek4',
    (0, 2): 'bc1q3td2vt5j29s55zxjcllapvtldelds9ukmr2sp3',
    (0, 22): 'bc1qvyjna9nqhh3mmfr4824v4u3ev083009g2zugsn',
    (1, 0): 'bc1qf64jcc2j4exqf4qt4t2zq9ept4x4kqc0a0trcw',
    (1, 1): 'bc1qghns4d3phu4qpwp8qudhjg9yclrgv7n48x4mwr',
}
ADDRESSES = tuple(PLACES.values())


class _Made(NamedTuple):
    """What is made up of a transaction: the outputs of ours that it spends, as (transaction, output), and whom it pays how much."""

    height: int
    spends: tuple[tuple[int, int], ...]
    pays: tuple[tuple[str, int], ...]


# Paid three times; both first outputs are spent together with change; the change is moved; what was last is beyond nineteen unused ones.
_MADE = (
    _Made(800_000, (), ((PLACES[0, 0], 5_000_000), (PARTIES[3], 700_000))),
    _Made(801_000, (), ((PLACES[0, 1], 3_000_000), (PARTIES[4], 1_100_000))),
    _Made(802_000, ((0, 0), (1, 0)), ((PARTIES[0], 6_000_000), (PLACES[1, 0], 1_997_400))),
    _Made(803_000, ((2, 1),), ((PLACES[0, 2], 1_000_000), (PLACES[1, 1], 995_900))),
    _Made(804_000, (), ((PLACES[0, 22], 2_500_000), (PARTIES[5], 90_000))),
)
_OTHERS_FEE = 1_500


def _transactions() -> tuple[Transaction, ...]:
    made: list[Transaction] = []
    for number, one in enumerate(_MADE):
        outputs = tuple(Output(address, value, script_of(address)) for address, value in one.pays)
        own = tuple(Coin(made[txn].txid, place, made[txn].outputs[place]) for txn, place in one.spends)
        spent = own or (_others_coin(number, sum(output.value for output in outputs) + _OTHERS_FEE),)
        made.append(Transaction(_digest(f'sample wallet {number}'), one.height, 1_690_168_629 + 600 * 1_000 * number, spent, outputs))
    return tuple(made)


def _others_coin(number: int, value: int) -> Coin:
    return Coin(_digest(f'sample wallet funding {number}'), 0, Output(PARTIES[3], value, script_of(PARTIES[3])))


def _digest(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()


TRANSACTIONS = _transactions()
