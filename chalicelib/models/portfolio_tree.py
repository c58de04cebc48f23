"""The queries that read what is in a portfolio: all of it, or its children of one kind."""

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from pynamodb.pagination import ResultIterator

from chalicelib import errors
from chalicelib.models.item import Item
from chalicelib.models.portfolio import Portfolio, child_sk, portfolio_sk
from chalicelib.models.user import User

_LAST = '~'  # sorts after every digit and '#'
_OTHERS = 100  # children of other kinds that a list passes over at the price of a larger page: accounts, or a few addresses


class PortfolioTree(NamedTuple):
    """A portfolio's header with everything that hangs below it."""

    portfolio: Portfolio
    children: list[Item]

    def of_kind(self, kind: type['Child']) -> list['Child']:
        """Return the children of one kind, by id: `tree.of_kind(Offset)`, or of all kinds that follow ledgers, `tree.of_kind(Follower)`."""
        return [child for child in self.children if isinstance(child, kind)]


Child = TypeVar('Child', bound=Item)


def read_portfolio_tree(user_id: str, portfolio_id: int) -> PortfolioTree:
    """Return a portfolio with all its children in one consistent query. Raises NotFound."""
    items = read_range(user_id, portfolio_sk(portfolio_id), f'{portfolio_sk(portfolio_id)}#{_LAST}')
    header = next(items, None)
    if not isinstance(header, Portfolio):
        raise errors.NotFound
    return PortfolioTree(header, list(items))


def read_header(user_id: str, portfolio_id: int) -> Portfolio:
    """Return a portfolio alone, by a query: jobs that may read portfolios may read nothing else of a user. Raises NotFound."""
    header = next(read_range(user_id, portfolio_sk(portfolio_id), portfolio_sk(portfolio_id), 1), None)
    if not isinstance(header, Portfolio):
        raise errors.NotFound
    return header


def read_children(kind: type[Child], name: str, user_id: str, portfolio_id: int, *, after: int, limit: int) -> list[Child]:
    """Return up to `limit` children of one kind with ids above `after`, by id, in one query.

    The first page starts at the header, so that an unknown portfolio is told from an empty one. Raises NotFound.
    """
    if not after:
        return read_with_children(kind, name, user_id, portfolio_id, limit=limit)[1]
    return list(_read_kind(kind, name, user_id, portfolio_id, after=after, limit=limit))


def read_with_children(kind: type[Child], name: str, user_id: str, portfolio_id: int, *, limit: int) -> tuple[Portfolio, list[Child]]:
    """Return a portfolio's header with up to `limit` children of one kind, by id, in one query. Raises NotFound.

    It is two where many children of other kinds come before: those are passed over, whatever their number.
    """
    page = read_range(user_id, portfolio_sk(portfolio_id), f'{portfolio_sk(portfolio_id)}#{name}#{_LAST}', limit + 1 + _OTHERS)
    header = next(page, None)
    if not isinstance(header, Portfolio):
        raise errors.NotFound
    children = [item for item in page if isinstance(item, kind)][:limit]
    if page.last_evaluated_key is not None and len(children) < limit:
        last = int(str(children[-1].sk).rpartition('#')[2]) if children else 0
        children += _read_kind(kind, name, user_id, portfolio_id, after=last, limit=limit - len(children))
    return header, children


def _read_kind(kind: type[Child], name: str, user_id: str, portfolio_id: int, *, after: int, limit: int) -> Iterator[Child]:
    start, end = child_sk(name, portfolio_id, after + 1), f'{portfolio_sk(portfolio_id)}#{name}#{_LAST}'
    return (item for item in read_range(user_id, start, end, limit) if isinstance(item, kind))


def read_child(kind: type[Child], user_id: str, portfolio_id: int, sk: str) -> Child:
    """Return one child if its portfolio is there too, both in one request. Raises NotFound."""
    pk = User.pk_of(user_id)
    found = {type(item): item for item in Item.get_many([(pk, portfolio_sk(portfolio_id)), (pk, sk)])}
    child = found.get(kind)
    if Portfolio not in found or not isinstance(child, kind):
        raise errors.NotFound
    return child


def read_leftovers(user_id: str, portfolio_id: int) -> Iterator[Item]:
    """Yield the children of a portfolio whose header is gone; nothing while the header is there."""
    items = read_range(user_id, portfolio_sk(portfolio_id), f'{portfolio_sk(portfolio_id)}#{_LAST}')
    for item in items:
        if isinstance(item, Portfolio):
            return
        yield item


def read_range(user_id: str, start: str, end: str, limit: int | None = None) -> ResultIterator[Item]:
    return Item.query(User.pk_of(user_id), Item.sk.between(start, end), consistent_read=True, limit=limit, page_size=limit)
