"""What a sample upstream sends back."""

import json
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    body: str
    content_type: str = 'text/plain'


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value, separators=(',', ':')), 'application/json')
