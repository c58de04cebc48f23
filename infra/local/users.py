"""`python -m infra.local user EMAIL`: a user of a home server, whose sign-up is closed."""

import getpass
import os
import sys
import time
from pathlib import Path

from infra.durable.folder import CannotOpen, Folder
from infra.local.supervisor import CannotStart


def create(email: str, name: str | None) -> None:
    """Ask for a password and store a user in the folder that DATA names, whether its server runs or not. Raises CannotStart."""
    folder = _folder()
    if folder.is_in_use:
        os.environ.update(folder.environment)
        _store(email, name)
        return
    from infra.local import emulated_aws, stack

    try:
        with folder.opened():
            emulated_aws.enter(folder, 'http://127.0.0.1')
            stack.create()
            _store(email, name)
    except CannotOpen as error:
        raise CannotStart(str(error)) from None


def running_environment() -> dict[str, str]:
    """Return the environment that leads to the server that runs on the folder DATA. Raises CannotStart when none does."""
    folder = _folder()
    if not folder.is_in_use:
        raise CannotStart(f'no server runs on {folder.path}: make serve DATA={folder.path}')
    return folder.environment


def _folder() -> Folder:
    data = os.environ.get('DATA')
    if not data or not Path(data).is_dir():
        raise CannotStart('which home server? DATA must be the folder that keeps its data')
    return Folder(Path(data))


def _store(email: str, name: str | None) -> None:
    from chalicelib.domain.credentials import check_new_password, parse_email, parse_name
    from chalicelib.errors import Invalid
    from chalicelib.models import User
    from chalicelib.passwords import hash_password

    try:
        address = parse_email(email)
        password = _password()
        check_new_password(password, address)
        User.create(
            name=parse_name(name or address.partition('@')[0]),
            email=address,
            password_hash=hash_password(password),
            allow_remote_login=False,
            now=int(time.time()),
        )
    except Invalid as invalid:
        raise CannotStart('; '.join(fault.message for fault in invalid.faults)) from None
    print(f'{address} can log in')


def _password() -> str:
    """Return a password that is typed twice, or the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip('\n')
    password = getpass.getpass('Password: ')
    if getpass.getpass('Once more: ') != password:
        raise CannotStart('the two are not the same; no user was created')
    return password
