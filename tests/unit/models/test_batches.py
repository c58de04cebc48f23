"""A batch of which DynamoDB processes a part is sent again until nothing is left, and no longer than that helps."""

from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.errors import Busy
from chalicelib.models import batches, retries

TABLE = 'table'


class Throttled:
    """A table that processes at most `share` of what a batch asks for."""

    def __init__(self, share: int) -> None:
        self.share = share
        self.items: dict[str, Any] = {}
        self.requests = 0

    def batch_write_item(self, **sent: Any) -> Any:
        self.requests += 1
        asked = sent['RequestItems'][TABLE]
        assert 0 < len(asked) <= 25
        for request in asked[: self.share]:
            if 'PutRequest' in request:
                self.items[request['PutRequest']['Item']['pk']['S']] = request['PutRequest']['Item']
            else:
                self.items.pop(request['DeleteRequest']['Key']['pk']['S'], None)
        left = asked[self.share :]
        return {'UnprocessedItems': {TABLE: left} if left else {}}

    def batch_get_item(self, **sent: Any) -> Any:
        self.requests += 1
        wanted = sent['RequestItems'][TABLE]
        assert wanted['ConsistentRead'] is True
        assert 0 < len(wanted['Keys']) <= 100
        found = [self.items[key['pk']['S']] for key in wanted['Keys'][: self.share] if key['pk']['S'] in self.items]
        left = wanted['Keys'][self.share :]
        return {'Responses': {TABLE: found}, 'UnprocessedKeys': {TABLE: wanted | {'Keys': left}} if left else {}}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(retries, 'time', SimpleNamespace(sleep=made.append))
    return made


def keys(number: int) -> list[Any]:
    return [{'pk': {'S': str(n)}} for n in range(number)]


def test_what_is_left_is_sent_again_after_a_pause(pauses: list[float]) -> None:
    table = Throttled(10)
    batches.write(table, TABLE, ({'PutRequest': {'Item': key}} for key in keys(60)))
    assert len(table.items) == 60
    assert (table.requests, len(pauses)) == (7, 4)  # 25, 15, 5; the same; 10
    table.share = 30
    assert list(batches.read(table, TABLE, [*keys(60), {'pk': {'S': 'nosuch'}}], consistent=True)) == keys(60)
    batches.write(table, TABLE, ({'DeleteRequest': {'Key': key}} for key in keys(60)))
    assert table.items == {}


def test_where_nothing_is_processed_at_any_attempt_it_is_busy(pauses: list[float]) -> None:
    table = Throttled(0)
    with pytest.raises(Busy):
        batches.write(table, TABLE, [{'PutRequest': {'Item': key}} for key in keys(1)])
    with pytest.raises(Busy):
        list(batches.read(table, TABLE, keys(1), consistent=True))
    assert (table.requests, len(pauses)) == (16, 14)  # none after the last attempt
