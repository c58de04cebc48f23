"""What an explorer tells in part: one row, token or currency of which something is missing, and everything else as if nothing were."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from chalicelib import clock
from chalicelib.domain.chains import CHAINS, Chain
from chalicelib.domain.conversion import Rate
from chalicelib.domain.ledgers import Entry, Gap, Holding, Unreadable
from chalicelib.models import LatestRates, Ledger, Transaction
from chalicelib.providers.explorers import AddressReport, Page
from chalicelib.providers.transport import Http
from chalicelib.providers.upstream import Endpoint, UpstreamInfo
from chalicelib.services.ledgers import download
from chalicelib.services.portfolios import addresses
from chalicelib.services.rates import current
from infra.fake_upstreams import evm, solana
from tests.support.api import Api
from tests.support.clock import CLOCK
from tests.support.ledgers import SEGWIT, observe

AT = 1_600_000_000
USDC = '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48'
DAY = 86_400


@dataclass
class Told:
    """An explorer that tells balances, rows and what cannot be read as a test says."""

    chain: Chain
    balances: dict[str, str]
    entries: list[Entry] = field(default_factory=list)
    rows: list[Unreadable] = field(default_factory=list)
    unknown: list[Unreadable] = field(default_factory=list)
    page: int = 3
    reader: int = 1
    reads: int = 0
    pages_read: int = 0
    counts_p2pk: bool = True

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint('told', 'https://told.example', min_interval_ms=0)

    @property
    def info(self) -> UpstreamInfo:
        return UpstreamInfo('Told', '', ('balances', 'transactions', 'tokens'), reader=self.reader)

    def read(self, http: Http, address: str, resume: str | None = None, held_codes: Collection[str] = ()) -> AddressReport:
        self.reads += 1
        holdings = [Holding(code, Decimal(balance), None, None, None) for code, balance in self.balances.items()]
        return AddressReport(holdings, self._pages(int(resume or 0)), self.unknown)

    def _pages(self, start: int) -> Iterator[Page]:
        listed: list[Any] = sorted([*self.entries, *self.rows], key=lambda row: -(row.height or 0))
        for place in range(start, max(len(listed), 1), self.page):
            self.pages_read += 1
            page = listed[place : place + self.page]
            yield Page(
                [row for row in page if isinstance(row, Entry)],
                str(place + self.page) if place + self.page < len(listed) else None,
                [row for row in page if isinstance(row, Unreadable)],
            )


def entry(number: int, delta: str, currency: str) -> Entry:
    return Entry(f'{number:064x}', 0, currency, Decimal(delta), Decimal(0), AT + number, 10_000 * number)


def row(number: int, currency: str = 'sol') -> Unreadable:
    return Unreadable(currency, f'{number:064x}', 'a version that is not known', AT + number, 10_000 * number)


class Address:
    """An address of a portfolio and its explorer."""

    def __init__(self, api: Api, told: Told, address: str, *reporting: str) -> None:
        self.api, self.told = api, told
        self.pk = f'LEDGER#{told.chain.currency}#{address}'
        self.portfolio = api.portfolio(currencies=reporting)
        draft = addresses.draft(api.user_id, self.portfolio, title='Mine', currency=told.chain.currency, address=address, now=clock.now())
        addresses.store(draft)
        self.path = f'/api/portfolios/{self.portfolio}/addresses/{draft.child.address_id}'

    def refresh(self) -> None:
        """Read it as a refresh does, however many slices that takes; minutes later than the last time."""
        CLOCK.advance(300)
        for _ in range(5):
            ledger = Ledger.lease(self.pk, owner='test', now=clock.now(), looked_at=None)
            assert ledger is not None
            download.read(ledger, self.told, Http(lambda _: None), deadline=clock.monotonic() + 600)
            ledger.release_until(clock.now() + 300)
            if not download.is_unfinished(ledger):
                return

    @property
    def ledger(self) -> Ledger:
        found = Ledger.find(self.pk)
        assert found is not None
        return found

    def shown(self) -> dict[str, tuple[str | None, str | None]]:
        """Return balance and reason of incompleteness by currency, as the address shows them."""
        rows = self.api.get(f'{self.path}/balances').json_body['result']
        assert [one.get('complete', True) for one in rows] == ['reason' not in one for one in rows]
        return {one['currency']['code']: (one['balance'], one.get('reason')) for one in rows}

    def summed(self, below: str = 'balances') -> dict[str, tuple[str, list[str]]]:
        """Return balance and the reasons of what is missing by currency, as the portfolio shows them."""
        rows = self.api.get(f'/api/portfolios/{self.portfolio}/{below}').json_body['result']
        assert [one['complete'] for one in rows] == ['missing' not in one for one in rows]
        return {one['currency']: (one['balance'], [missing['reason'] for missing in one.get('missing', ())]) for one in rows}

    def transactions(self) -> dict[str, Any]:
        body: dict[str, Any] = self.api.get(f'{self.path}/transactions').json_body
        return body


@pytest.fixture
def three(api: Api) -> Address:
    """Three signatures, of which the one in the middle cannot be read: it brought 4."""
    told = Told(CHAINS['sol'], {'sol': '6'}, [entry(1, '1', 'sol'), entry(3, '1', 'sol')], [row(2)])
    return Address(api, told, solana.ADDRESS, 'sol', 'btc')


@pytest.fixture
def ether(api: Api) -> Address:
    """Ether and three tokens."""
    told = Told(
        CHAINS['eth'],
        {'eth': '10', 'usdc': '5', 'dai': '7'},
        [entry(1, '10', 'eth'), entry(2, '5', 'usdc'), entry(3, '7', 'dai')],
    )
    return Address(api, told, evm.ADDRESS, 'eth', 'btc')


def test_a_row_that_cannot_be_read_costs_itself(three: Address) -> None:
    three.refresh()
    listed = three.transactions()
    assert [one['reference'] for one in listed['result']] == [f'{number:064x}' for number in (3, 1)]
    assert (listed['complete'], listed['reason'], listed['unreadable_count']) == (False, 'transactions_unreadable', 1)
    assert listed['unreadable'] == [
        {
            'currency': {'code': 'sol', 'title': 'Solana'},
            'reference': f'{2:064x}',
            'reason': 'a version that is not known',
            'txn_at': '2020-09-13T12:26:42+00:00',
        }
    ]
    assert three.shown() == {'sol': ('6.0', 'transactions_unreadable')}
    assert three.summed() == {'btc': ('0.0', []), 'sol': ('6.0', ['transactions_unreadable'])}
    assert three.ledger.gaps == [Gap('sol', 'transactions_unreadable', None, Decimal(4))]


def test_what_a_download_would_find_as_it_is_is_not_downloaded_at_each_refresh(three: Address) -> None:
    for number in (4, 5, 6, 7):
        three.told.entries.append(entry(number, '0', 'sol'))
    for _ in range(5):
        three.refresh()
    assert three.told.pages_read == 3 + 4  # all of it, and then the newest page
    CLOCK.advance(DAY)
    three.refresh()
    assert three.told.pages_read == 3 + 4 + 1 + 3
    three.refresh()
    assert three.told.pages_read == 3 + 4 + 1 + 3 + 1


def test_a_release_that_reads_more_reads_again_at_once(three: Address) -> None:
    three.refresh()
    three.told.reader = 2
    three.told.rows, three.told.entries = [], [*three.told.entries, entry(2, '4', 'sol')]
    three.told.entries += [entry(number, '0', 'sol') for number in range(10, 20)]  # so that the row is on no page of the news
    three.refresh()
    assert three.shown() == {'sol': ('6.0', None)}
    assert 'unreadable' not in three.transactions()
    assert len(list(Transaction.every(three.pk))) == 13


def test_a_row_that_is_read_a_moment_later_closes_the_gap(three: Address) -> None:
    three.refresh()
    three.told.rows, three.told.entries = [], [*three.told.entries, entry(2, '4', 'sol')]
    three.refresh()
    assert three.shown() == {'sol': ('6.0', None)}
    assert three.ledger.last_reconciled('sol') == clock.now()


def test_a_new_row_that_cannot_be_read_leaves_what_was_known_before(three: Address) -> None:
    three.told.rows = []
    three.told.balances['sol'] = '2'
    three.refresh()
    whole_at = clock.now()
    three.told.rows, three.told.balances['sol'] = [row(9)], '6'
    for _ in range(3):
        three.refresh()
        assert three.ledger.gaps == [Gap('sol', 'transactions_unreadable', whole_at, Decimal(4))]
    assert (
        three.told.pages_read == 1 + 2 + 1 + 1
    )  # the newest page once more where something is new, and no download for what one would not find either


def test_ten_thousand_rows_that_cannot_be_read_fit_into_the_state(three: Address) -> None:
    three.told.page = 250
    three.told.rows = [row(number) for number in range(100, 10_100)]
    three.refresh()
    state = three.ledger
    assert (state.unreadable_count, len(state.unreadable)) == (10_000, 20)
    assert [one.reference for one in state.unreadable] == [f'{number:064x}' for number in range(10_099, 10_079, -1)]
    assert len(str(state.serialize())) < 10_000
    before = three.told.pages_read
    three.told.rows.append(row(10_100))
    three.refresh()
    assert three.ledger.unreadable_count == 10_001
    assert three.told.pages_read - before == 1


def test_a_balance_that_cannot_be_read_is_unknown_and_the_others_are_known(ether: Address) -> None:
    ether.refresh()
    assert ether.shown() == {'dai': ('7.0', None), 'eth': ('10.0', None), 'usdc': ('5.0', None)}
    whole_at = clock.now()
    del ether.told.balances['usdc']
    ether.told.unknown = [Unreadable('usdc', USDC, 'execution reverted')]
    ether.refresh()
    assert ether.shown() == {'dai': ('7.0', None), 'eth': ('10.0', None), 'usdc': (None, 'balance_unreadable')}
    assert ether.summed() == {'btc': ('0.0', []), 'dai': ('7.0', []), 'eth': ('10.0', []), 'usdc': ('0.0', ['balance_unreadable'])}
    assert ether.ledger.gaps == [Gap('usdc', 'balance_unreadable', whole_at, None)]
    single = ether.api.get(f'/api/portfolios/{ether.portfolio}/balances/usdc').json_body['result']
    assert (single['balance'], single['complete'], single['missing'][0]['reason']) == ('0.0', False, 'balance_unreadable')
    listed = ether.transactions()
    assert [(one['reference'], one['reason']) for one in listed['unreadable']] == [(USDC, 'execution reverted')]
    assert ether.told.reads == 2
    ether.told.balances['usdc'], ether.told.unknown = '5', []
    ether.refresh()
    assert ether.shown()['usdc'] == ('5.0', None)


def test_a_token_that_does_not_add_up_leaves_the_others_complete(ether: Address) -> None:
    ether.refresh()
    whole_at = clock.now()
    ether.told.balances['dai'] = '7.5'
    for _ in range(3):
        ether.refresh()
    assert ether.shown() == {'dai': ('7.5', 'transactions_missing'), 'eth': ('10.0', None), 'usdc': ('5.0', None)}
    assert ether.ledger.gaps == [Gap('dai', 'transactions_missing', whole_at, Decimal('0.5'))]
    reads = ether.told.reads
    ether.refresh()
    assert ether.told.reads - reads == 1  # what is known not to add up is not read twice in case it does
    ether.told.balances['eth'] = '11'  # and what adds up no more is downloaded, whatever else never will
    ether.told.entries.append(entry(1_000, '1', 'eth'))
    ether.refresh()
    assert ether.shown()['eth'] == ('11.0', None)


def test_a_token_that_was_moved_by_nothing_that_is_listed_is_a_gap_from_when_nothing_was_held(ether: Address) -> None:
    ether.refresh()
    whole_at = clock.now()
    ether.told.balances['weth'] = '1'
    for _ in range(2):
        ether.refresh()
    assert ether.summed()['weth'] == ('1.0', ['transactions_missing'])
    assert ether.ledger.gaps == [Gap('weth', 'transactions_missing', whole_at, Decimal(1))]


def test_a_total_lacks_what_any_of_its_currencies_lacks(ether: Address) -> None:
    rates = [Rate(code, 'eth', Decimal(1), clock.now(), 'told') for code in ('btc', 'dai', 'usdc')]
    assert LatestRates.find().store(clock.now(), [], rates, dict.fromkeys(('btc', 'dai', 'eth', 'usdc'), clock.now() + DAY))
    current.forget()
    ether.refresh()
    assert ether.summed('converted') == {'btc': ('22.0', []), 'eth': ('22.0', [])}
    ether.told.balances['dai'] = '7.5'
    del ether.told.balances['usdc']
    ether.told.unknown = [Unreadable('usdc', USDC, 'execution reverted')]
    for _ in range(2):
        ether.refresh()
    for _, missing in ether.summed('converted').values():
        assert missing == ['transactions_missing', 'balance_unreadable']


def test_an_ethereum_ledger_with_gaps_leaves_bitcoin_complete(ether: Address) -> None:
    ether.api.address(ether.portfolio, SEGWIT)
    observe(SEGWIT, 300_000_000, 3)
    ether.told.balances['eth'] = '11'
    for _ in range(2):
        ether.refresh()
    assert ether.summed() == {
        'btc': ('3.0', []),
        'dai': ('7.0', []),
        'eth': ('11.0', ['transactions_missing']),
        'usdc': ('5.0', []),
    }


def test_before_anything_is_known_any_token_of_the_chain_may_be_held(api: Api) -> None:
    waiting = Address(api, Told(CHAINS['eth'], {'eth': '1'}, [entry(1, '1', 'eth')]), evm.ADDRESS, 'btc', 'eth', 'usdc')
    api.address(waiting.portfolio, SEGWIT)
    observe(SEGWIT, 100_000_000, 1)
    assert waiting.summed() == {'btc': ('1.0', []), 'eth': ('0.0', ['not_ready']), 'usdc': ('0.0', ['not_ready'])}
    waiting.refresh()
    assert waiting.summed() == {'btc': ('1.0', []), 'eth': ('1.0', []), 'usdc': ('0.0', [])}


def test_what_an_upstream_writes_is_stored_in_short(three: Address) -> None:
    three.told.rows = [Unreadable('sol', 'x' * 10_000, 'y' * 10_000, at=10**18, height=10**18)]
    three.refresh()
    [stored] = three.transactions()['unreadable']
    assert (len(stored['reference']), len(stored['reason']), stored['txn_at']) == (100, 100, None)
