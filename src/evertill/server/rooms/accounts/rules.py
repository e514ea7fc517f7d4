"""Who may do what: one table of operations and roles. A role counts at its node and everywhere below it.

*never* (switching automatic updates off for good) belongs to the merchant: no role of the operator or an agent has it (design §4).
"""

from __future__ import annotations

import re
from enum import StrEnum

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")


class Role(StrEnum):
    OPERATOR_ADMIN = "operator_admin"
    FLEET_MANAGER = "fleet_manager"
    RELEASE_MANAGER = "release_manager"
    SUPPORT_AGENT = "support_agent"
    AUDITOR = "auditor"
    AGENT_STAFF = "agent_staff"
    MERCHANT_OWNER = "merchant_owner"
    STORE_MANAGER = "store_manager"


class Operation(StrEnum):
    VIEW = "view"
    AUDIT_VIEW = "audit.view"
    TREE_EDIT = "tree.edit"
    PEOPLE_EDIT = "people.edit"
    TOKENS_EDIT = "tokens.edit"
    TERMINALS_EDIT = "terminals.edit"
    ARTIFACTS_ADD = "artifacts.add"
    RELEASES_EDIT = "releases.edit"
    POLICIES_EDIT = "policies.edit"
    NEVER_SET = "policies.never"
    ACTIONS_EDIT = "actions.edit"
    ROLLOUTS_EDIT = "rollouts.edit"


_STAFF = frozenset({Role.OPERATOR_ADMIN, Role.FLEET_MANAGER, Role.RELEASE_MANAGER, Role.SUPPORT_AGENT, Role.AUDITOR})
_MERCHANT = frozenset({Role.MERCHANT_OWNER, Role.STORE_MANAGER})
_FLEET = frozenset({Role.OPERATOR_ADMIN, Role.FLEET_MANAGER})
_RELEASE = frozenset({Role.OPERATOR_ADMIN, Role.RELEASE_MANAGER})

PERMITS: dict[Operation, frozenset[Role]] = {
    Operation.VIEW: _STAFF | _MERCHANT | {Role.AGENT_STAFF},
    Operation.AUDIT_VIEW: frozenset({Role.OPERATOR_ADMIN, Role.AUDITOR}),
    Operation.TREE_EDIT: _FLEET,
    Operation.PEOPLE_EDIT: frozenset({Role.OPERATOR_ADMIN}),
    Operation.TOKENS_EDIT: frozenset({Role.OPERATOR_ADMIN}),
    Operation.TERMINALS_EDIT: _FLEET,
    Operation.ARTIFACTS_ADD: _RELEASE,
    Operation.RELEASES_EDIT: _RELEASE,
    Operation.POLICIES_EDIT: _FLEET | {Role.MERCHANT_OWNER},
    Operation.NEVER_SET: frozenset({Role.MERCHANT_OWNER}),
    Operation.ACTIONS_EDIT: _FLEET,
    Operation.ROLLOUTS_EDIT: _FLEET | _RELEASE,
}
CONSOLE_ROLES = _STAFF | {Role.AGENT_STAFF}

SCOPES: dict[str, frozenset[Operation]] = {
    "read": frozenset({Operation.VIEW}),
    "artifacts": frozenset({Operation.VIEW, Operation.ARTIFACTS_ADD}),
    "releases": frozenset({Operation.VIEW, Operation.ARTIFACTS_ADD, Operation.RELEASES_EDIT}),
    "fleet": frozenset({Operation.VIEW, Operation.TERMINALS_EDIT, Operation.ACTIONS_EDIT, Operation.ROLLOUTS_EDIT}),
}


def is_login(text: str) -> bool:
    return LOGIN.fullmatch(text) is not None
