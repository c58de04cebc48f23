"""`python -m infra.operate`: how a stage or a home server does, and what went wrong in a stage. Changes nothing.

Ends with 0; `status` with 1 where something needs a look; with 2 where it could not begin to look.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterable

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.config import BadSetting
from infra import credentials
from infra.data import stage
from infra.data.table import Problem
from infra.operate import aws_status, error_log
from infra.operate.finding import Finding

_MOST_LINES = 300
_UNITS = {'m': 60, 'h': 3_600, 'd': 86_400}


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        status: int = options.run(options)
    except (Problem, BadSetting) as error:
        print(error, file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(credentials.advice(error) or error, file=sys.stderr)
        return 2
    return status


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m infra.operate', description='Health and logs.')
    commands = parser.add_subparsers(metavar='COMMAND', required=True)
    one = commands.add_parser('status', help='show the health of each part, and what to do about what is wrong')
    one.add_argument('--stage', help='such as dev or prod; by default, the server that the environment points to')
    one.set_defaults(run=_status)
    one = commands.add_parser('logs', help='show the errors of all functions of a stage by request id')
    one.add_argument('--stage', required=True, help='such as dev or prod')
    one.add_argument('--since', type=_seconds, default='1h', metavar='TIME', help='how far back: 30m, 1h or 2d (1h)')
    one.add_argument('--request', metavar='ID', help='everything logged about this request, by the X-Request-Id of its response')
    one.set_defaults(run=_logs)
    return parser.parse_args(arguments)


def _seconds(text: str) -> int:
    number_and_unit = re.fullmatch(r'(\d{1,4})([mhd])', text)
    if not number_and_unit:
        raise argparse.ArgumentTypeError(f'{text!r} is not a time such as 30m, 1h or 2d')
    return int(number_and_unit[1]) * _UNITS[number_and_unit[2]]


def _status(options: argparse.Namespace) -> int:
    stage.enter(options.stage, None)
    from infra.operate import service_status  # reads the settings that were made above

    logs = f'make logs STAGE={options.stage}' if options.stage else "the server's own output says why"
    of_aws = aws_status.find(options.stage) if options.stage else service_status.find_queues()
    return _print([*of_aws, *service_status.find(logs)])


def _print(findings: Iterable[Finding]) -> int:
    """Print findings, those that need a look first, and return the exit status."""
    shown = sorted(findings, key=lambda finding: finding.advice is None)
    width = max(len(finding.part) for finding in shown)
    for finding in shown:
        print(f'{"ok" if finding.advice is None else "!!"}  {finding.part:<{width}}  {finding.text}')
        if finding.advice is not None:
            print(f'    {"":<{width}}  -> {finding.advice}')
    wrong = sum(finding.advice is not None for finding in shown)
    print(f'\n{wrong} of {len(shown)} need a look' if wrong else '\nall is well')
    return 1 if wrong else 0


def _logs(options: argparse.Namespace) -> int:
    since = int((time.time() - options.since) * 1_000)
    if options.request:
        entries, nothing = error_log.request(options.stage, since, options.request), 'nothing was logged about it since then'
    else:
        entries, nothing = error_log.errors(options.stage, since), 'no errors since then'
    print('\n'.join(error_log.lines(entries[-_MOST_LINES:])) or nothing)
    if len(entries) > _MOST_LINES:
        print(f'\nthese are the last {_MOST_LINES} of {len(entries)} lines: look back less far to see others')
    return 0


if __name__ == '__main__':
    sys.exit(main())
