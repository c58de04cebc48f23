"""Samples of requests in three languages. Each is to be run after `prelude` of its language, which has the server and the token."""

import json
import shlex
from typing import Any, NamedTuple

LANGUAGES = {'curl': 'curl', 'python': 'Python', 'javascript': 'JavaScript'}


class RequestSample(NamedTuple):
    """A request to show; `body` is sent as JSON, None for none."""

    method: str
    path: str
    private: bool
    body: Any = None


def prelude(language: str, server: str) -> str:
    """Return what stands before all samples of a language, once."""
    if language == 'curl':
        return f'SERVER={server}\nTOKEN=your-token'
    if language == 'python':
        return f"import requests\n\nSERVER = '{server}'\nHEADERS = {{'Authorization': 'Bearer your-token'}}"
    return f"const SERVER = '{server}';\nconst HEADERS = {{Authorization: 'Bearer your-token'}};"


def write_sample(language: str, request: RequestSample) -> str:
    """Return the request as code of one of LANGUAGES."""
    return {'curl': _curl, 'python': _python, 'javascript': _javascript}[language](request)


def _curl(request: RequestSample) -> str:
    lines = [f'curl "$SERVER{request.path}"']
    if request.method not in ('GET', 'POST'):
        lines.append(f'-X {request.method}')
    if request.private:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    if request.body is not None:
        lines += ['-H "Content-Type: application/json"', f'-d {shlex.quote(_json(request.body))}']
    return ' \\\n  '.join(lines)


def _python(request: RequestSample) -> str:
    arguments = [f"f'{{SERVER}}{request.path}'"]
    if request.private:
        arguments.append('headers=HEADERS')
    if request.body is not None:
        arguments.append(f'json={request.body!r}')
    return f'answer = requests.{request.method.lower()}({", ".join([*arguments, "timeout=30"])})\nprint(answer.json())'


def _javascript(request: RequestSample) -> str:
    options = [] if request.method == 'GET' else [f"method: '{request.method}'"]
    if request.body is not None:
        options.append("headers: {...HEADERS, 'Content-Type': 'application/json'}")
        options.append(f'body: JSON.stringify({_json(request.body)})')
    elif request.private:
        options.append('headers: HEADERS')
    arguments = [f'`${{SERVER}}{request.path}`', *([f'{{{", ".join(options)}}}'] if options else [])]
    return f'const answer = await fetch({", ".join(arguments)});\nconsole.log(await answer.json());'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
