"""Whose work a message is, which SQS's fair queues go by: nobody waits for the thousands of addresses of somebody else."""

from collections import Counter
from typing import Any

import boto3

from chalicelib.config import settings
from chalicelib.domain.work_groups import work_group
from chalicelib.messages import RefreshLedger, send
from infra.fake_upstreams.scripted_explorer import Explorer, payments
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.jobs import record, refresh_job, run_refresh, run_sweep
from tests.support.ledgers import LEGACY, SEGWIT, TAPROOT

MANY = 300


def take(url: str) -> list[Any]:
    """Take all messages out of a queue."""
    sqs = boto3.client('sqs')
    taken: list[Any] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=['MessageGroupId']).get('Messages'):
        taken += batch
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message['ReceiptHandle'])
    return taken


def groups(url: str) -> list[str]:
    return [message['Attributes']['MessageGroupId'] for message in take(url)]


def in_fair_order(messages: list[Any]) -> list[Any]:
    """Return messages as fair queues deliver them: of a group with a long backlog after those of groups without one."""
    backlog = Counter(message['Attributes']['MessageGroupId'] for message in messages)
    return sorted(messages, key=lambda message: backlog[message['Attributes']['MessageGroupId']])


def test_three_addresses_are_read_before_the_thousands_of_somebody_else(
    api: Api, other: Api, explorer: Explorer, queues: dict[str, str]
) -> None:
    mine = (SEGWIT, LEGACY, TAPROOT)
    explorer.chain |= {address: payments(1) for address in mine}
    send(*(RefreshLedger(f'LEDGER#btc#{number}', group=work_group(api.user_id)) for number in range(MANY)))
    portfolio = other.portfolio()
    for address in mine:
        other.address(portfolio, address)

    delivered = in_fair_order(take(queues[settings().refresh_queue]))

    assert len(delivered) == MANY + 3
    assert refresh_job(*(record({}) | {'body': message['Body']} for message in delivered[:3])) == []
    balances = other.get(f'/api/portfolios/{portfolio}/balances').json_body
    assert [row['complete'] for row in balances['result']] == [True] * 2


def test_every_message_that_a_user_causes_says_so(api: Api, other: Api, explorer: Explorer, queues: dict[str, str]) -> None:
    explorer.chain |= {SEGWIT: payments(1)}
    mine, theirs = work_group(api.user_id), work_group(other.user_id)
    refreshes, histories = (queues[getattr(settings(), name)] for name in ('refresh_queue', 'history_queue'))
    api.address(api.portfolio(), SEGWIT)
    assert (groups(refreshes), groups(histories)) == ([mine], [mine] * 2)
    other.address(other.portfolio(), SEGWIT)
    assert groups(refreshes) == [theirs]
    assert run_refresh(SEGWIT)
    CLOCK.advance(3_000)
    assert run_sweep() == 1
    assert groups(refreshes) == [theirs]  # of who watched it last
    assert api.get('/api/portfolios/1/addresses/1/balances').status_code == 200
    [look] = take(refreshes)
    assert look['Attributes']['MessageGroupId'] == mine
    assert not refresh_job(record({}) | {'body': look['Body']})
    CLOCK.advance(3_000)
    assert run_sweep() == 1
    assert groups(refreshes) == [mine]  # of who looked last
    assert api.delete('/api/portfolios/1').status_code == 200
    assert groups(queues[settings().purge_queue]) == [mine]
