"""How a command ends: with its exit status, and with a sentence in place of a traceback for what the reader can mend."""

import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from infra import credentials
from infra.deploy.target import CannotDeploy


def run(action: Callable[[], None]) -> int:
    """Carry out a command and return its exit status."""
    try:
        action()
    except CannotDeploy as error:
        print(f'\n{error}', file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        reason = credentials.advice(error) or f'AWS refuses: {error}'
        print(f'\n{reason}\nWhat was done stays; once the reason is mended, the same command does the rest', file=sys.stderr)
        return 1
    except ResponseParserError as error:
        reason = str(error).splitlines()[0]
        print(f'\nWhat answered is not AWS, but perhaps a proxy or the log-in page of a network ({reason})', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('\nInterrupted. What was done stays; the same command does the rest', file=sys.stderr)
        return 130
    return 0
