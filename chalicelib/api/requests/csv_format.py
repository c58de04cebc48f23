"""Lists as CSV, for spreadsheets that read a URL: asked for by `?format=csv` or `Accept: text/csv`.

A row has a column for each field that the answer's type declares, whether or not any row has it, so that columns stay where they are.
"""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.api.requests.api_request import ApiRequest
from chalicelib.api.requests.query import FORMAT
from chalicelib.domain import tables
from chalicelib.http_io.response import Answer


def is_asked_for(request: ApiRequest) -> bool:
    """Return whether a client wants CSV: by the parameter, or without it by naming the type before JSON."""
    if request[FORMAT] is not None:
        return bool(request[FORMAT])
    accepted = request.http.headers.get('accept', '').lower()
    return 'text/csv' in accepted.partition('application/json')[0]


def table(answer: Answer, columns: Sequence[str]) -> Answer:
    """Return the list in an answer as CSV; `columns` are the fields of its rows.

    What stands beside the list in the envelope is in headers: `Link` leads to the next page, `X-Complete: false` says that rows are
    missing.
    """
    rows = ([_cell(row.get(name)) for name in columns] for row in answer.body['result'])
    headers = answer.headers | {'Content-Type': tables.CSV_TYPE}
    if 'complete' in answer.body:
        headers['X-Complete'] = 'true' if answer.body['complete'] else 'false'
    return Answer(tables.to_csv(columns, rows), headers=headers)


def _cell(value: Any) -> Any:
    """Return what stands in a cell: of a currency its code, of another object its title, of a list its JSON."""
    if isinstance(value, dict):
        return value.get('code') or value.get('title') or json.dumps(value)
    return json.dumps(value) if isinstance(value, list) else value
