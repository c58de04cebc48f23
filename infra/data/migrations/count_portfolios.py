"""Users stored before portfolios were counted: make `portfolio_count` the number of portfolios they have.

Run it once no code runs any more that creates portfolios without counting them.
"""

from typing import Any

from infra.data.table import Problem, Raw, Table, key_of

WHICH: dict[str, Any] = {'FilterExpression': 'sk = :user', 'ExpressionAttributeValues': {':user': {'S': 'USER'}}}

_ATTEMPTS = 20
_UNCHANGED = (
    'last_portfolio_id = :last AND portfolio_count = :counted',
    'last_portfolio_id = :last AND attribute_not_exists(portfolio_count)',
)


def change(table: Table, user: Raw) -> bool:
    """Return whether the count was another. Raises Problem when the user creates and deletes portfolios all the time.

    That the portfolios are the same before and after the user is read, and the user the same when the count is written, says
    that the count and the portfolios belong together: whoever creates or deletes one changes the count in the same transaction.
    """
    key = key_of(user)
    for _ in range(_ATTEMPTS):
        before = _portfolios(table, key[0])
        now = table.get([key]).get(key)
        if now is None:
            return False
        if _portfolios(table, key[0]) == before:
            if int(now.get('portfolio_count', {'N': '0'})['N']) == len(before):
                return False
            if _store(table, now, len(before)):
                return True
    raise Problem(f'{key[0]} changes all the time: run it again')


def _portfolios(table: Table, pk: str) -> set[str]:
    asked: dict[str, Any] = {
        'TableName': table.name,
        'IndexName': 'portfolios',
        'KeyConditionExpression': 'pk = :pk',
        'ExpressionAttributeValues': {':pk': {'S': pk}},
        'ProjectionExpression': 'lsk',
        'ConsistentRead': True,
    }
    pages = table.client.get_paginator('query').paginate(**asked)
    return {item['lsk']['S'] for page in pages for item in page['Items']}


def _store(table: Table, user: Raw, number: int) -> bool:
    values = {'last': user['last_portfolio_id'], 'number': {'N': str(number)}}
    if 'portfolio_count' in user:
        values |= {'counted': user['portfolio_count']}
    return table.update_if(key_of(user), 'SET portfolio_count = :number', _UNCHANGED['portfolio_count' not in user], **values)
