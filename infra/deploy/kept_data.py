"""The table and the keys that outlived their stack, as when somebody deleted it in the console: a new stack takes them over.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html
"""

from collections.abc import Mapping
from typing import Any

from infra import template
from infra.deploy.target import CannotDeploy, Target

Json = dict[str, Any]


def find(target: Target) -> dict[str, dict[str, str]]:
    """Return what there is by its name in the template, each with what identifies it to CloudFormation.

    Raises CannotDeploy for what cannot be taken over.
    """
    resources = template.data()['Resources']
    kept: dict[str, dict[str, str]] = {}
    for name, one in resources.items():
        if one['Type'] == 'AWS::KMS::Alias' and (key := _key(target, _called(target, one, 'AliasName'))):
            kept |= {name: {'AliasName': _called(target, one, 'AliasName')}, one['Properties']['TargetKeyId']['Ref']: {'KeyId': key}}
    for name, one in resources.items():
        if one['Type'] == 'AWS::DynamoDB::Table' and (table := _table(target, _called(target, one, 'TableName'))):
            key = str(table.get('SSEDescription', {}).get('KMSMasterKeyArn', '')).rpartition('/')[2]
            if 'TableKey' not in kept or (key and kept['TableKey'] != {'KeyId': key}):
                raise CannotDeploy(
                    f'the table {target.name} is of no stack, and no alias leads to its key: '
                    f'`aws kms create-alias --alias-name alias/{target.name}-table --target-key-id {key or "ID"}`'
                )
            kept[name] = {'TableName': table['TableName']}
    return kept


def resources_to_import(kept: Mapping[str, Mapping[str, str]]) -> list[Json]:
    """Return kept resources in CloudFormation's words."""
    kinds = {name: one['Type'] for name, one in template.data()['Resources'].items()}
    return [{'ResourceType': kinds[name], 'LogicalResourceId': name, 'ResourceIdentifier': dict(kept[name])} for name in kept]


def reduced(kept: Mapping[str, Mapping[str, str]]) -> Json:
    """Return the part of the template that kept resources make up: an import creates nothing else."""
    whole = template.data()
    return whole | {'Resources': {name: one for name, one in whole['Resources'].items() if name in kept}}


def _called(target: Target, resource: Json, name: str) -> str:
    called: str = resource['Properties'][name]['Fn::Sub'].replace('${Stage}', target.stage)
    return called


def refuse_unusable_keys(target: Target) -> None:
    """Raise CannotDeploy for a key of the stage that is disabled or about to be deleted; nothing that it encrypted can be read."""
    for one in template.data()['Resources'].values():
        if one['Type'] == 'AWS::KMS::Alias':
            _key(target, _called(target, one, 'AliasName'))


def _key(target: Target, alias: str) -> str | None:
    """Return the id of the key behind an alias, None without the alias. Raises CannotDeploy for a key that cannot be used."""
    kms = target.client('kms')
    try:
        key = kms.describe_key(KeyId=alias)['KeyMetadata']
    except kms.exceptions.NotFoundException:
        return None
    key_id: str = key['KeyId']
    match key['KeyState']:
        case 'PendingDeletion':
            raise CannotDeploy(
                f'the key behind {alias} is about to be deleted: `aws kms cancel-key-deletion --key-id {key_id}` and '
                f'`aws kms enable-key --key-id {key_id}` keep it, `make destroy STAGE={target.stage} TABLE=delete` deletes the rest'
            )
        case 'Disabled':
            raise CannotDeploy(f'the key behind {alias} is disabled: `aws kms enable-key --key-id {key_id}`')
    return key_id


def _table(target: Target, name: str) -> Json | None:
    """Return the description of a table, None without the table. Raises CannotDeploy for one that cannot be taken over."""
    dynamodb = target.client('dynamodb')
    try:
        table: Json = dynamodb.describe_table(TableName=name)['Table']
    except dynamodb.exceptions.ResourceNotFoundException:
        return None
    match table['TableStatus']:
        case 'DELETING':
            raise CannotDeploy(f'the table {name} is being deleted, which takes some minutes: run the same command again once it is gone')
        case 'CREATING':
            raise CannotDeploy(f'the table {name} is being made, by somebody else: run the same command again in a minute')
        case 'ARCHIVING' | 'ARCHIVED' | 'INACCESSIBLE_ENCRYPTION_CREDENTIALS':
            key = table.get('SSEDescription', {}).get('KMSMasterKeyArn', 'ID')
            raise CannotDeploy(
                f'DynamoDB cannot use the key of the table {name}: `aws kms describe-key --key-id {key}` says why. '
                'A week after it lost the key it archives the table into a backup, which can be restored'
            )
    return table
