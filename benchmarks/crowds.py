"""What it takes that many watch one ledger, and that many portfolios are in the table, for benchmarks.jobs."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from benchmarks.first_download import ADDRESS, memory
from benchmarks.stored import Watched

_MEASURED = 10  # messages to watchers, evenly spread over all of them
_FIRST_WATCHER, _FIRST_PORTFOLIO = 10_000, 200_000  # by portfolio
_DUE = 100  # ledgers, however many there are
_READ_AGAIN, _SWEPT_AGAIN = 40, 3  # how often each is measured
_AT_ONCE = 1_000  # portfolios that are stored together
_FAR = 86_400  # seconds until what is not due is
_SCHEDULED = {'detail': {}, 'resources': []} | dict.fromkeys(('version', 'account', 'time', 'region', 'id', 'source', 'detail-type'), '')


class Cost(NamedTuple):
    """Milliseconds of processor, requests to DynamoDB, and its units."""

    ms: float
    requests: int
    units: float


def watchers(numbers: Sequence[int]) -> Iterator[Sequence[object]]:
    """Refresh a ledger that so many portfolios watch; then tell a hundred of these by a message, at several places of the list."""
    from chalicelib.messages import StampWatchers
    from chalicelib.models import Item, Ledger, Watch, transact
    from chalicelib.services.ledgers import policy, refresh
    from chalicelib.services.ledgers.watchers import stamp_more

    for number in numbers:
        pk = f'LEDGER#doge#{ADDRESS[:-7]}{number:07}'
        for some in _slices(number):
            all_watched = [Watched(_FIRST_WATCHER + number + one, pk.rpartition('#')[2]) for one in some]
            Item.write_many(put=(item for one in all_watched for item in (one.portfolio, one.address, Watch.of(one.address))))
        transact(Ledger.make_due(pk, int(time.time())))
        leased = _cost(lambda: refresh.refresh(pk, looked_at=None, deadline=time.monotonic() + 60))  # noqa: B023
        step = max(1, (number - policy.MOST_STAMPED_AT_ONCE) // _MEASURED)
        places = range(_FIRST_WATCHER + number + policy.MOST_STAMPED_AT_ONCE - 1, _FIRST_WATCHER + 2 * number - 1, step)[:_MEASURED]
        messages = [StampWatchers(pk, f'WATCH#somebody#{place:06}', changed=True) for place in places]
        each = sorted(_cost(lambda message=message: stamp_more(message)) for message in messages)
        middle = each[len(each) // 2] if each else None
        rest = (f'{middle.ms:.0f}', f'{each[-1].ms:.0f}', middle.requests) if middle else ('', '', '')
        yield f'{number:,}', f'{leased.ms:.0f}', leased.requests, -(-number // policy.MOST_STAMPED_AT_ONCE), *rest, f'{memory("VmHWM"):.0f}'


def portfolios(numbers: Sequence[int]) -> Iterator[Sequence[object]]:
    """Read one of so many portfolios, and hand out what is due, of which there is as much each time."""
    os.environ['RATE_LIMIT'] = '0'
    from app import app
    from benchmarks.endpoints import event
    from chalicelib.jobs import sweep

    requests = {'portfolio': '/api/portfolios/{portfolio_id}', 'balances': '/api/portfolios/{portfolio_id}/balances'}
    stored = 0
    for number in numbers:
        for some in _slices(number - stored):
            _store([_FIRST_PORTFOLIO + stored + one for one in some], due_in=_FAR)
        stored = number
        read = _FIRST_PORTFOLIO + number // 2
        _store([read], due_in=_FAR)
        for name, route in requests.items():
            handed_over = event('somebody', route, {'portfolio_id': str(read)})
            least = min(_cost(lambda: _expect('statusCode', 200, app(handed_over, None))) for _ in range(_READ_AGAIN))  # noqa: B023
            yield f'GET {name}', f'{number:,}', least.requests, f'{least.units:.1f}', f'{least.ms:.1f}'
        due, swept = range(_FIRST_PORTFOLIO, _FIRST_PORTFOLIO + number, number // _DUE)[:_DUE], []
        for _ in range(_SWEPT_AGAIN):
            _store(due, due_in=0)
            swept.append(_cost(lambda: _expect('sent', _DUE, sweep.sweep_due(_SCHEDULED, None))))
        _store(due, due_in=_FAR)  # what is handed out is due again some minutes later
        least = min(swept)
        yield f'sweep, {_DUE} ledgers are due', f'{number:,}', least.requests, '', f'{least.ms:.0f}'  # moto counts its units otherwise


def _expect(member: str, value: object, answer: Any) -> None:
    if answer[member] != value:
        raise RuntimeError(answer)


def _store(portfolio_ids: Sequence[int], due_in: int) -> None:
    """Store portfolios of an address each, with its ledger, which is due in so many seconds."""
    from chalicelib.domain.ledgers import Holding
    from chalicelib.models import LEDGERS, Cursor, Item, Ledger, Watch

    now, one = int(time.time()), Decimal(1)
    items: list[Item] = []
    for portfolio_id in portfolio_ids:
        watched = Watched(portfolio_id, f'{ADDRESS[:-7]}{portfolio_id:07}')
        ledger = Ledger.at(watched.address.ledger)
        ledger.holdings, ledger.cursor = [Holding('doge', one, Decimal(0), one, 1)], Cursor(run='benchmark')
        ledger.source, ledger.updated_at, ledger.reconciled_at, ledger.created_at = 'blockbook_doge', now, now, now
        ledger.due_shard, ledger.due_at = LEDGERS.shard_of(ledger.pk), now + due_in
        items += [watched.portfolio, watched.address, Watch.of(watched.address), ledger]
    Item.write_many(put=items)


def _slices(number: int) -> Iterator[range]:
    """Yield the numbers below one, some at a time."""
    return (range(start, min(start + _AT_ONCE, number)) for start in range(0, number, _AT_ONCE))


def _cost(run: Callable[[], object]) -> Cost:
    """Return what something costs."""
    from chalicelib.models import Item

    units: list[float] = []

    def count(parsed: Any, **_: Any) -> None:
        consumed = parsed.get('ConsumedCapacity', [])
        units.append(sum(one['CapacityUnits'] for one in (consumed if isinstance(consumed, list) else [consumed])))

    events = Item.connection().client.meta.events
    events.register('after-call.dynamodb', count)
    begun = time.process_time()
    run()
    took = time.process_time() - begun
    events.unregister('after-call.dynamodb', count)
    return Cost(took * 1_000, len(units), sum(units))
