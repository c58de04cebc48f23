"""What plain `chalice local --stage local` lacks beside a moto_server: AWS resources, settings and API Gateway's authorization
and routes.

`app.py` calls `prepare` before it imports anything that reads settings; docs/decisions/0016-chalice-local.md says why there.
"""

import argparse
import logging
import os
import sys

from infra import environment_file
from infra.local import authorizer, greedy_routes, setup
from infra.local.supervisor import DEFAULT_PORT, HOST, CannotStart


def prepare() -> None:
    """Create what is missing at AWS_ENDPOINT_URL and put the settings that lead there into the environment.

    Without a moto_server this ends the process with status 1 and one sentence on standard error; chalice's reloader, which is there
    without `--no-autoreload`, ends with 0 then (docs/decisions/0016-chalice-local.md). It does not raise SystemExit: chalice loads the
    application in a second thread, which alone would end.
    """
    logging.getLogger('botocore').setLevel(logging.WARNING)  # chalice shows on standard output where credentials were found
    authorizer.install()
    greedy_routes.install()
    environment_file.enter()
    try:
        setup.prepare(f'http://{HOST}:{_port(sys.argv[1:])}')
    except CannotStart as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)


def _port(arguments: list[str]) -> int:
    """Return the port that `chalice local` was started with; chalice does not pass it on to the application."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument('--port', type=int, default=DEFAULT_PORT)
    port: int = parser.parse_known_args(arguments)[0].port
    return port
