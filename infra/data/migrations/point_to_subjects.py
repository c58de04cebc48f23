"""Links of subjects stored before users pointed to them: store the pointer, or delete the link where the user is gone.

A user's deletion finds links by their pointers, so those of users who were deleted before were left behind.
"""

from typing import Any

from infra.data.table import Raw, Table, as_raw, key_of

WHICH: dict[str, Any] = {'FilterExpression': 'sk = :subject', 'ExpressionAttributeValues': {':subject': {'S': 'SUBJECT'}}}


def change(table: Table, link: Raw) -> bool:
    """Return whether the pointer was missing, or the link led to nobody.

    The pointer is stored before the user is looked for: whoever deletes them meanwhile finds it.
    """
    key, user = key_of(link), f'USER#{link["user_id"]["S"]}'
    pointer = (user, key[0])
    is_new = table.put_if(as_raw(pointer) | {'kind': {'S': 'linked-subject-pointer'}}, 'attribute_not_exists(pk)')
    if table.get([(user, 'USER')]):
        return is_new
    table.delete([key, pointer])
    return True
