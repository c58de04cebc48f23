"""How fast the ledger of an account at Kraken is read."""

from fractions import Fraction

from chalicelib.jobs.refresh import ACCOUNTS_SLICE_SECONDS
from chalicelib.providers.exchanges.kraken import seconds_before_page


def test_a_ledger_that_is_read_in_slices_never_takes_the_counter_of_its_account_beyond_the_limit():
    """https://docs.kraken.com/api/docs/guides/spot-rest-ratelimits: 15 at most, 0.33 are taken off each second, a page adds 2."""
    counter = Fraction(0)
    for slice_number in range(50):
        counter += 2  # the rights of the key and the balances, 1 each
        elapsed = page = 0
        while elapsed <= ACCOUNTS_SLICE_SECONDS:
            pause = seconds_before_page(page, is_resumed=slice_number > 0)
            counter = max(counter - Fraction(33, 100) * pause, Fraction(0)) + 2
            assert counter <= 15, (slice_number, page)
            elapsed, page = elapsed + pause, page + 1
