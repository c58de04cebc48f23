"""Runs ministack until standard input ends, then ends it with everything it started. The emulator's own Python runs this file."""

import os
import runpy
import subprocess
import sys
import tempfile
from threading import Thread


def main() -> None:
    # Functions are unpacked there, 110 MB for each that runs at once.
    folder = tempfile.mkdtemp(prefix='cryptfolio-emulator-')
    os.environ['TMPDIR'] = os.environ['STATE_DIR'] = tempfile.tempdir = folder
    Thread(target=_end_with_input, args=(folder,), daemon=True).start()
    sys.argv = ['ministack']
    runpy.run_module('ministack', run_name='__main__')


def _end_with_input(folder: str) -> None:
    """Nothing in the emulator is worth saving, and whoever held the other end of the pipe may have been killed."""
    sys.stdin.buffer.read()
    # By another process: only once all of these are dead does nothing more come into the folder.
    subprocess.Popen(['sh', '-c', 'kill -s KILL -- "-$0"; rm -rf "$1"', str(os.getpgrp()), folder], start_new_session=True)


if __name__ == '__main__':
    main()
