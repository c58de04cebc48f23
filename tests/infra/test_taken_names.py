"""What a deployment or a removal meets that is going, gone a moment ago, or somebody else's, and says in a sentence."""

from pathlib import Path

import pytest

from infra.deploy import destroy, preflight, stack
from infra.deploy.preflight import CHECKS
from infra.deploy.target import CannotDeploy
from tests.support.deployments import NAME, Aws, Refusal, project

pytestmark = pytest.mark.usefixtures('restored_environment_of_module')


@pytest.fixture
def aws(tmp_path: Path) -> Aws:
    return Aws(project(tmp_path / 'here'))


@pytest.mark.parametrize(
    ('status', 'sentence'),
    [
        ('DELETING', 'is being deleted, which takes some minutes: run the same command again'),
        ('CREATING', 'is being made, by somebody else'),
        ('INACCESSIBLE_ENCRYPTION_CREDENTIALS', 'DynamoDB cannot use the key of the table .* `aws kms describe-key --key-id arn:key`'),
        ('ARCHIVED', 'into a backup'),
    ],
)
def test_a_table_that_cannot_be_taken_over_stops_a_deployment_before_its_first_write(aws: Aws, status: str, sentence: str):
    table = {'TableName': NAME, 'TableStatus': status, 'SSEDescription': {'KMSMasterKeyArn': 'arn:key'}}
    aws.answers['DescribeTable'] = {'Table': table}
    checks = {'names': CHECKS['names']}

    with pytest.raises(CannotDeploy, match=sentence):
        preflight.require(aws.target, {}, checks)
    assert aws.changes == []


@pytest.mark.parametrize(
    ('state', 'sentence'),
    [('Disabled', 'is disabled: `aws kms enable-key --key-id 1-2`'), ('PendingDeletion', 'is about to be deleted: `aws kms cancel-key')],
)
def test_a_key_of_a_stack_that_is_there_and_cannot_be_used_stops_a_deployment_too(aws: Aws, state: str, sentence: str):
    aws.answers |= {
        'DescribeStacks': {'Stacks': [{'StackName': NAME, 'StackStatus': 'UPDATE_COMPLETE'}]},
        'DescribeKey': {'KeyMetadata': {'KeyId': '1-2', 'KeyState': state}},
    }

    with pytest.raises(CannotDeploy, match=sentence):
        preflight.require(aws.target, {}, {'names': CHECKS['names']})


@pytest.mark.parametrize(
    ('reason', 'advice'),
    [
        (
            'Resource handler returned message: "You must wait 60 seconds after deleting a queue before you can create another."',
            'SQS keeps the name of a deleted queue for a minute: run the same command again after it',
        ),
        ('The domain name you provided already exists.', 'deploy with another DOMAIN'),
    ],
)
def test_a_name_that_only_cloudformation_learns_to_be_taken_is_told_with_what_to_do(aws: Aws, reason: str, advice: str):
    event = {'EventId': '1', 'ResourceStatus': 'CREATE_FAILED', 'LogicalResourceId': 'RefreshQueue', 'ResourceStatusReason': reason}
    statuses = iter(['UPDATE_COMPLETE', 'UPDATE_COMPLETE'])  # before the change; afterwards it was rolled back
    events = iter([[]])
    aws.answers |= {
        'DescribeStacks': lambda: {
            'Stacks': [{'StackName': NAME, 'StackStatus': next(statuses, 'UPDATE_ROLLBACK_COMPLETE'), 'Parameters': []}]
        },
        'DescribeStackEvents': lambda: {'StackEvents': next(events, [event])},
        'UpdateStack': {},
    }

    with pytest.raises(CannotDeploy) as refusal:
        stack.ensure(aws.target, {})
    assert f'RefreshQueue: {reason}' in str(refusal.value)
    assert advice in str(refusal.value)


def test_a_table_that_is_being_deleted_is_waited_for_until_it_is_gone(aws: Aws):
    gone = Refusal('ResourceNotFoundException', 'no table')
    answers = iter([{'Table': {'TableName': NAME, 'TableStatus': 'DELETING'}}])
    aws.answers['DescribeTable'] = lambda: next(answers, gone)
    aws.changes.clear()

    destroy.destroy(aws.target, with_data=True)

    assert 'DeleteTable' not in aws.changes
    assert next(answers, None) is None
