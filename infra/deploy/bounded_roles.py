"""The boundary of the functions' roles, where an administrator made one: what a role may do at most, whatever its own policy allows.

IAM lets a deployer with the policies of infra/access make and change only roles that have it.
"""

import json
from typing import Any

from chalice.awsclient import TypedAWSClient


class BoundingClient(TypedAWSClient):
    """Puts `boundary`, the ARN of a policy, on each role, unless it is None: before a role gets a policy of its own."""

    boundary: str | None = None

    def create_role(self, name: str, trust_policy: dict[str, Any], policy: dict[str, Any]) -> str:
        if self.boundary is None:
            created: str = super().create_role(name, trust_policy, policy)
            return created
        made = self._client('iam').create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(trust_policy), PermissionsBoundary=self.boundary
        )
        super().put_role_policy(name, name, policy)
        arn: str = made['Role']['Arn']
        return arn

    def put_role_policy(self, role_name: str, policy_name: str, policy_document: dict[str, Any]) -> None:
        if self.boundary is not None:
            self._client('iam').put_role_permissions_boundary(RoleName=role_name, PermissionsBoundary=self.boundary)
        super().put_role_policy(role_name, policy_name, policy_document)
