"""A short form of `make abuse`: a few dozen faults, all attacks, some of the mutated tokens."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SHORT = ('--seed', '50', '--scenarios', '1', '--steps', '12', '--tokens', '500')


def test_everything_withstands_faults_and_attacks() -> None:
    env = {name: value for name, value in os.environ.items() if name in ('PATH', 'HOME', 'LANG', 'TMPDIR')} | {'PYTHONHASHSEED': '0'}
    done = subprocess.run([sys.executable, '-m', 'tests.abuse', *SHORT], cwd=ROOT, env=env, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    faults = re.search(r'^faults +([0-9,]+) of', done.stdout, re.MULTILINE)
    attacks = re.search(r'^attacks +tried: ([0-9,]+) +held: \1 +failed: 0$', done.stdout, re.MULTILINE)
    tokens = re.search(r'^tokens +tried: 500 +held: 500 +failed: 0$', done.stdout, re.MULTILINE)
    assert faults
    assert int(faults[1].replace(',', '')) >= 50
    assert attacks
    assert tokens
    assert int(attacks[1].replace(',', '')) >= 200
