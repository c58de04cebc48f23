"""Every functional test starts with an empty table and empty queues."""

import os

import pytest

from tests.support.clock import StoppedClock

# Where the subject is what upstreams say and how the API describes itself, AWS is asked as in all other tests: a second emulation of it
# would show nothing more, and `make e2e` is to stay quick.
_UPSTREAMS = ('agreement', 'every_chain', 'evm', 'fiat_rates', 'odd_transactions', 'parts_of_wallets', 'token_witness', 'wallet_exports')
_EXCHANGES = ('binance', 'bitfinex', 'bitstamp', 'bybit', 'coinbase', 'gemini', 'generic', 'kucoin', 'okx')
_MOTO_IS_ENOUGH = [
    *(f'jobs/test_{name}.py' for name in _UPSTREAMS),
    *(f'jobs/test_{name}_accounts.py' for name in _EXCHANGES),
    *(f'test_{name}.py' for name in ('currencies', 'head', 'odd_tokens', 'openapi', 'sources')),
]
collect_ignore = _MOTO_IS_ENOUGH if 'EMULATOR_URL' in os.environ else []


@pytest.fixture(autouse=True)
def _empty_world(stopped_clock: StoppedClock, table: None, queues: dict[str, str], nothing_remembered: None) -> None:
    """See tests/support/api.py."""
