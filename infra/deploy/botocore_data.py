"""Takes out of botocore's descriptions of services what no client reads: it is most of what a function parses when it makes a client.

That is texts of documentation, examples, and in `endpoints.json` the services that no function calls. The rest is stored as plain JSON,
which botocore looks for first: the package is compressed as a whole.
"""

import gzip
import json
from typing import Any

_FOLDER = 'botocore/data/'
_ENDPOINTS = f'{_FOLDER}endpoints.json'
# Of the clients that functions make, as `endpointPrefix` in their descriptions.
ENDPOINT_PREFIXES = ('dynamodb', 'email', 'kms', 'sqs', 'ssm', 'sts')


def is_read(name: str) -> bool:
    """Return whether a client reads a file of botocore's data.

    >>> [is_read(f'botocore/data/kms/2014-11-01/{name}') for name in ('service-2.json.gz', 'examples-1.json')]
    [True, False]
    """
    return not (name.startswith(_FOLDER) and name.endswith('/examples-1.json'))


def shorten(name: str, content: bytes) -> tuple[str, bytes]:
    """Return name and content of a file of the package, shorter if it is one of botocore's data. Can be repeated.

    >>> shorten('botocore/data/kms/2014-11-01/service-2.json', b'{"shapes": {"Key": {"type": "string", "documentation": "A key."}}}')
    ('botocore/data/kms/2014-11-01/service-2.json', b'{"shapes":{"Key":{"type":"string"}}}')
    """
    if not name.startswith(_FOLDER):
        return name, content
    if name.endswith('.json.gz'):
        name, content = name.removesuffix('.gz'), gzip.decompress(content)
    if name.endswith('/service-2.json'):
        content = _to_json(_without_documentation(json.loads(content)))
    elif name == _ENDPOINTS:
        content = _to_json(_of_services(json.loads(content)))
    return name, content


def _without_documentation(part: Any) -> Any:
    """Return a part of a description without its texts. A shape's member may have that name too: it is an object."""
    if isinstance(part, dict):
        return {key: _without_documentation(value) for key, value in part.items() if key != 'documentation' or not isinstance(value, str)}
    if isinstance(part, list):
        return [_without_documentation(value) for value in part]
    return part


def _of_services(endpoints: dict[str, Any]) -> dict[str, Any]:
    partitions = [
        partition | {'services': {name: service for name, service in partition['services'].items() if name in ENDPOINT_PREFIXES}}
        for partition in endpoints['partitions']
    ]
    return endpoints | {'partitions': partitions}


def _to_json(value: Any) -> bytes:
    return json.dumps(value, separators=(',', ':')).encode()
