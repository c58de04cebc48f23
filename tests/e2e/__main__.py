"""`make e2e-remote URL=… EMAIL=…`: the tests that hold of any server, against one that runs. Asks for the password of the user.

`python -m tests.e2e URL EMAIL -k address` runs some of them: what follows the two is pytest's.
"""

import getpass
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def main() -> int:
    if len(sys.argv) < 3 or not all(sys.argv):
        print('which server, and which user of it? make e2e-remote URL=https://… EMAIL=you@example.com', file=sys.stderr)
        return 2
    os.environ['E2E_URL'], os.environ['E2E_EMAIL'], *chosen = sys.argv[1:]
    if 'E2E_PASSWORD' not in os.environ:
        os.environ['E2E_PASSWORD'] = getpass.getpass('Password: ') if sys.stdin.isatty() else sys.stdin.readline().rstrip('\n')
    # Of the other files some import the application, which takes the settings of one.
    files = [str(path) for path in sorted((ROOT / 'tests' / 'e2e').glob('test_*.py')) if 'pytest.mark.remote' in path.read_text()]
    # Without the conftest of all tests, which puts an emulated AWS before addresses such as those of API Gateway.
    options = [
        '-v',
        '-m',
        'remote and not deployed',
        '-p',
        'no:cacheprovider',
        '--rootdir',
        str(ROOT),
        '--confcutdir',
        str(ROOT / 'tests' / 'e2e'),
    ]
    return int(pytest.main([*options, *chosen, *files]))


if __name__ == '__main__':
    sys.exit(main())
