"""What a cold start of each function costs, beside others of the trade: `python -m benchmarks.cold_start PACKAGE`.

What the first call imports, DynamoDB's client included, is run in new processes from the code that is deployed: PACKAGE is the
`deployment.zip` that `make package PACKAGE_FOR=host` makes. Processor time is counted, the best of several runs made in turns, so that a
busy machine matters little. It ends with the imports: Lambda takes no interpreter down before it calls. The floor is the least that a
Chalice function with one client takes, as pip installs both. Others are measured where `make bench` installed them, in `.venv-bench`.
Exits with 1 when a function takes more than its share.
"""

import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from infra import functions

ROOT = Path(__file__).parents[1]
OTHERS_PYTHON = ROOT / '.venv-bench' / 'bin' / 'python'
RUNS = 5
FLOOR = 'import chalice.app, botocore.session; botocore.session.get_session().create_client("dynamodb")'
AUTHORIZER_FLOOR = 'import chalice.app, jose.jwt'


class Start(NamedTuple):
    """`code` is what the first call imports, `most` how many times the floor that may take."""

    code: str
    most: float
    python: str = sys.executable


STARTS = {
    'api_handler': Start('import app', 1.2),
    'bearer, access token': Start('import chalicelib.auth, jose.jwt', 1),
    'bearer, API key': Start('import chalicelib.auth, chalicelib.models', 1.1),
    'refresh_ledgers': Start('import chalicelib.jobs.refresh, chalicelib.services.ledgers.refresh', 1.5),
    'refresh_accounts': Start('import chalicelib.jobs.refresh, chalicelib.services.ledgers.refresh', 1.5),
    'purge_portfolios': Start('import chalicelib.jobs.purge', 1.1),
    'sweep_due': Start('import chalicelib.jobs.sweep', 1.1),
    'update_rates': Start('import chalicelib.jobs.rates, chalicelib.services.rates, chalicelib.providers.rates', 1.4),
    'fetch_rates': Start('import chalicelib.jobs.rates, chalicelib.services.rates, chalicelib.providers.rates', 1.4),
    'refresh_histories': Start('import chalicelib.jobs.histories', 1.1),
    'snapshot_portfolios': Start('import chalicelib.jobs.histories', 1.1),
}
OTHERS = {
    '(chalice with jose)': AUTHORIZER_FLOOR,
    '(FastAPI, Mangum, boto3)': 'import fastapi, mangum, boto3; boto3.client("dynamodb"); mangum.Mangum(fastapi.FastAPI())',
    '(Powertools, boto3)': (
        'import boto3, aws_lambda_powertools as tools; from aws_lambda_powertools.event_handler import APIGatewayRestResolver;'
        ' boto3.client("dynamodb"); APIGatewayRestResolver(); tools.Logger("a"); tools.Metrics("a")'
    ),
}


def main(package: Path) -> int:
    """Print a line per function; return 1 if one takes more than its share."""
    account = {'AWS_DEFAULT_REGION': 'us-east-1', 'AWS_ACCESS_KEY_ID': 'none', 'AWS_SECRET_ACCESS_KEY': 'none'}
    environment = os.environ | functions.stand_ins('dev') | account
    with tempfile.TemporaryDirectory() as deployed, zipfile.ZipFile(package) as archive:
        archive.extractall(deployed)
        others = OTHERS if OTHERS_PYTHON.exists() else {}
        starts = {'(floor)': (Start(FLOOR, 1), ROOT)}
        starts |= {name: (start, Path(deployed)) for name, start in STARTS.items()}
        starts |= {name: (Start(code, 0, str(OTHERS_PYTHON)), ROOT) for name, code in others.items()}
        for start, folder in starts.values():
            seconds(start, folder, environment)  # from now on files are in memory, and bytecode of others is made
        runs = [{name: seconds(start, folder, environment) for name, (start, folder) in starts.items()} for _ in range(RUNS)]
    best = {name: min(run[name] for run in runs) for name in starts}
    print('| function | ms | times the floor | at most |\n|---|---|---|---|')
    for name, (start, _) in starts.items():
        print(f'| {name} | {best[name] * 1000:.0f} | {best[name] / best["(floor)"]:.2f} | {start.most or "":} |')
    with zipfile.ZipFile(package) as archive:
        unpacked = sum(file.file_size for file in archive.infolist())
        size = f'{package.stat().st_size / 1e6:.1f} MB, {unpacked / 1e6:.1f} MB unpacked, in {len(archive.infolist()):,} files'
    print(f'\nThe package has {size}; Lambda takes 50 MB and 250 MB.')
    return int(any(best[name] / best['(floor)'] > start.most for name, start in STARTS.items()))


def seconds(start: Start, folder: Path, environment: dict[str, str]) -> float:
    """Return the processor time that a new interpreter takes to run something, whose modules in `folder` come first."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([start.python, '-c', f'{start.code}; import os; os._exit(0)'], cwd=folder, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
