"""Conditional requests (RFC 9110 section 13): the ETag of a response, `If-None-Match` and `If-Match`."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from chalice.app import Request, Response

from chalicelib.errors import BadRequest
from chalicelib.http_io.response import Answer, json_text

_TAG = re.compile(r'"[^"]*"')
_VERSION = re.compile(r'"([0-9]{1,9})-')
_MOST_TAGS = 100
_NO_VERSION = 0  # they count from 1


def expected_versions(request: Request) -> frozenset[int] | None:
    """Return the versions that `If-Match` accepts (RFC 9110 section 13.1.1), None for any.

    Only the version in a tag counts, so a change by a job, such as the time of a refresh, does not fail a client's write:
    `If-Match: "3-8d1e8c4f", "5-0a1b2c3d"` gives `frozenset({3, 5})`. Raises BadRequest for more than 100 tags.
    """
    header = request.headers.get('if-match')
    if header is None or header.strip() == '*':
        return None
    versions = [_VERSION.match(tag) for tag in _TAG.findall(header)]
    if len(versions) > _MOST_TAGS:
        raise BadRequest(f'If-Match must have at most {_MOST_TAGS} tags')
    return frozenset(int(match[1]) for match in versions if match) or frozenset({_NO_VERSION})


def etag_middleware(request: Any, get_response: Callable[[Any], Response]) -> Response:
    """Add an ETag over the body of a success, without the envelope's `time`; respond 304 to a GET or HEAD whose `If-None-Match` has it.

    The tag begins with the version of an object that has one, which is all that `If-Match` looks at. The body becomes JSON here, once, as
    Chalice sends a text as it is.
    """
    response = get_response(request)
    if not isinstance(response, Answer) or request.method == 'DELETE':
        return response
    tagged = response.body
    if not isinstance(tagged, str):
        time = f'"time":{response.body.get("time")},'
        response.body = json_text(response.body)
        tagged = response.body.replace(time, '', 1)  # the first there is: it comes before what anybody wrote
    version = '' if response.version is None else f'{response.version}-'
    tag = f'"{version}{hashlib.sha256(tagged.encode()).hexdigest()[:32]}"'
    response.headers['ETag'] = tag
    if request.method in ('GET', 'HEAD') and tag in _TAG.findall(request.headers.get('if-none-match', '').replace('*', tag)):
        kept = {name: value for name, value in response.headers.items() if name != 'Content-Type'}  # section 15.4.5
        return Response('', status_code=304, headers=kept)
    return response
