"""The stack against the code that uses it."""

import json
from pathlib import Path
from typing import Any

import yaml

from chalicelib.models import Item

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags (!Sub, !GetAtt …) as plain values."""


_Loader.add_multi_constructor('!', lambda loader, _, node: getattr(node, 'value', None))

TEMPLATE: dict[str, Any] = yaml.load((ROOT / 'infra' / 'template.yaml').read_text(), _Loader)
RESOURCES = TEMPLATE['Resources']
TABLE = RESOURCES['Table']['Properties']
CONFIG = json.loads((ROOT / '.chalice' / 'config.json').read_text())


def test_the_models_have_the_tables_keys_and_indexes():
    schema = Item._get_schema()

    def by_name(indexes: list[dict[str, Any]], name: str, key_schema: str, projection: str) -> dict[str, Any]:
        return {row[name]: (sorted(row[key_schema], key=lambda key: key['KeyType']), row[projection]) for row in indexes}

    assert TABLE['KeySchema'] == schema['key_schema']
    for ours, stacks in (
        ('local_secondary_indexes', 'LocalSecondaryIndexes'),
        ('global_secondary_indexes', 'GlobalSecondaryIndexes'),
    ):
        assert by_name(schema[ours], 'index_name', 'key_schema', 'projection') == by_name(
            TABLE[stacks], 'IndexName', 'KeySchema', 'Projection'
        )


def test_the_tables_key_attributes_have_the_models_types():
    attributes = Item.get_attributes()

    for definition in TABLE['AttributeDefinitions']:
        assert attributes[definition['AttributeName']].attr_type == definition['AttributeType']


def test_the_table_is_kept_recoverable_encrypted_and_paid_by_request():
    assert RESOURCES['Table']['DeletionPolicy'] == 'Retain'
    assert TABLE['DeletionProtectionEnabled'] is True
    assert TABLE['PointInTimeRecoverySpecification']['PointInTimeRecoveryEnabled'] is True
    assert TABLE['SSESpecification']['SSEType'] == 'KMS'
    assert TABLE['BillingMode'] == 'PAY_PER_REQUEST'
    assert TABLE['TimeToLiveSpecification'] == {'AttributeName': 'expires_at', 'Enabled': True}


def test_every_queue_has_a_dead_letter_queue_and_outlasts_its_handler():
    queues = {name: row['Properties'] for name, row in RESOURCES.items() if row['Type'] == 'AWS::SQS::Queue'}
    timeouts = {'RefreshQueue': 'refresh_ledgers', 'PurgeQueue': 'purge_portfolios'}

    for name, function in timeouts.items():
        assert queues[name]['RedrivePolicy']['maxReceiveCount'] == 5
        assert queues[name]['VisibilityTimeout'] > CONFIG['lambda_functions'][function]['lambda_timeout']
        assert name.replace('Queue', 'DeadLetterQueue') in queues


def test_each_stage_names_the_stacks_table_and_queues():
    for stage, settings in CONFIG['stages'].items():
        names = settings['environment_variables']
        assert names['TABLE_NAME'] == f'cryptfolio-{stage}'
        assert names['REFRESH_QUEUE'] == f'cryptfolio-{stage}-refresh'
        assert names['PURGE_QUEUE'] == f'cryptfolio-{stage}-purge'
