"""The file `.env` beside this project, of which git knows nothing: API keys of upstreams for the servers on this computer.

One NAME=value a line, as Docker Compose reads it too. Lines with other settings are left alone and are for Compose.
"""

import os
import re
import tempfile
from pathlib import Path

from infra import lambda_extras

SETTING = re.compile('UPSTREAM_[A-Z0-9_]+_KEY')
_PATH = lambda_extras.ROOT / '.env'


def enter(path: Path = _PATH) -> None:
    """Put the API keys into the environment of this process, except where that has one."""
    for name, value in keys(path).items():
        os.environ.setdefault(name, value)


def keys(path: Path = _PATH) -> dict[str, str]:
    """Return the API keys by the names of their settings."""
    pairs = (line.partition('=') for line in _lines(path))
    return {name.strip(): value.strip().strip('\'"') for name, _, value in pairs if SETTING.fullmatch(name.strip()) and value.strip()}


def store(setting: str, value: str | None, path: Path = _PATH) -> None:
    """Set an API key, or remove it for None. Nobody else may read the file afterwards."""
    lines = [line for line in _lines(path) if line.partition('=')[0].strip() != setting]
    if value is not None:
        lines.append(f'{setting}={value}')
    with tempfile.NamedTemporaryFile('w', dir=path.parent, prefix='.env-', delete=False) as new:  # with mode 0600
        new.write(''.join(f'{line}\n' for line in lines))
    Path(new.name).replace(path)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
