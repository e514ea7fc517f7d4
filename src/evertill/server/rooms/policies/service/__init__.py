"""Use cases of the policies room: the only writers of its tables.

`setting` is what people set on the server, `changes` what terminals report having been switched there, `revisions` what each terminal works by,
`words` what people said about one release.
"""

from evertill.server.rooms.policies.service.changes import receive_changes, settle_conflict
from evertill.server.rooms.policies.service.revisions import acknowledge, resolve
from evertill.server.rooms.policies.service.setting import set_field, unset_field, waive
from evertill.server.rooms.policies.service.snapshots import snapshot
from evertill.server.rooms.policies.service.words import consent, displayed, postpone, withdraw_consent

__all__ = [
    "acknowledge",
    "consent",
    "displayed",
    "postpone",
    "receive_changes",
    "resolve",
    "set_field",
    "settle_conflict",
    "snapshot",
    "unset_field",
    "waive",
    "withdraw_consent",
]
