"""The accounts of the sample: README's key and secret open them, and what they hold is what their entries say."""

import re
from decimal import Decimal
from pathlib import Path

from chalicelib.providers.exchanges import reader_of
from chalicelib.providers.transport import Http
from infra.fake_upstreams import kraken_account, sample
from infra.fake_upstreams.http_server import Request, serving

README = (Path(__file__).parents[2] / 'README.md').read_text()


def test_readme_names_the_key_and_secret_of_the_sample():
    found = re.search(r'"key": "([^"]+)", "secret": "([^"]+)"', README)

    assert found is not None
    assert found.groups() == (kraken_account.SAMPLE_KEY, kraken_account.SAMPLE_SECRET)


def test_the_sample_kraken_has_pages_that_add_up(monkeypatch):
    from chalicelib.config import settings

    with serving(sample.respond) as url:
        monkeypatch.setenv('UPSTREAM_URL', url)
        settings.cache_clear()
        reader = reader_of('kraken', {'key': kraken_account.SAMPLE_KEY, 'secret': kraken_account.SAMPLE_SECRET})
        http = Http(lambda endpoint: None)
        reader.check(http)
        report = reader.read(http, '')
        pages = list(report.pages)
    monkeypatch.undo()
    settings.cache_clear()

    held = {holding.currency: holding.balance for holding in report.holdings}
    # 20 purchases of each, 40 at 50.13 euros; and a reward.
    assert held == {'eur': Decimal('7994.80'), 'btc': Decimal('0.05'), 'eth': Decimal('0.8004821')}
    entries = [entry for page in pages for entry in page.entries]
    assert (len(pages), len(entries)) == (2, 84)
    assert {code: sum(entry.delta for entry in entries if entry.currency == code) for code in held} == held


def test_the_sample_server_of_ones_own_is_the_one_that_readme_names():
    [path] = re.findall(r'https://sample\.example(/[\w.]+)', README)

    assert sample.respond(Request.parse(f'/generic{path}')).status == 200
