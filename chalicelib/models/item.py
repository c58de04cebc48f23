"""The one table: the base of every kind of item, and its indexes."""

from collections.abc import Callable, Sequence

from pynamodb.attributes import DiscriminatorAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, LocalSecondaryIndex
from pynamodb.models import Model

from chalicelib import errors
from chalicelib.config import settings
from chalicelib.models.attributes import IntegerAttribute


class PortfoliosIndex(LocalSecondaryIndex['Item']):
    """Sparse: only portfolio headers carry `lsk`."""

    class Meta:
        index_name = 'portfolios'
        projection = AllProjection()

    pk = UnicodeAttribute(hash_key=True)
    lsk = UnicodeAttribute(range_key=True)


class DueIndex(GlobalSecondaryIndex['Item']):
    """Sparse: what the sweep hands to a queue, by when."""

    class Meta:
        index_name = 'due'
        projection = IncludeProjection(['kind'])  # PynamoDB filters by it, so it must be there to be found

    due_shard = IntegerAttribute(hash_key=True)
    due_at = IntegerAttribute(range_key=True)


class Item(Model):
    """Base of every kind of item. Keys are prefixed by kind, so a key names its kind and two kinds never share one."""

    class Meta:
        table_name = settings().table_name

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    lsk = UnicodeAttribute(null=True)
    due_shard = IntegerAttribute(null=True)
    due_at = IntegerAttribute(null=True)
    expires_at = IntegerAttribute(null=True)

    portfolios = PortfoliosIndex()
    due = DueIndex()

    @classmethod
    def connection(cls) -> Connection:
        """Return the one DynamoDB connection that all kinds share."""
        connection: Connection = Item._get_connection().connection
        return connection

    def update_existing(
        self, actions: Sequence[Action], condition: Condition | None = None, on_failure: Callable[[], Exception] = errors.NotFound
    ) -> None:
        """Update this item if it is there, and as `condition` says, and load what it then is. Raises `on_failure`."""
        exists = Item.pk.exists()
        try:
            self.update(list(actions), condition=exists if condition is None else exists & condition)
        except UpdateError as error:
            if condition_failed(error):
                raise on_failure() from None
            raise


def condition_failed(error: PynamoDBException) -> bool:
    """Say whether a single write was refused by its condition."""
    return error.cause_response_code == 'ConditionalCheckFailedException'
