"""What a root says: which keys may sign for which role. Pure.

Rules kept here: root and targets share one threshold (2 of 3, or 1 of 1 for trials); a role never keeps fewer keys than must
sign; a change is refused when what is published would no longer be signed by enough of the keys that stay, because terminals
load the new root before anything else. Signing and writing are the repository's.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from evertill.server.rooms.catalog.errors import KeyNotListed, KeysTooFew, RotationBreaksTargets
from evertill.server.rooms.catalog.trust.keys import public_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from securesystemslib.signer import Key
    from tuf.api.metadata import Metadata

OFFLINE_ROLES: Final = (Root.type, Targets.type)
ONLINE_ROLES: Final = (Snapshot.type, Timestamp.type)


@dataclass(frozen=True)
class RootChange:
    """Keys to add and names of keys to take away, each with its role; empty = the same again with a new expiry."""

    add: list[tuple[str, Key]] = field(default_factory=list)
    remove: list[tuple[str, str]] = field(default_factory=list)


def first(keys: Mapping[str, list[Key]], threshold: int, expires: datetime) -> Root:
    """Version 1: who may sign for each of the four roles."""
    root = Root(version=1, expires=expires, consistent_snapshot=True)
    for role, role_keys in keys.items():
        for key in role_keys:
            root.add_key(key, role)
    for role in OFFLINE_ROLES:
        root.roles[role].threshold = threshold
        _check_enough(root, role)
    return root


def changed(old: Root, change: RootChange, expires: datetime) -> Root:
    """The next version.

    Raises:
        KeyNotListed: a key to remove is not there. KeysTooFew: a role would keep fewer keys than must sign.
    """
    new = Root.from_dict(copy.deepcopy(old.to_dict()))  # python-tuf's dictionaries share their lists with the object
    new.version, new.expires = old.version + 1, expires
    for role, name in change.remove:
        new.revoke_key(keyid_of(old, role, name), role)
    for role, key in change.add:
        new.add_key(key, role)
    for role in new.roles:
        _check_enough(new, role)
    return new


def check_keeps(root: Root, targets: Metadata[Targets]) -> None:
    """Raises RotationBreaksTargets when `targets` is not signed by enough keys of `root`."""
    if not root.get_verification_result(Targets.type, targets.signed_bytes, targets.signatures):
        raise RotationBreaksTargets


def keyid_of(root: Root, role: str, name: str) -> str:
    """Raises KeyNotListed."""
    names = names_of(root, role)
    for keyid, known in names.items():
        if known == name:
            return keyid
    raise KeyNotListed(name=name, role=role, known=", ".join(sorted(names.values())))


def names_of(root: Root, role: str) -> dict[str, str]:
    """Key id → what its holders call it."""
    return {keyid: public_name(root.get_key(keyid)) for keyid in root.roles[role].keyids}


def used_keyids(root: Root, roles: Iterable[str]) -> set[str]:
    return {keyid for role in roles for keyid in root.roles[role].keyids}


def _check_enough(root: Root, role: str) -> None:
    left, threshold = len(root.roles[role].keyids), root.roles[role].threshold
    if left < threshold:
        raise KeysTooFew(role=role, left=left, threshold=threshold)
