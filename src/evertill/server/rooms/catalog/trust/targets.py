"""What a next version of targets says: pure building of TUF targets metadata from what is in force and what shall be added.

Rules kept here: a component's path names its one content for ever; a merchant's files are signed in that merchant's role and
nowhere else, by a delegation that covers `merchants/{id}/*` and nothing else. No file is read or written here.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from tuf.api.metadata import DelegatedRole, Delegations, TargetFile, Targets

from evertill.protocol.release import ComponentWords, is_component_path, merchant_of
from evertill.server.rooms.catalog.errors import KeysTooFew, TargetPathInvalid, TargetPathTaken

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from securesystemslib.signer import CryptoSigner, Key

HASHES: Final = ["sha256", "sha512"]


class ComponentFile(msgspec.Struct, frozen=True, kw_only=True):
    """A component's target, and where its bytes lie in the artifact store."""

    path: str
    source: str
    length: int
    sha256: str
    sha512: str
    words: ComponentWords


@dataclass(frozen=True)
class Delegation:
    """Who signs one merchant's custom software."""

    merchant: int
    keys: list[Key]
    threshold: int


@dataclass(frozen=True)
class TargetsChange:
    """What shall be signed next for one role; empty = the same again with a new expiry."""

    documents: dict[str, bytes] = field(default_factory=dict)
    components: list[ComponentFile] = field(default_factory=list)
    delegation: Delegation | None = None


def merchant_role(merchant: int) -> str:
    return f"merchants-{merchant}"


def changed(old: Targets, change: TargetsChange, *, role: str, version: int, expires: datetime) -> Targets:
    """The next version of `role`.

    Raises:
        TargetPathTaken, TargetPathInvalid, KeysTooFew.
    """
    new = Targets.from_dict(copy.deepcopy(old.to_dict()))  # python-tuf's dictionaries share their lists with the object
    new.version, new.expires = version, expires
    for path, body in change.documents.items():
        new.targets[path] = TargetFile.from_data(path, body, HASHES)
    for component in change.components:
        _check_path(component, role)
        new.targets[component.path] = _component_target(component, old.targets.get(component.path))
    if change.delegation is not None:
        _delegate(new, change.delegation)
    return new


def public_keys(signers: Iterable[CryptoSigner]) -> list[Key]:
    """The public halves, as a delegation or a root wants them."""
    return [signer.public_key for signer in signers]


def _check_path(component: ComponentFile, role: str) -> None:
    merchant = merchant_of(component.path)
    expected = Targets.type if merchant is None else merchant_role(merchant)
    if not is_component_path(component.path) or role != expected:
        raise TargetPathInvalid(path=component.path)


def _component_target(component: ComponentFile, known: TargetFile | None) -> TargetFile:
    custom: Any = msgspec.to_builtins(component.words)
    hashes = {"sha256": component.sha256, "sha512": component.sha512}
    target = TargetFile(component.length, hashes, component.path, {"custom": custom})
    if known is not None and known.to_dict() != target.to_dict():
        raise TargetPathTaken(path=component.path)
    return target


def _delegate(targets: Targets, delegation: Delegation) -> None:
    """Set who signs for the merchant; keys that nobody uses any more are dropped."""
    role = merchant_role(delegation.merchant)
    keyids = list(dict.fromkeys(key.keyid for key in delegation.keys))
    if not 1 <= delegation.threshold <= len(keyids):
        raise KeysTooFew(role=role, left=len(keyids), threshold=delegation.threshold)
    roles = dict(targets.delegations.roles or {}) if targets.delegations else {}
    known = dict(targets.delegations.keys) if targets.delegations else {}
    known.update((key.keyid, key) for key in delegation.keys)
    paths = [f"merchants/{delegation.merchant}/*"]
    roles[role] = DelegatedRole(role, keyids, delegation.threshold, terminating=True, paths=paths)
    used = {keyid for each in roles.values() for keyid in each.keyids}
    targets.delegations = Delegations({keyid: key for keyid, key in known.items() if keyid in used}, roles)
