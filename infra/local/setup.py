"""`python -m infra.local setup`: prepares a moto_server that runs already, for `chalice local --stage local` beside it."""

import os
import shlex

from infra.local import supervisor


def run() -> None:
    """Create stack, keys and demo data at AWS_ENDPOINT_URL; print the environment that leads there, to be evaluated by a shell.

    What is there already is kept. Raises CannotStart.
    """
    endpoint = os.environ.get('AWS_ENDPOINT_URL')
    if not endpoint:
        raise supervisor.CannotStart('AWS_ENDPOINT_URL is not set: start moto_server and set it to http://127.0.0.1:5000')
    issuer = f'http://{supervisor.HOST}:{supervisor.port()}'
    from botocore.exceptions import BotoCoreError

    from infra.local import stack

    try:
        settings = stack.enter(endpoint, issuer)
        stack.create()
    except (BotoCoreError, ValueError) as error:
        raise supervisor.CannotStart(f'{endpoint} does not answer as a moto_server does: {error}') from None
    from infra.local import demo  # reads the settings that were made above

    demo.create()
    for name, value in settings.items():
        print(f'export {name}={shlex.quote(value)}')
