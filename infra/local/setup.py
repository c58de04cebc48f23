"""Prepares a moto_server that runs already: `python -m infra.local setup`, and `chalice local --stage local` by itself."""

import os
import shlex
from collections.abc import Collection, Mapping

from infra.local import supervisor

_ADVICE = 'start moto_server and set AWS_ENDPOINT_URL=http://127.0.0.1:5000, or use make run'


def run() -> None:
    """Prepare the moto_server at AWS_ENDPOINT_URL; print the environment that leads there, for a shell to evaluate.

    Raises CannotStart.
    """
    before = set(os.environ)
    print_environment(prepare(supervisor.default_issuer()), before)


def print_environment(environment: Mapping[str, str], before: Collection[str] = os.environ) -> None:
    """Print variables as a shell takes them, which first forgets those of AWS in `before`: a profile would lead elsewhere."""
    if stray := sorted(name for name in before if name.startswith('AWS_') and name not in environment):
        print('unset', *stray)
    for name, value in environment.items():
        print(f'export {name}={shlex.quote(value)}')


def prepare(issuer: str) -> dict[str, str]:
    """Create stack, keys and demo data at AWS_ENDPOINT_URL, lead this process there, and return the environment that does.

    What exists is kept. Raises CannotStart.
    """
    endpoint = os.environ.get('AWS_ENDPOINT_URL')
    if not endpoint:
        raise supervisor.CannotStart(f'AWS_ENDPOINT_URL is not set: {_ADVICE}')
    from botocore.exceptions import BotoCoreError

    from infra.local import stack

    try:
        settings = stack.enter(endpoint, issuer)
        stack.create()
    except (BotoCoreError, ValueError) as error:
        raise supervisor.CannotStart(f'{endpoint} does not answer as a moto_server does ({error}): {_ADVICE}') from None
    from infra.local import demo  # reads the settings that were made above

    demo.create()
    return settings
