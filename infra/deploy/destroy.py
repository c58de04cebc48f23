"""Takes a stage away from AWS: the functions, their API and what serves them, and only on demand the data."""

import contextlib
from typing import Any

from infra import functions, template
from infra.deploy import api, application, configuration, records, releases, stack, upstream_keys
from infra.deploy.target import Target

_DAYS = 30  # until KMS deletes a key; till then it can be had back
KEPT = (
    'the stack {name} still holds the table and the keys, which cost about 3 dollars a month.\n'
    '`make deploy STAGE={stage}` brings the rest back, `make destroy STAGE={stage} TABLE=delete` deletes them'
)


def is_there(target: Target) -> bool:
    """Whether there is anything of the stage, be it in the wrong region that there is not."""
    return bool(stack.exists(target) or api.find(target) or records.functions_of(target)) or _has_data(target)


def _has_data(target: Target) -> bool:
    dynamodb, kms = target.client('dynamodb'), target.client('kms')
    with contextlib.suppress(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.describe_table(TableName=target.name)
        return True
    for alias in _aliases(target):
        with contextlib.suppress(kms.exceptions.NotFoundException):
            kms.describe_key(KeyId=alias)
            return True
    return False


def destroy(target: Target, *, with_data: bool) -> None:
    """Delete the stage; without its data, table and keys stay in the stack, for the next deployment. Raises CannotDeploy."""
    remove_application(target)
    if with_data:
        _delete_data(target)
    else:
        print(f'the stack {target.name}, all but the data')
        stack.take_back(target)


def remove_application(target: Target) -> None:
    """Delete the API and the functions, as `chalice delete` does; the stack stays as it is. Raises CannotDeploy."""
    print('the API and the functions')
    rest_api = api.find(target)
    domain = stack.parameters(target).get('Domain')
    if domain:
        api.unmap_domain(target, domain)
    records.write(target, rest_api)
    application.delete(target, configuration.offline(target.stage, target.project))
    releases.forget(target)
    _forget(target)


def _forget(target: Target) -> None:
    """Remove what deploying wrote beside the repository."""
    policies = [f'policy-{target.stage}-{name}.json' for name in functions.names()]
    for name in (f'deployed/{target.stage}.json', *policies):
        (target.folder / name).unlink(missing_ok=True)


def _delete_data(target: Target) -> None:
    print(f'the stack {target.name}')
    stack.delete(target)
    print('the table and the keys')
    upstream_keys.remove_all(target)
    _delete_table(target)
    for alias in _aliases(target):
        _delete_key(target.client('kms'), alias)


def _delete_table(target: Target) -> None:
    """Delete the table and wait until it is gone, also one that is being deleted already."""
    dynamodb = target.client('dynamodb')
    with contextlib.suppress(dynamodb.exceptions.ResourceNotFoundException):
        table = dynamodb.describe_table(TableName=target.name)['Table']
        if table['TableStatus'] != 'DELETING':
            if table.get('DeletionProtectionEnabled'):
                dynamodb.update_table(TableName=target.name, DeletionProtectionEnabled=False)
            dynamodb.get_waiter('table_exists').wait(TableName=target.name)
            dynamodb.delete_table(TableName=target.name)
    dynamodb.get_waiter('table_not_exists').wait(TableName=target.name)


def _aliases(target: Target) -> list[str]:
    kept = template.data()['Resources'].values()
    names = [one['Properties']['AliasName']['Fn::Sub'] for one in kept if one['Type'] == 'AWS::KMS::Alias']
    return [name.replace('${Stage}', target.stage) for name in names]


def _delete_key(kms: Any, alias: str) -> None:
    """Schedule the deletion of the key behind an alias, then delete the alias: while it is there, there is more to do."""
    try:
        key = kms.describe_key(KeyId=alias)['KeyMetadata']
    except kms.exceptions.NotFoundException:
        return
    if key['KeyState'] != 'PendingDeletion':
        kms.schedule_key_deletion(KeyId=key['KeyId'], PendingWindowInDays=_DAYS)
    kms.delete_alias(AliasName=alias)
