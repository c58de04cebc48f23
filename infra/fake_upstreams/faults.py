"""Ways in which an upstream fails. A fault turns the right answer to a request into what is sent."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from infra.fake_upstreams.answer import Answer


@dataclass(frozen=True)
class Request:
    """A GET request; `path` is what follows the upstream's key."""

    upstream: str
    path: str
    query: dict[str, str]


Fault = Callable[[Request, Answer], Answer]


def down(_: Request, answer: Answer) -> Answer:
    """Hang up without an answer."""
    return replace(answer, hang_up=True)


def slow(seconds: float) -> Fault:
    """Answer late."""
    return lambda _, answer: replace(answer, delay=seconds)


def drip(pause: float, *, chunked: bool = False) -> Fault:
    """Answer byte by byte."""
    return lambda _, answer: replace(answer, piece=1, pause=pause, chunked=chunked)


def status(code: int, body: str = '<html><h1>Sorry</h1></html>', **headers: str) -> Fault:
    """Answer another status, by default in HTML; `headers` are spelled with underscores."""
    sent = {name.replace('_', '-'): value for name, value in headers.items()}
    return lambda _, answer: replace(answer, status=code, body=body, content_type='text/html', headers=sent)


def html(request: Request, answer: Answer) -> Answer:
    """Answer 200 with a page for people."""
    return status(200)(request, answer)


def text(body: str) -> Fault:
    """Answer 200 with `body`."""
    return lambda _, answer: replace(answer, body=body)


def recorded(bodies: dict[str, bytes]) -> Fault:
    """Answer recorded bodies by path, 404 for other paths."""
    return lambda request, answer: replace(answer, body=bodies[request.path]) if request.path in bodies else Answer(404, b'')


def truncated_json(_: Request, answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def truncated_body(_: Request, answer: Answer) -> Answer:
    """Hang up in the middle of the body."""
    return replace(answer, body=answer.body[: len(answer.body) // 2], claimed_length=len(answer.raw))


def enormous(size: int) -> Fault:
    """Answer `size` bytes of JSON."""
    return lambda _, answer: replace(answer, body=b'[' + b' ' * size + b']')


def changed(change: Callable[[Any], Any]) -> Fault:
    """Answer what `change` makes of the JSON; it may change it in place and return None."""

    def fault(_: Request, answer: Answer) -> Answer:
        value = json.loads(answer.body)
        result = change(value)
        return replace(answer, body=json.dumps(value if result is None else result))

    return fault


def only(path: str, fault: Fault) -> Fault:
    """Apply `fault` to the requests with `path` in theirs."""
    return lambda request, answer: fault(request, answer) if path in request.path else answer
