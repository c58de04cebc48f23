"""Messages as they are on the wire: those in flight during a deployment, and in dead-letter queues, must stay readable."""

import pytest

from chalicelib import messages
from chalicelib.config import settings
from chalicelib.messages import (
    BackfillRates,
    CheckLedgers,
    DispatchDueHistories,
    FetchRates,
    FollowBlocks,
    ForgetUser,
    Message,
    PurgePortfolio,
    RefreshHistory,
    RefreshLedger,
    StampWatchers,
)
from chalicelib.queue import Body

ON_THE_WIRE: list[tuple[Message, Body]] = [
    (RefreshLedger('LEDGER#btc#1Jf'), {'ledger': 'LEDGER#btc#1Jf'}),
    (RefreshLedger('LEDGER#btc#1Jf', looked_at=1_700_000_000), {'ledger': 'LEDGER#btc#1Jf', 'seen_at': 1_700_000_000}),
    (RefreshLedger('LEDGER#btc#1Jf', group='0123'), {'ledger': 'LEDGER#btc#1Jf', 'group': '0123'}),
    (CheckLedgers(['LEDGER#eth#0xa', 'LEDGER#eth#0xb']), {'ledgers': ['LEDGER#eth#0xa', 'LEDGER#eth#0xb']}),
    (
        CheckLedgers(['LEDGER#eth#0xa'], looked_at=1_700_000_000, group='0123'),
        {'ledgers': ['LEDGER#eth#0xa'], 'seen_at': 1_700_000_000, 'group': '0123'},
    ),
    (StampWatchers('LEDGER#btc#1Jf', 'WATCH#u1#000001'), {'ledger': 'LEDGER#btc#1Jf', 'after': 'WATCH#u1#000001'}),
    (
        StampWatchers('LEDGER#btc#1Jf', 'WATCH#u1#000001', changed=True, group='0123'),
        {'ledger': 'LEDGER#btc#1Jf', 'after': 'WATCH#u1#000001', 'changed': True, 'group': '0123'},
    ),
    (FollowBlocks('btc'), {'follow': 'btc'}),
    (RefreshHistory('u1', 2), {'user_id': 'u1', 'portfolio_id': 2}),
    (RefreshHistory('u1', 2, looked_at=1_700_000_000), {'user_id': 'u1', 'portfolio_id': 2, 'seen_at': 1_700_000_000}),
    (RefreshHistory('u1', 2, waits=3), {'user_id': 'u1', 'portfolio_id': 2, 'waits': 3}),
    (DispatchDueHistories(1007), {'shard': 1007}),
    (FetchRates([]), {'currencies': []}),
    (FetchRates(['ltc', 'gbp']), {'currencies': ['ltc', 'gbp']}),
    (BackfillRates('ltc'), {'backfill': 'ltc'}),
    (PurgePortfolio('u1', 2), {'user_id': 'u1', 'portfolio_id': 2}),
]
KINDS_OF_QUEUES = {
    settings().refresh_queue: (StampWatchers, CheckLedgers, FollowBlocks, RefreshLedger),
    settings().history_queue: (RefreshHistory, DispatchDueHistories),
    settings().rates_queue: (FetchRates, BackfillRates),
    settings().purge_queue: (PurgePortfolio,),
}


@pytest.mark.parametrize(('message', 'body'), ON_THE_WIRE)
def test_a_message_has_this_body(message: Message, body: Body) -> None:
    assert messages.to_body(message) == body


@pytest.mark.parametrize(('message', 'body'), ON_THE_WIRE)
def test_a_body_is_read_as_the_message_it_was_made_of(message: Message, body: Body) -> None:
    read = messages.from_body(body, *KINDS_OF_QUEUES[message.queue])

    assert (type(read), read) == (type(message), message)


def test_to_forget_a_user_is_the_work_of_that_user() -> None:
    assert ForgetUser('u1').group == PurgePortfolio('u1', 2).group == 'bb82030dbc2bcaba'


def test_fields_that_a_newer_release_added_are_ignored() -> None:
    assert messages.from_body({'ledger': 'LEDGER#btc#1Jf', 'priority': 1}, RefreshLedger) == RefreshLedger('LEDGER#btc#1Jf')


@pytest.mark.parametrize('body', [{}, {'user_id': 'u1'}, {'ledger': 'LEDGER#btc#1Jf'}])
def test_a_body_of_no_kind_of_the_queue_is_refused(body: Body) -> None:
    with pytest.raises(ValueError, match='not a message of this queue'):
        messages.from_body(body, RefreshHistory, DispatchDueHistories)
