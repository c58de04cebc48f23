"""Which ledgers need not be read to be confirmed, and how those are told apart in messages."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.chains import CHAINS
from chalicelib.domain.ledgers import Gap, Holding, Unreadable
from chalicelib.domain.marks import Mark
from chalicelib.messages import CheckLedgers, RefreshLedger
from chalicelib.models import CrossCheck, Cursor, Ledger, Trouble
from chalicelib.models.ledger import STATE
from chalicelib.providers.movements import bulk_sources_of
from chalicelib.services.ledgers import settled
from chalicelib.services.ledgers.checks import CHECKS
from tests.support.quiet import HOUR, settled_ledger

NOW = 1_900_000_000
ETH = Holding('eth', Decimal(5), None, None, None)
DAY = 24 * HOUR


def ledger(pk: str = 'LEDGER#eth#0xa') -> Ledger:
    return settled_ledger(pk, now=NOW, holdings=[ETH])


def cursor(**changes: Any) -> Cursor:
    return Cursor(**{'run': 'x', 'final_height': 1, 'explorer': 'etherscan'} | changes)


UNSETTLED: dict[str, Callable[[Ledger], dict[str, Any]]] = {
    'it was never read': lambda it: {'updated_at': None, 'read_at': None},
    'it was read by a release that did not note when': lambda it: {'read_at': None},
    'it was read a day ago, and somebody looks at it': lambda it: {'read_at': NOW - DAY, 'looked_at': NOW - DAY + 1},
    'it was read a week ago': lambda it: {'read_at': NOW - 7 * DAY},
    'its newest transaction was young when it was read': lambda it: {'newest_at': it.read_at - 3 * HOUR + 1},
    'its transactions are not known': lambda it: {'incomplete': 'transactions_unknown'},
    'a currency has a gap': lambda it: {'gaps': [Gap('usdc', 'transactions_missing', None, Decimal(1))]},
    'a balance cannot be read': lambda it: {'unreadable_balances': [Unreadable('usdc', '0x', 'odd')]},
    'a transaction cannot be read': lambda it: {'cursor': cursor(unreadable_rows=[Unreadable('eth', '0x', 'odd', 1, 1)])},
    'no node told its tokens': lambda it: {'tokens_unconfirmed': True},
    'what it lacks needs a key': lambda it: {'needs_key': True},
    'nothing was downloaded': lambda it: {'cursor': None},
    'a download is under way': lambda it: {'cursor': cursor(resume='17')},
    'it is being summed': lambda it: {'cursor': cursor(counted_to='TXN#1')},
    'its downloads do not reconcile': lambda it: {'cursor': cursor(failed_reconciliations=1)},
    'somebody reads it': lambda it: {'lease_owner': 'w', 'lease_until': NOW + 40},
    'somebody who read it died': lambda it: {'lease_owner': 'w', 'lease_until': NOW - 40},
    'its transactions are being written': lambda it: {'change_pending_since': 1},
    'it could not be read': lambda it: {'failures': 1},
    'an amount is not confirmed': lambda it: {'holdings': [ETH._replace(unconfirmed=Decimal(-1))]},
    'an explorer has trouble with it': lambda it: {'troubles': [Trouble('etherscan', NOW + 1, 1)]},
    'explorers contradict each other': lambda it: {'agreement': CrossCheck(status='disputed', sources=['a', 'b'], checked_at=1)},
    'its address cannot exist': lambda it: {'valid': False},
    'it holds what moves by itself': lambda it: {'holdings': [ETH, Holding('steth', Decimal(1), None, None, None)]},
    'it is an HD wallet': lambda it: {'pk': 'LEDGER#btc#wallet-' + 40 * '0'},
    'it is an account': lambda it: {'pk': 'LEDGER#ACCOUNT#u#000001#000001'},
}
SETTLED: dict[str, dict[str, Any]] = {
    'as it is': {},
    'nothing ever happened': {'newest_at': None, 'holdings': []},
    'it was read almost a day ago': {'read_at': NOW - DAY + 1, 'looked_at': NOW},
    'it was read almost a week ago, and nobody looks at it': {'read_at': NOW - 7 * DAY + 1, 'looked_at': NOW - DAY},
    'its newest transaction was final when it was read': {'newest_at': NOW - HOUR - 3 * HOUR},
    'an explorer had trouble with it': {'troubles': [Trouble('etherscan', NOW, 1)]},
    'no amount is unconfirmed': {'holdings': [ETH._replace(unconfirmed=Decimal(0))]},
    'explorers agree': {'agreement': CrossCheck(status='agreed', sources=['a', 'b'], checked_at=1)},
}


def changed(changes: dict[str, Any]) -> Ledger:
    """Return the ledger with other attributes."""
    it = ledger()
    for name, value in changes.items():
        setattr(it, name, value)
    return it


@pytest.mark.parametrize('why', UNSETTLED)
def test_a_ledger_is_read_where_it_may_not_be_as_it_was(why: str) -> None:
    assert not settled.is_settled(changed(UNSETTLED[why](ledger())), NOW)


@pytest.mark.parametrize('why', SETTLED)
def test_a_ledger_of_which_all_is_known_is_settled(why: str) -> None:
    assert settled.is_settled(changed(SETTLED[why]), NOW)


def test_who_looks_at_a_ledger_that_was_read_long_ago_has_it_read() -> None:
    old = changed({'read_at': NOW - 2 * DAY, 'looked_at': NOW - 5 * DAY})
    assert settled.is_checkable(old, NOW)
    assert list(settled.refreshes([old], NOW, 'g')) == [RefreshLedger(old.pk, NOW, 'g')]


def test_what_is_asked_about_can_be_answered() -> None:
    checked = {code for code in CHAINS if settled.is_checked(code)}
    assert checked == {'ada', 'eth', 'etc', 'pol', 'bnb', 'avax', 'eth-arbitrum', 'eth-optimism', 'eth-base'}
    assert checked <= CHECKS.keys()
    assert {code for code in CHAINS if bulk_sources_of(code)} == settled.BY_MARKS


def test_a_user_has_settled_ledgers_checked_by_chain_and_the_others_read() -> None:
    unread = ledger('LEDGER#eth#0xc')
    unread.read_at = None
    states = [ledger('LEDGER#eth#0xb'), unread, ledger('LEDGER#eth-base#0xa'), ledger('LEDGER#xrp#r1'), ledger('LEDGER#eth#0xa')]
    assert list(settled.refreshes(states, NOW, 'g')) == [
        RefreshLedger('LEDGER#eth#0xc', NOW, 'g'),
        RefreshLedger('LEDGER#xrp#r1', NOW, 'g'),
        CheckLedgers(['LEDGER#eth#0xa', 'LEDGER#eth#0xb'], NOW, 'g'),
        CheckLedgers(['LEDGER#eth-base#0xa'], NOW, 'g'),
    ]


def test_a_message_is_about_a_hundred_ledgers_at_most() -> None:
    assert [len(pks) for pks in settled.by_chain(f'LEDGER#eth#{number:03}' for number in range(250))] == [100, 100, 50]


def test_a_ledger_is_stored_with_its_mark() -> None:
    for mark in (Mark('7', 5, 18_000_000), Mark('a b  c', 5), Mark('', 5)):
        it = ledger()
        it.mark = mark
        read = Ledger.from_raw_data(it.serialize())
        assert (read.mark, read.sk) == (mark, STATE)
