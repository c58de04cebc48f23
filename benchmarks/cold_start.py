"""What a cold start of each function costs, as a multiple of the least a Chalice function can cost: `python -m benchmarks.cold_start`.

What the first call imports is run in new processes, from bytecode, which the package has (infra/deploy/bytecode.py). Processor time is
counted, the best of several runs made in turns, so that a busy machine matters little. Exits with 1 when a function takes more
than its share.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from infra import functions

ROOT = Path(__file__).parents[1]
RUNS = 7
FLOOR = 'import chalice.app'


class Start(NamedTuple):
    """`code` is what the first call imports, `most` how many times the floor that may take."""

    code: str
    most: float


STARTS = {
    'api_handler': Start('import app', 12),
    'bearer': Start('import chalicelib.auth', 4),
    'bearer, API key': Start('import chalicelib.auth, chalicelib.models', 12),
    'refresh_ledgers': Start('import chalicelib.jobs.refresh, chalicelib.services.ledgers.refresh', 12),
    'refresh_accounts': Start('import chalicelib.jobs.refresh, chalicelib.services.ledgers.refresh', 12),
    'purge_portfolios': Start('import chalicelib.jobs.purge', 12),
    'sweep_due': Start('import chalicelib.jobs.sweep', 12),
    'update_rates': Start('import chalicelib.jobs.rates, chalicelib.services.rates, chalicelib.providers.rates', 12),
    'fetch_rates': Start('import chalicelib.jobs.rates, chalicelib.services.rates, chalicelib.providers.rates', 12),
    'refresh_histories': Start('import chalicelib.jobs.histories', 12),
    'snapshot_portfolios': Start('import chalicelib.jobs.histories', 12),
}


def main() -> int:
    """Print a line per function; return 1 if one takes more than its share."""
    codes = {'floor': FLOOR} | {name: start.code for name, start in STARTS.items()}
    with tempfile.TemporaryDirectory() as bytecode:
        environment = os.environ | functions.stand_ins('dev') | {'AWS_DEFAULT_REGION': 'us-east-1', 'PYTHONPYCACHEPREFIX': bytecode}
        for code in codes.values():
            seconds(code, environment)  # compiles
        runs = [{name: seconds(code, environment) for name, code in codes.items()} for _ in range(RUNS)]
    best = {name: min(run[name] for run in runs) for name in codes}
    print(f'{"function":<18} {"ms":>6} {"times the floor":>16} {"at most":>8}\n{"(floor)":<18} {best["floor"] * 1000:>6.0f}')
    for name, start in STARTS.items():
        print(f'{name:<18} {best[name] * 1000:>6.0f} {best[name] / best["floor"]:>16.1f} {start.most:>8.0f}')
    return int(any(best[name] / best['floor'] > start.most for name, start in STARTS.items()))


def seconds(code: str, environment: dict[str, str]) -> float:
    """Return the processor time that a new interpreter takes to run something."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, '-c', code], cwd=ROOT, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == '__main__':
    sys.exit(main())
