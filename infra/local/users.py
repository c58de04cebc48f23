"""`python -m infra.local user EMAIL`: a user of a home server, whose sign-up is closed."""

import os
import time
from pathlib import Path

from infra import password_prompt
from infra.durable.folder import CannotOpen, Folder, Holder, InUse
from infra.local.supervisor import CannotStart


def create(email: str, name: str | None) -> None:
    """Ask for a password and store a user in the folder that DATA names, whether its server runs or not. Raises CannotStart."""
    folder = _folder()
    try:
        password = password_prompt.ask()
        if environment := folder.server_environment():
            os.environ.update(environment)
            _store(email, name, password)
        else:
            _store_alone(folder, email, name, password)
    except InUse:  # by a server that began meanwhile
        os.environ.update(running_environment())
        _store(email, name, password)
    except (CannotOpen, password_prompt.NotTheSame) as error:
        raise CannotStart(str(error)) from None


def _store_alone(folder: Folder, email: str, name: str | None, password: str) -> None:
    from infra.local import emulated_aws, stack

    with folder.opened(Holder.COMMAND):
        emulated_aws.enter(folder, 'http://127.0.0.1')
        stack.create()
        _store(email, name, password)


def running_environment() -> dict[str, str]:
    """Return the environment that leads to the server that runs on the folder DATA. Raises CannotStart when none does."""
    folder = _folder()
    try:
        environment = folder.server_environment()
    except CannotOpen as error:
        raise CannotStart(str(error)) from None
    if environment is None:
        raise CannotStart(f'no server runs on {folder.path}: make serve DATA={folder.path}')
    return environment


def _folder() -> Folder:
    data = os.environ.get('DATA')
    if not data or not Path(data).is_dir():
        raise CannotStart('which home server? DATA must be the folder that keeps its data')
    return Folder(Path(data))


def _store(email: str, name: str | None, password: str) -> None:
    from chalicelib.errors import Invalid
    from chalicelib.services.users import sign_ups

    try:
        user = sign_ups.create_confirmed(name=name, email=email, password=password, now=int(time.time()))
    except Invalid as invalid:
        raise CannotStart('; '.join(fault.message for fault in invalid.faults)) from None
    print(f'{user.email} can log in')
