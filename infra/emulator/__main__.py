"""`python -m infra.emulator COMMAND ...` runs a command beside an emulated AWS, which it finds at EMULATOR_URL."""

import os
import signal
import subprocess
import sys

from infra.emulator import server

LOG = server.ROOT / 'build' / 'emulator.log'


def main() -> int:
    """Return the command's exit status."""
    if not sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with server.running(LOG) as url:
            status = subprocess.run(sys.argv[1:], env=os.environ | {'EMULATOR_URL': url}, check=False).returncode
    except server.CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    if status:
        print(f'what the emulator and the functions printed is in {LOG}', file=sys.stderr)
    return status


if __name__ == '__main__':
    sys.exit(main())
