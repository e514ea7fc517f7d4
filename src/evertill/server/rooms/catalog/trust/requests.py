"""Signing requests: what is carried to the offline keys, how it is checked there, and the signatures that come back.

Rules kept here: whoever signs believes nothing the server says. From the root they hold themselves the chain of roots is walked;
what was in force before must be signed by it; what is new must continue it: a higher version, nothing published removed or
changed, a floor that only grows. The changes shown come from the bytes to be signed, never from a summary. No key touches
DATA; no file is opened here.
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec
from securesystemslib.exceptions import UnverifiedSignatureError
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.release import (
    FLOOR_PATH,
    GUARDRAILS_PATH,
    OPERATOR_PATH,
    Floor,
    Release,
    decode_floor,
    decode_guardrails,
    decode_operator,
    decode_release,
    decode_words,
    is_component_path,
    release_path,
)
from evertill.server.rooms.catalog.errors import KeyNotListed, RequestForged, RequestInvalid, SignatureInvalid
from evertill.server.rooms.catalog.trust.keys import public_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from securesystemslib.signer import CryptoSigner

_DECODERS: Final[Mapping[str, Callable[[bytes], object]]] = {
    FLOOR_PATH: decode_floor,
    OPERATOR_PATH: decode_operator,
    GUARDRAILS_PATH: decode_guardrails,
}
MAX_FILE_BYTES: Final = 64 * 1024 * 1024


class KeySignature(msgspec.Struct, frozen=True, kw_only=True):
    keyid: str
    sig: str


class SignatureFile(msgspec.Struct, frozen=True, kw_only=True):
    """What `keys sign` writes and `keys import` reads."""

    format: Literal[1] = 1
    request: str
    role: str
    signatures: list[KeySignature]


class SigningRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One new version of one role, with everything needed to judge it away from the server."""

    format: Literal[1] = 1
    role: str
    payload: dict[str, Any]  # the `signed` part
    documents: dict[str, str]  # text of each small target that is new in the payload
    replaced: dict[str, str]  # text of each small target that this one replaces
    roots: list[dict[str, Any]]  # every root so far
    delegator: dict[str, Any] | None  # of a merchant's role: the targets in force
    base: dict[str, Any] | None  # of this role: the metadata in force
    signatures: list[KeySignature] = []

    @property
    def id(self) -> str:
        return hashlib.sha256(self.metadata().signed_bytes).hexdigest()[:16]

    def metadata(self) -> Metadata[Any]:
        """The payload with the signatures gathered so far."""
        signatures = [{"keyid": each.keyid, "sig": each.sig} for each in self.signatures]
        return _metadata({"signed": self.payload, "signatures": signatures})


File = TypeVar("File", SigningRequest, SignatureFile)


@dataclass(frozen=True)
class Change:
    """One line of what a signature would bring into force; `text` is the document itself where it is one."""

    kind: Literal["added", "replaced", "key_added", "key_removed", "delegated", "renewed"]
    name: str
    text: str = ""


@dataclass(frozen=True)
class Review:
    """What the person with the key reads before signing."""

    id: str
    role: str
    version: int
    expires: datetime
    changes: list[Change]
    threshold: int
    may_sign: dict[str, str]  # key id → name
    signed_by: list[str]


def decode_request(body: bytes) -> SigningRequest:
    """Raises RequestInvalid."""
    return _decode(body, SigningRequest)


def decode_signatures(body: bytes) -> SignatureFile:
    """Raises RequestInvalid."""
    return _decode(body, SignatureFile)


def encode(file: SigningRequest | SignatureFile) -> bytes:
    return msgspec.json.format(msgspec.json.encode(file, order="deterministic"), indent=1) + b"\n"


def review(request: SigningRequest, trusted_root: bytes) -> Review:
    """Judge a request by the root the signer holds.

    Raises:
        RequestInvalid: not readable. RequestForged: it does not continue what that root vouches for.
    """
    try:
        root = _walk(request, trusted_root).signed
        return _review_root(request, root) if request.role == Root.type else _review_targets(request, root)
    except (RepositoryError, ProtocolRefused) as error:
        raise RequestForged(problem=str(error)) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestInvalid(problem=f"{type(error).__name__}: {error}") from error


def newest_root(request: SigningRequest, trusted_root: bytes) -> bytes:
    """The last root in force that `trusted_root` leads to: what a signer believes from now on. For a request that was reviewed."""
    return _walk(request, trusted_root).to_bytes()


def sign(request: SigningRequest, trusted_root: bytes, signers: Iterable[CryptoSigner]) -> SignatureFile:
    """Review, then sign with each key.

    Raises:
        KeyNotListed: a key that may not sign for this role; and everything `review` raises.
    """
    reviewed = review(request, trusted_root)
    payload = request.metadata().signed_bytes
    signatures = []
    for signer in signers:
        if signer.public_key.keyid not in reviewed.may_sign:
            known = ", ".join(sorted(reviewed.may_sign.values()))
            raise KeyNotListed(name=public_name(signer.public_key), role=request.role, known=known)
        signature = signer.sign(payload)
        signatures.append(KeySignature(keyid=signature.keyid, sig=signature.signature))
    return SignatureFile(request=reviewed.id, role=request.role, signatures=signatures)


def check_signatures(
    metadata: Metadata[Any], role: str, added: Iterable[str], judges: Iterable[Root | Targets]
) -> None:
    """Each added signature is by a key that one of the judges lists, and fits.

    Raises:
        KeyNotListed, SignatureInvalid.
    """
    listed = {keyid: judge.get_key(keyid) for judge in judges for keyid in judge.get_delegated_role(role).keyids}
    for keyid in added:
        if keyid not in listed:
            known = ", ".join(sorted(public_name(key) for key in listed.values()))
            raise KeyNotListed(name=keyid[:8], role=role, known=known)
        try:
            listed[keyid].verify_signature(metadata.signatures[keyid], metadata.signed_bytes)
        except UnverifiedSignatureError as error:
            raise SignatureInvalid(name=public_name(listed[keyid])) from error


def check_continues(old: Targets, new: Targets, documents: Mapping[str, bytes], replaced: Mapping[str, bytes]) -> None:
    """What is published stays as it is: only the floor, the operator's card and the guardrails may change, and the floor only grows.

    Raises:
        RequestForged: with the path.
    """
    if new.version <= old.version:
        raise RequestForged(problem=f"version {new.version} follows {old.version}")
    for path, target in old.targets.items():
        now = new.targets.get(path)
        if now is None:
            raise RequestForged(problem=f"{path} would disappear")
        if now.to_dict() != target.to_dict() and path not in _DECODERS:
            raise RequestForged(problem=f"{path} would change")
    if FLOOR_PATH in old.targets and new.targets[FLOOR_PATH].to_dict() != old.targets[FLOOR_PATH].to_dict():
        if FLOOR_PATH not in documents or FLOOR_PATH not in replaced:
            raise RequestForged(problem="the floor's texts are not enclosed")
        _check_grows(decode_floor(replaced[FLOOR_PATH]), decode_floor(documents[FLOOR_PATH]))


def _check_grows(old: Floor, new: Floor) -> None:
    if any(entry not in new.revoked for entry in old.revoked):
        raise RequestForged(problem="a revoked release would come back")
    for component, index in old.minimum_rollback_index.items():
        if new.minimum_rollback_index.get(component, 0) < index:
            raise RequestForged(problem=f"the lowest rollback index of {component} would fall")


def _walk(request: SigningRequest, trusted_root: bytes) -> Metadata[Root]:
    current = Metadata[Root].from_bytes(trusted_root)
    current.signed.verify_delegate(Root.type, current.signed_bytes, current.signatures)
    for step in map(_metadata, request.roots):
        if step.signed.version != current.signed.version + 1:
            continue
        current.signed.verify_delegate(Root.type, step.signed_bytes, step.signatures)
        step.signed.verify_delegate(Root.type, step.signed_bytes, step.signatures)
        current = step
    return current


def _review_root(request: SigningRequest, current: Root) -> Review:
    new = request.metadata()
    if not isinstance(new.signed, Root) or new.signed.version != current.version + 1:
        raise RequestForged(problem=f"not root version {current.version + 1}")
    old_keys, new_keys = _role_keys(current), _role_keys(new.signed)
    changes = [Change("key_added", _visible(f"{role}: {name}")) for role, name in sorted(new_keys - old_keys)]
    changes += [Change("key_removed", _visible(f"{role}: {name}")) for role, name in sorted(old_keys - new_keys)]
    may_sign = _names(current, Root.type) | _names(new.signed, Root.type)
    threshold = max(current.roles[Root.type].threshold, new.signed.roles[Root.type].threshold)
    return _review(request, new, changes or [Change("renewed", Root.type)], threshold, may_sign)


def _review_targets(request: SigningRequest, root: Root) -> Review:
    new = request.metadata()
    delegator: Root | Targets = root
    if request.role != Targets.type:
        delegator = _verified(request.delegator, root, Targets.type)
    base = _verified(request.base, delegator, request.role) if request.base else Targets(targets={})
    if not isinstance(new.signed, Targets):
        raise RequestForged(problem="not targets")
    documents = _checked_documents(new.signed, request.documents)
    replaced = _checked_documents(base, request.replaced)
    if request.base is not None:
        check_continues(base, new.signed, documents, replaced)
    changes = _target_changes(base, new.signed, documents) or [Change("renewed", request.role)]
    threshold = delegator.get_delegated_role(request.role).threshold
    return _review(request, new, changes, threshold, _names(delegator, request.role))


def _review(
    request: SigningRequest, new: Metadata[Any], changes: list[Change], threshold: int, may_sign: dict[str, str]
) -> Review:
    signed_by = [may_sign.get(keyid, keyid[:8]) for keyid in new.signatures]
    return Review(
        request.id, request.role, new.signed.version, new.signed.expires, changes, threshold, may_sign, signed_by
    )


def _verified(metadata: dict[str, Any] | None, delegator: Root | Targets, role: str) -> Targets:
    if metadata is None:
        raise RequestForged(problem=f"{role} is not enclosed")
    known = _metadata(metadata)
    delegator.verify_delegate(role, known.signed_bytes, known.signatures)
    if not isinstance(known.signed, Targets):
        raise RequestForged(problem=f"{role} is no targets metadata")
    return known.signed


def _checked_documents(targets: Targets, documents: Mapping[str, str]) -> dict[str, bytes]:
    """The enclosed texts, each proven to be what the metadata names."""
    checked = {}
    for path, text in documents.items():
        if path not in targets.targets:
            raise RequestForged(problem=f"{path} is enclosed but not signed")
        targets.targets[path].verify_length_and_hashes(text.encode())
        checked[path] = text.encode()
    return checked


def _target_changes(old: Targets, new: Targets, documents: Mapping[str, bytes]) -> list[Change]:
    changes = []
    for path, target in sorted(new.targets.items()):
        before = old.targets.get(path)
        if before is not None and before.to_dict() == target.to_dict():
            continue
        text = f"sha256 {target.hashes['sha256']}, {target.length} bytes"
        if is_component_path(path):
            decode_words(target.custom)
        else:
            _judge_document(path, documents, new)
            text = documents[path].decode()
        changes.append(Change("replaced" if before else "added", _visible(path), _visible(text)))
    old_roles = old.delegations.roles if old.delegations and old.delegations.roles else {}
    new_roles = new.delegations.roles if new.delegations and new.delegations.roles else {}
    differing = sorted(
        name for name in old_roles.keys() | new_roles.keys() if new_roles.get(name) != old_roles.get(name)
    )
    return changes + [
        Change("delegated", _visible(name), _delegation_text(new, name) if name in new_roles else "")
        for name in differing
    ]


def _judge_document(path: str, documents: Mapping[str, bytes], targets: Targets) -> None:
    """A small target is enclosed, is one of ours, and keeps our rules; terminals would refuse it, but only once it is signed."""
    if path not in documents:
        raise RequestForged(problem=f"the text of {path} is not enclosed")
    if path in _DECODERS:
        _DECODERS[path](documents[path])
        return
    release = decode_release(documents[path])
    if path != release_path(release.id):
        raise RequestForged(problem=f"{path} holds release {release.id}")
    _judge_components(release, targets)


def _judge_components(release: Release, targets: Targets) -> None:
    """Where a component is signed here, it is the one that the release names."""
    for component in release.components:
        target = targets.targets.get(component.path)
        if target is None:
            continue  # a merchant's own file, or one for a foreign client's own updater
        signed = (target.length, target.hashes.get("sha256"), target.hashes.get("sha512"))
        if signed != (component.length, component.sha256, component.sha512):
            raise RequestForged(problem=f"release {release.id} names another {component.path}")


def _visible(text: str) -> str:
    """Nothing in foreign text may move the cursor, hide a line or turn the reading direction."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in text)


def _delegation_text(targets: Targets, role: str) -> str:
    delegation = targets.get_delegated_role(role)
    paths = ", ".join(getattr(delegation, "paths", None) or [])
    return _visible(f"{delegation.threshold} of {', '.join(_names(targets, role).values())} for {paths}")


def _names(delegator: Root | Targets, role: str) -> dict[str, str]:
    return {keyid: public_name(delegator.get_key(keyid)) for keyid in delegator.get_delegated_role(role).keyids}


def _role_keys(root: Root) -> set[tuple[str, str]]:
    return {(role, f"{name} ({keyid[:8]})") for role in root.roles for keyid, name in _names(root, role).items()}


def _metadata(content: dict[str, Any]) -> Metadata[Any]:
    return Metadata.from_dict(copy.deepcopy(content))  # from_dict takes its argument apart


def _decode(body: bytes, of: type[File]) -> File:
    if len(body) > MAX_FILE_BYTES:
        raise RequestInvalid(problem="too large")
    try:
        return msgspec.json.decode(body, type=of)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RequestInvalid(problem=str(error)) from error
