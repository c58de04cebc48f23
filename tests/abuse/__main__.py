"""Use the whole application while AWS and upstreams fail, attack it, and count what it withstood: `make abuse`.

Scenarios run until enough faults were injected, each with a seed of its own: `--seed` and `--scenarios 1` repeat one.
"""

import argparse
import contextlib
import io
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import boto3

from infra.jwks import jwks
from tests.abuse.proxy import Proxy, moto, serving

if TYPE_CHECKING:
    from tests.abuse.attacks import Outcome

ENVIRONMENT = {
    'AWS_DEFAULT_REGION': 'us-east-1',
    'AWS_ACCESS_KEY_ID': 'testing',
    'AWS_SECRET_ACCESS_KEY': 'testing',
    'AWS_CHALICE_CLI_MODE': 'true',
    'TABLE_NAME': 'cryptfolio-abuse',
    'REFRESH_QUEUE': 'cryptfolio-abuse-refresh',
    'ACCOUNTS_QUEUE': 'cryptfolio-abuse-accounts',
    'PURGE_QUEUE': 'cryptfolio-abuse-purge',
    'HISTORY_QUEUE': 'cryptfolio-abuse-history',
    'RATES_QUEUE': 'cryptfolio-abuse-rates',
    'ISSUER': 'https://cryptfolio.test',
    'AUDIENCE': 'cryptfolio',
    'SIGNING_KEY_ID': 'alias/cryptfolio-abuse-signing',
    'VAULT_KEY_ID': 'alias/cryptfolio-abuse-vault',
    'CROSS_CHECK_RATE': '0',
    'RATE_LIMIT': '0',
    'NETWORK_LIMIT': '0',
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog='python -m tests.abuse', description=__doc__)
    parser.add_argument('--faults', type=int, default=10_000, help='how many faults to inject at least (10,000)')
    parser.add_argument('--scenarios', type=int, default=10_000, help='how many scenarios to run at most')
    parser.add_argument('--seed', type=int, default=1, help='the seed of the first scenario (1)')
    parser.add_argument('--steps', type=int, default=200, help='how many steps a scenario has (200)')
    parser.add_argument('--tokens', type=int, default=100_000, help='how many mutated tokens to send to the authorizer (100,000)')
    options = parser.parse_args(arguments)
    began = time.monotonic()
    os.environ |= ENVIRONMENT
    with serving(Proxy(moto(), options.seed)) as proxy:
        os.environ['AWS_ENDPOINT_URL'] = proxy.url
        _create_keys()
        from tests.abuse import attacks, scenarios  # once the environment leads to the proxy

        with contextlib.redirect_stderr(io.StringIO()):  # where mails and progress are printed
            failures = scenarios.run(proxy, options.faults, options.scenarios, options.seed, options.steps)
        outcomes = {'attacks': attacks.run_requests(), 'tokens': attacks.run_tokens(options.tokens, options.seed)}
    _tell(proxy, failures, outcomes, time.monotonic() - began)
    return 1 if failures or any(outcome.failed for outcome in outcomes.values()) else 0


def _create_keys() -> None:
    kms = boto3.client('kms')
    signing = kms.create_key(KeySpec='ECC_NIST_P256', KeyUsage='SIGN_VERIFY')['KeyMetadata']['KeyId']
    kms.create_alias(AliasName=os.environ['SIGNING_KEY_ID'], TargetKeyId=signing)
    kms.create_alias(AliasName=os.environ['VAULT_KEY_ID'], TargetKeyId=kms.create_key()['KeyMetadata']['KeyId'])
    os.environ['JWKS'] = json.dumps(jwks([kms.get_public_key(KeyId=signing)['PublicKey']]))


def _tell(proxy: Proxy, failures: list[str], outcomes: Mapping[str, 'Outcome'], seconds: float) -> None:
    kinds = Counter(proxy.injected)
    for name, number in sorted(kinds.items()):
        print(f'{number:>8,} {name}')
    print(f'{"faults":<8} {kinds.total():,} of {len(kinds)} kinds in {proxy.requests:,} requests to AWS; failed: {len(failures)}')
    for name, outcome in outcomes.items():
        print(f'{name:<8} tried: {outcome.tried:,}  held: {outcome.tried - len(outcome.failed):,}  failed: {len(outcome.failed)}')
    for failure in [*failures, *(failure for outcome in outcomes.values() for failure in outcome.failed)]:
        print(f'FAILED   {failure}')
    print(f'{seconds:.0f} s')


if __name__ == '__main__':
    sys.exit(main())
