"""What looking at one part of a stage found."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from infra import credentials


class Finding(NamedTuple):
    """`part` is what was looked at, `text` how it is, and `advice` what to do about it, None where nothing is wrong."""

    part: str
    text: str
    advice: str | None = None


def looked_at(part: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Return what looking found; where AWS refuses it, that."""
    try:
        return list(look())
    except (BotoCoreError, ClientError) as error:
        advice = credentials.advice(error) or "use an administrator's credentials, and the region of the stage"
        return [Finding(part, f'cannot be read: {error}', advice)]
