"""`python -m infra.emulator COMMAND ...` runs a command beside an emulated AWS, which it finds at EMULATOR_URL."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from infra.emulator import server

LOG = server.ROOT / 'build' / 'emulator.log'


def main() -> int:
    """Return the command's exit status."""
    parser = argparse.ArgumentParser(prog='python -m infra.emulator', description=__doc__)
    parser.add_argument('--log', type=Path, default=LOG, help='log file of the emulator and the functions')
    parser.add_argument('command', nargs=argparse.REMAINDER, metavar='COMMAND ...')
    options = parser.parse_args()
    if not options.command:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with server.running(options.log) as url:
            status = subprocess.run(options.command, env=os.environ | {'EMULATOR_URL': url}, check=False).returncode
    except server.CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    if status:
        print(f'what the emulator and the functions printed is in {options.log}', file=sys.stderr)
    return status


if __name__ == '__main__':
    sys.exit(main())
