"""Accounts at exchanges in exports: all but the credentials, which their owner is asked for after a restore."""

from pathlib import Path

import boto3

from chalicelib.config import settings
from chalicelib.models import Credentials
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.dynamodb import table
from tests.support.exports import run
from tests.support.jobs import accounts_queue
from tests.support.kraken import CREDENTIALS, KEY, SECRET, Kraken, create_account, trades

PATH = '/api/portfolios/1/accounts/1'


def test_a_restored_account_shows_what_was_known_and_asks_for_its_credentials(
    api: Api, kraken: Kraken, queues: dict[str, str], tmp_path: Path
):
    api.portfolio()
    create_account(api)
    kraken.account.rows = trades(2)
    accounts_queue(queues).drain()
    known = api.get(f'{PATH}/balances').json_body['result']
    [secret] = [item['secret']['B'] for item in table() if item['sk']['S'] == 'CREDENTIALS']

    assert run('export', '--all', tmp_path / 'all.jsonl') == 0

    written = (tmp_path / 'all.jsonl').read_bytes()
    assert not [text for text in (KEY.encode(), SECRET.encode(), b'CREDENTIALS', bytes(secret)) if text in written]
    _empty_table()
    assert run('import', tmp_path / 'all.jsonl') == 0
    assert api.get(f'{PATH}/balances').json_body['result'] == known
    CLOCK.advance(3_000)
    api.get(f'{PATH}/balances')
    accounts_queue(queues).drain()
    assert api.get(PATH).json_body['result']['problem']['reason'] == 'credentials_missing'

    assert api.patch(PATH, {'credentials': CREDENTIALS}).status_code == 200
    CLOCK.advance(60)
    accounts_queue(queues).drain()

    assert api.get(PATH).json_body['result']['valid'] is True


def test_a_forgotten_users_credentials_are_gone(api: Api):
    api.portfolio()
    create_account(api)

    assert run('users', 'forget', '--yes', 'test@example.com') == 0

    assert Credentials.find(f'LEDGER#ACCOUNT#{api.user_id}#000001#000001') is None


def _empty_table() -> None:
    client = boto3.client('dynamodb')
    for item in table():
        client.delete_item(TableName=settings().table_name, Key={'pk': item['pk'], 'sk': item['sk']})
