"""Every functional test starts with an empty table and empty queues."""

import os

import pytest

from tests.support.clock import StoppedClock

# Where the subject is what upstreams say and how much, forged forms, what pages and answers look like, or how the API describes itself, AWS
# is asked as in all other tests: a second emulation of it would show nothing more, and `make e2e` is to stay quick.
_UPSTREAMS = (
    *('agreement', 'blocks', 'busy_address', 'every_chain', 'evm', 'fairness', 'faults', 'fiat_rates', 'followed_at_random'),
    *('hd_wallet_exports', 'long_history', 'odd_transactions', 'other_kinds', 'parts_of_hd_wallets', 'quiet_cardano', 'quiet_crowds'),
    *('sample_blocks', 'token_witness', 'unmoved_hd_wallets', 'watchers'),
)
_EXCHANGES = ('binance', 'bitfinex', 'bitstamp', 'bybit', 'coinbase', 'experimental', 'gemini', 'generic', 'kucoin', 'okx')
# Each form of request to DynamoDB that these make, by operation, expressions and outcome, is made by other files as well.
_SAME_REQUESTS = (
    *('hd_wallets', 'history_pages', 'large_histories', 'long_histories', 'many_crashes', 'quiet_addresses', 'rates'),
    *('refresh', 'turns'),
)
_MOTO_IS_ENOUGH = [
    *(f'jobs/test_{name}.py' for name in (*_UPSTREAMS, *_SAME_REQUESTS)),
    *(f'jobs/test_{name}_accounts.py' for name in _EXCHANGES),
    *(f'web/test_{name}.py' for name in ('every_figure', 'forms', 'languages', 'portfolio_states', 'reference', 'statements')),
    *(f'web/test_{name}.py' for name in ('large_portfolio', 'limits', 'portfolio_pages')),
    *(f'test_{name}.py' for name in ('answer_size', 'csv', 'currencies', 'head', 'many_transactions', 'odd_tokens', 'openapi', 'past')),
    *(f'test_{name}.py' for name in ('portfolio_transactions', 'sources')),
]
collect_ignore = _MOTO_IS_ENOUGH if 'EMULATOR_URL' in os.environ else []


@pytest.fixture(autouse=True)
def _empty_world(stopped_clock: StoppedClock, table: None, queues: dict[str, str], nothing_remembered: None) -> None:
    """See tests/support/api.py."""
