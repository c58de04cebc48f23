"""What earlier releases stored and exported is read, restored, and answers as it did then."""

import gzip
import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from chalice.test import Client as ChaliceClient

from chalicelib import clock, messages
from chalicelib.config import settings
from chalicelib.jobs import histories
from chalicelib.messages import RefreshHistory
from infra.data.archive import decode
from infra.data.table import kind_of
from tests.support.api import ALL_SCOPES, Api
from tests.support.exports import run
from tests.support.jobs import Queue

FOLDER = Path(__file__).parent / 'archives' / 'displayed_histories'
EARLIER = json.loads(gzip.decompress((FOLDER / 'answers.json.gz').read_bytes()))
ADDED = {'since': None}  # to what an earlier release answered


def _as_then(answer: dict[str, Any]) -> str:
    """Return an answer without what later releases add, and with any cursor, which is opaque, in the place of its own."""
    result = answer.get('result')
    if isinstance(result, list):  # the balances of an address say of each currency whether it is complete
        rows = [{name: value for name, value in row.items() if name != 'complete' or 'unconfirmed' not in row} for row in result]
        answer = answer | {'result': rows}
    if isinstance(result, dict):
        answer = answer | {'result': {name: value for name, value in result.items() if (name, value) not in ADDED.items()}}
    return json.dumps(answer | {'next': 'cursor'} if 'next' in answer else answer)


EARLIER['answers'] = {path: _as_then(answer) for path, answer in EARLIER['answers'].items()}
STORED_HISTORIES = {'history', 'chunk'}


class Restored:
    """A table with the export of an earlier release, at the time it was made."""

    def __init__(self, http: ChaliceClient, monkeypatch: pytest.MonkeyPatch) -> None:
        self._http = http
        self._headers = {'Authorization': f'Bearer {Api(http, EARLIER["user_id"], ALL_SCOPES).token()}'}
        monkeypatch.setattr(clock, 'now', lambda: EARLIER['now'])
        assert run('import', FOLDER / 'export.jsonl') == 0

    def get(self, path: str) -> dict[str, Any]:
        response = self._http.http.request('GET', path, headers=self._headers)
        return {name: value for name, value in response.json_body.items() if name not in ('time', 'request_id')}

    def answers(self) -> dict[str, str]:
        """Return what each path answers that the earlier release was asked, in the order of its keys."""
        return {path: _as_then(self.get(path)) for path in EARLIER['answers']}

    def put_left_out(self, *, histories: bool) -> None:
        """Put what the export left out, with or without the histories that were stored."""
        client = boto3.client('dynamodb')
        for line in (FOLDER / 'left_out.jsonl').read_bytes().splitlines():
            item = decode(line)
            if histories or kind_of(item) not in STORED_HISTORIES:
                client.put_item(TableName=settings().table_name, Item=item)


@pytest.fixture
def restored(http: ChaliceClient, monkeypatch: pytest.MonkeyPatch) -> Restored:
    return Restored(http, monkeypatch)


@pytest.fixture
def history_queue(queues: dict[str, str]) -> Queue:
    return Queue(queues[settings().history_queue], histories.refresh_histories)


def test_histories_that_an_earlier_release_stored_answer_as_they_did(restored: Restored) -> None:
    restored.put_left_out(histories=True)

    assert restored.answers() == EARLIER['answers']


def test_histories_that_an_earlier_release_stored_are_updated_from_where_they_end(restored: Restored, history_queue: Queue) -> None:
    restored.put_left_out(histories=True)
    for portfolio_id in (1, 2):
        messages.send_or_leave_to_sweep(RefreshHistory(EARLIER['user_id'], portfolio_id, looked_at=EARLIER['now']))
    history_queue.drain()

    assert restored.answers() == EARLIER['answers']


def test_histories_computed_anew_from_an_export_of_an_earlier_release_answer_as_they_did(restored: Restored, history_queue: Queue) -> None:
    restored.put_left_out(histories=False)
    assert restored.get('/api/portfolios/1/balances/history')['code'] == 'not_ready'
    assert restored.get('/api/portfolios/2/balances/history')['success']
    history_queue.drain()

    assert restored.answers() == EARLIER['answers']
