"""The file `.env` beside this project, of which git knows nothing: API keys of upstreams for the servers on this computer.

One NAME=value a line. Values are written so that Docker Compose, systemd (`EnvironmentFile=`) and `keys` read the same: bare where all of
their characters are harmless, else in double quotes with a backslash before `"`, `\\` and `$`. Read are the other notations of Compose too,
but variables in values, which only Compose knows. Lines with other settings are left alone and are for Compose.
https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=
"""

import os
import re
import tempfile
from pathlib import Path

from infra import lambda_extras

SETTING = re.compile('UPSTREAM_[A-Z0-9_]+_KEY')
_PATH = lambda_extras.ROOT / '.env'
_LINE = re.compile(r'\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*')
_HARMLESS = re.compile('[A-Za-z0-9_./:@%+=,-]*')
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\s+#.*)?')
_SINGLE_QUOTED = re.compile(r"'([^']*)'(?:\s+#.*)?")
_COMMENT = re.compile(r'(?:^|\s+)#.*')


def enter(path: Path = _PATH) -> None:
    """Put the API keys into the environment of this process, except where that has one."""
    for name, value in keys(path).items():
        os.environ.setdefault(name, value)


def keys(path: Path = _PATH) -> dict[str, str]:
    """Return the API keys by the names of their settings."""
    pairs = ((line['name'], _unquoted(line['value'])) for line in map(_LINE.fullmatch, _lines(path)) if line)
    return {name: value for name, value in pairs if SETTING.fullmatch(name) and value}


def store(setting: str, value: str | None, path: Path = _PATH) -> None:
    """Set an API key, of printable characters, or remove it for None. Nobody else may read the file afterwards."""
    lines = [line for line in _lines(path) if not ((assignment := _LINE.fullmatch(line)) and assignment['name'] == setting)]
    if value is not None:
        lines.append(f'{setting}={_quoted(value)}')
    with tempfile.NamedTemporaryFile('w', dir=path.parent, prefix='.env-', delete=False) as new:  # with mode 0600
        new.write(''.join(f'{line}\n' for line in lines))
    Path(new.name).replace(path)


def _quoted(value: str) -> str:
    if _HARMLESS.fullmatch(value):
        return value
    escaped = re.sub(r'(["\\$])', r'\\\1', value)
    return f'"{escaped}"'


def _unquoted(text: str) -> str:
    if quoted := _DOUBLE_QUOTED.fullmatch(text):
        return re.sub(r'\\(["\\$`])', r'\1', quoted[1])
    if quoted := _SINGLE_QUOTED.fullmatch(text):
        return quoted[1]
    return _COMMENT.sub('', text, count=1)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
