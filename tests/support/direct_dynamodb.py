"""Requests about items go straight to moto's handler of DynamoDB, and not through WSGI, which takes moto half of its time.

`tests/infra/test_quick_moto.py` compares answers with and without.
"""

import json
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.dynamodb.responses import DynamoHandler
from werkzeug.exceptions import HTTPException

from infra.local.replacements import Replacements

_URL = 'https://dynamodb.us-east-1.amazonaws.com/'
_TARGET = 'DynamoDB_20120810.'
_OTHER_ACCOUNT = 'x-moto-account-id'
_METHODS = {
    'GetItem': 'get_item',
    'PutItem': 'put_item',
    'UpdateItem': 'update_item',
    'DeleteItem': 'delete_item',
    'Query': 'query',
    'Scan': 'scan',
    'BatchGetItem': 'batch_get_item',
    'BatchWriteItem': 'batch_write_item',
    'TransactWriteItems': 'transact_write_items',
}

_process_thoroughly = BotocoreStubber.process_request


def _header(request: Any, name: str) -> str:
    """Return a header, which botocore makes bytes, and in a request that it repeats text."""
    value: bytes | str = request.headers[name]
    return value if isinstance(value, str) else value.decode()


def _process(self: BotocoreStubber, request: Any) -> Any:
    """Answer a request: status, headers, body.

    Bytes are left to moto, which knows from the service's model where they are, and so are requests of other accounts.
    """
    is_ours = request.url == _URL and _OTHER_ACCOUNT not in request.headers
    target = _header(request, 'X-Amz-Target') if is_ours else ''
    method = _METHODS.get(target.removeprefix(_TARGET))
    if method is None or any(kind in request.body for kind in (b'"B"', b'"BS"')):
        return _process_thoroughly(self, request)
    handler = DynamoHandler()
    handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, 'us-east-1'
    handler.headers = {'X-Amz-Target': target, 'Content-Type': _header(request, 'Content-Type')}
    handler.querystring, handler.response_headers = {}, {}
    handler.body = handler.params = json.loads(request.body)
    try:
        result = getattr(handler, method)()
    except ServiceException as error:
        result = ActionResult(error)
    except HTTPException as error:
        return error.code, dict(error.get_headers() or ()), error.description
    return handler.serialized(result)


REPLACEMENTS = Replacements((BotocoreStubber, 'process_request', _process))
