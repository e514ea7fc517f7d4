"""The operator's TUF repository: every change of what terminals may trust goes through here.

Rules kept here (TUF spec 1.0.31): root and targets are signed by offline keys, snapshot and timestamp by the server's own;
consistent snapshots; sha256 and sha512 per target. A change is first a signing request under `pending/`, one per role; nothing of it
is in force until its threshold is met, and then it takes force with one rename: target files, targets, snapshot, and
`timestamp.json` last. Killed at any point before, the old state stands; asked again, the same change completes.
Versions of everything but root are the clock's seconds (at least one more than before), so that a server restored from a backup is
again ahead of what its terminals have seen. Not here: the database, who may do it, and what a release must say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from evertill.protocol.release import FLOOR_PATH, Floor, decode_floor
from evertill.server.rooms.catalog.errors import RequestUnknown, SigningOpen, TrustExists
from evertill.server.rooms.catalog.trust import keys, requests, roots, targets
from evertill.server.rooms.catalog.trust.folder import LOCK_PATIENCE_S, InForce, TrustFolder
from evertill.server.rooms.catalog.trust.pending import Pending, PendingFolder
from evertill.server.rooms.catalog.trust.requests import KeySignature, SignatureFile, SigningRequest
from evertill.server.rooms.catalog.trust.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.catalog.trust.roots import RootChange
    from evertill.server.rooms.catalog.trust.targets import TargetsChange

WITHDRAWN_FIELD: Final = "x-evertill-withdrawn"  # in the snapshot: releases the operator took back without offline keys
LIFETIMES: Final = {
    Root.type: timedelta(days=730),
    Targets.type: timedelta(days=365),
    Snapshot.type: timedelta(days=14),
    Timestamp.type: timedelta(days=7),
}


@dataclass(frozen=True)
class Outcome:
    """`published`, or how many signatures are missing; `request` is the file for the other key holders."""

    published: bool
    request: SigningRequest
    signed_by: list[str]
    missing: int


class TrustRepository:
    """The folder DATA/trust and everything that may be done to it."""

    def __init__(self, data: Path, patience_s: float = LOCK_PATIENCE_S) -> None:
        self.folder = TrustFolder(data, patience_s)
        self._pending = PendingFolder(self.folder.pending)

    # Reading

    def in_force(self) -> InForce:
        """Raises TrustNotInitialised, TrustDamaged."""
        return self.folder.read()

    def signed_release_ids(self) -> list[int]:
        """Every release that was ever signed here, whatever the database remembers."""
        paths = [path for path in self.in_force().top.targets if path.startswith("releases/")]
        return sorted(int(path.removeprefix("releases/").removesuffix(".json")) for path in paths)

    def document(self, path: str) -> bytes | None:
        """The bytes of a small target in force; None when there is none."""
        return self._document(self.in_force().top, path)

    def floor(self) -> Floor:
        body = self.document(FLOOR_PATH)
        return decode_floor(body) if body else Floor()

    def withdrawn(self) -> list[int]:
        return _withdrawn(self.in_force())

    def open_requests(self) -> list[SigningRequest]:
        """What waits for signatures, one per role at most."""
        state = self.in_force()
        return [pending.request for pending in self._pending.all() if not _is_done(pending.request, state)]

    def check_absent(self) -> None:
        """Raises TrustExists."""
        if self.folder.initialised:
            raise TrustExists

    def first_root(self) -> bytes:
        """What new terminals start from."""
        return (self.folder.metadata / "1.root.json").read_bytes()

    def newest_root(self) -> bytes:
        """What key holders trust after a change of keys."""
        return (self.folder.metadata / f"{self.in_force().root.version}.root.json").read_bytes()

    # Changing

    def initialise(
        self, signers: Mapping[str, list[CryptoSigner]], threshold: int, documents: Mapping[str, bytes], now: datetime
    ) -> None:
        """Version 1 of everything; `signers` are the offline keys of root and targets.

        Raises:
            TrustExists: there is one. KeysTooFew: fewer keys than `threshold`.
        """
        with self.folder.signing():
            self.check_absent()
            self.folder.make()
            online = {role: [self._new_online_key(role, 1)] for role in roots.ONLINE_ROLES}
            listed = {role: targets.public_keys(role_signers) for role, role_signers in {**signers, **online}.items()}
            root = Metadata(roots.first(listed, threshold, now + LIFETIMES[Root.type]))
            change = targets.TargetsChange(documents=dict(documents))
            top = Metadata(self._next_targets(Targets(targets={}), None, change, Targets.type, now))
            for role, metadata in ((Root.type, root), (Targets.type, top)):
                for signer in signers[role]:
                    metadata.sign(signer, append=True)
            for path, body in documents.items():
                self.folder.put_document(path, body)
            self.folder.write_metadata(f"{top.signed.version}.targets.json", top)
            self.folder.write_metadata("1.root.json", root)
            self._put_in_force({Targets.type: top}, None, now, withdrawn=[])

    def change_targets(
        self, change: TargetsChange, now: datetime, signers: Iterable[CryptoSigner] = (), role: str = Targets.type
    ) -> Outcome:
        """Open a signing request for `role` and sign it with the keys at hand; published at once when they suffice.

        Raises:
            SigningOpen: another change waits. TargetPathTaken, TargetPathInvalid: published never changes. RequestForged:
            the floor would fall. KeyNotListed: a key that may not sign. ArtifactDamaged: stored bytes are not what was uploaded.
        """
        with self.folder.signing():
            state = self.folder.read()
            self._check_free(role, state)
            for (
                file
            ) in change.components:  # before anybody signs: a request that cannot be published only blocks others
                self.folder.check_component(file.path, Path(file.source), sha256=file.sha256, sha512=file.sha512)
            base = state.targets.get(role)
            old = base.signed if base else Targets(targets={})
            new = self._next_targets(old, base, change, role, now)
            replaced = {path: body for path in change.documents if (body := self._document(old, path)) is not None}
            if base is not None:
                requests.check_continues(old, new, change.documents, replaced)
            request = SigningRequest(
                role=role,
                payload=new.to_dict(),
                documents={path: body.decode() for path, body in change.documents.items()},
                replaced={path: body.decode() for path, body in replaced.items()},
                roots=[root.to_dict() for root in state.roots],
                delegator=None if role == Targets.type else state.targets[Targets.type].to_dict(),
                base=base.to_dict() if base else None,
            )
            return self._open(Pending(request=request, components=change.components), state, signers, now)

    def change_root(self, change: RootChange, now: datetime, signers: Iterable[CryptoSigner] = ()) -> Outcome:
        """Open a signing request for a new root; it needs the thresholds of the old root and of the new one.

        Raises:
            SigningOpen, KeyNotListed, KeysTooFew; RotationBreaksTargets: sign targets again with the staying keys first.
        """
        with self.folder.signing():
            state = self.folder.read()
            self._check_free(Root.type, state)
            new = roots.changed(state.root, change, now + LIFETIMES[Root.type])
            roots.check_keeps(new, state.targets[Targets.type])
            chain = [root.to_dict() for root in state.roots]
            request = SigningRequest(
                role=Root.type,
                payload=new.to_dict(),
                documents={},
                replaced={},
                roots=chain,
                delegator=None,
                base=chain[-1],
            )
            return self._open(Pending(request=request, components=[]), state, signers, now)

    def new_online_key(self, role: str) -> CryptoSigner:
        """A further key for snapshot or timestamp; it signs beside the old one until a new root lists it instead."""
        with self.folder.signing():
            return self._new_online_key(role, len(list(self.folder.online.glob(f"{role}-*.pem"))) + 1)

    def import_signatures(self, signatures: SignatureFile, now: datetime) -> Outcome:
        """Add signatures made elsewhere; published when the threshold is met.

        Raises:
            RequestUnknown: nothing open has this id. KeyNotListed, SignatureInvalid: nothing is kept.
        """
        with self.folder.signing():
            pending = self._pending.get(signatures.role)
            if pending is None or pending.request.id != signatures.request:
                raise RequestUnknown(id=signatures.request)
            return self._add_signatures(pending, self.folder.read(), signatures.signatures, now)

    def cancel(self, request_id: str) -> SigningRequest:
        """Drop what waits for signatures; files signed for it elsewhere are worth nothing from now on. Raises RequestUnknown."""
        with self.folder.signing():
            for pending in self._pending.all():
                if pending.request.id == request_id:
                    self._pending.forget(pending.request.role)
                    return pending.request
            raise RequestUnknown(id=request_id)

    def renew(self, now: datetime, withdrawn: Iterable[int] | None = None) -> None:
        """A fresh snapshot and timestamp from the server's own keys; `withdrawn` replaces the list of withdrawn releases."""
        with self.folder.signing():
            state = self.folder.read()
            for pending in self._pending.all():
                if _is_done(pending.request, state):  # the process ended between the last rename and the clean-up
                    self._clean_up(pending.request)
            taken_back = _withdrawn(state) if withdrawn is None else sorted(set(withdrawn))
            self._put_in_force(state.targets, state, now, withdrawn=taken_back)

    def sweep(self, now: datetime) -> list[Path]:
        """Remove what no client can ask for any more; answers what went."""
        with self.folder.signing():
            return sweep(self.folder, self.folder.read(), now)

    # How a change takes force

    def _check_free(self, role: str, state: InForce) -> None:
        waiting = self._pending.get(role)
        if waiting and not _is_done(waiting.request, state):
            raise SigningOpen(role=role, id=waiting.request.id)

    def _open(self, pending: Pending, state: InForce, signers: Iterable[CryptoSigner], now: datetime) -> Outcome:
        payload = pending.request.metadata().signed_bytes
        made = [signer.sign(payload) for signer in signers]
        signatures = [KeySignature(keyid=each.keyid, sig=each.signature) for each in made]
        return self._add_signatures(pending, state, signatures, now)

    def _add_signatures(self, pending: Pending, state: InForce, added: list[KeySignature], now: datetime) -> Outcome:
        gathered = {each.keyid: each for each in (*pending.request.signatures, *added)}
        request = msgspec.structs.replace(pending.request, signatures=list(gathered.values()))
        metadata = request.metadata()
        judges = _judges(metadata.signed, request.role, state)
        requests.check_signatures(metadata, request.role, [each.keyid for each in added], judges)
        results = [
            judge.get_verification_result(request.role, metadata.signed_bytes, metadata.signatures) for judge in judges
        ]
        signed_by = {keys.public_name(key) for result in results for key in result.signed.values()}
        pending = msgspec.structs.replace(pending, request=request)
        self._pending.keep(pending)
        published = all(results) or _is_done(request, state)
        if published:
            self._publish(pending, state, now)
        return Outcome(published, request, sorted(signed_by), max(result.missing for result in results))

    def _publish(self, pending: Pending, state: InForce, now: datetime) -> None:
        """The order is the safety: whatever names a file comes after the file."""
        request = pending.request
        if not _is_done(request, state):
            if request.role == Root.type:
                self._publish_root(request.metadata(), state, now)
            else:
                self._publish_targets(pending, state, now)
        self._clean_up(request)

    def _clean_up(self, request: SigningRequest) -> None:
        """After it is in force: online keys that the new root no longer lists, and what waited for signatures."""
        if request.role == Root.type:
            listed = roots.used_keyids(request.metadata().signed, roots.ONLINE_ROLES)
            for path in self.folder.online.glob("*.pem"):
                if keys.open_file(path, None).public_key.keyid not in listed:
                    path.unlink()
        self._pending.forget(request.role)

    def _publish_targets(self, pending: Pending, state: InForce, now: datetime) -> None:
        request = pending.request
        for file in pending.components:
            self.folder.put_component(file.path, Path(file.source), sha256=file.sha256, sha512=file.sha512)
        for path, text in request.documents.items():
            self.folder.put_document(path, text.encode())
        metadata: Metadata[Targets] = request.metadata()
        self.folder.write_metadata(f"{metadata.signed.version}.{request.role}.json", metadata)
        self._put_in_force({**state.targets, request.role: metadata}, state, now, withdrawn=_withdrawn(state))

    def _publish_root(self, metadata: Metadata[Root], state: InForce, now: datetime) -> None:
        """Snapshot and timestamp first, signed by old and new online keys alike: valid under either root."""
        roots.check_keeps(metadata.signed, state.targets[Targets.type])
        self._put_in_force(state.targets, state, now, withdrawn=_withdrawn(state))
        self.folder.write_metadata(f"{metadata.signed.version}.root.json", metadata)

    def _put_in_force(
        self, roles: Mapping[str, Metadata[Targets]], before: InForce | None, now: datetime, *, withdrawn: list[int]
    ) -> None:
        """Write a snapshot of `roles`, and then the timestamp that puts it in force."""
        meta = {f"{role}.json": self._meta(role, metadata.signed.version) for role, metadata in roles.items()}
        version = _next_version(before.snapshot if before else None, now)
        snapshot = Snapshot(version=version, expires=_expiry(Snapshot.type, now), meta=meta)
        snapshot.unrecognized_fields[WITHDRAWN_FIELD] = withdrawn
        self.folder.write_metadata(f"{version}.snapshot.json", self._signed_online(snapshot))
        timestamp = Timestamp(
            version=_next_version(before.timestamp if before else None, now), expires=_expiry(Timestamp.type, now)
        )
        timestamp.snapshot_meta = self._meta(Snapshot.type, version)
        self.folder.write_metadata("timestamp.json", self._signed_online(timestamp))

    def _signed_online(self, signed: Snapshot | Timestamp) -> Metadata[Any]:
        metadata: Metadata[Any] = Metadata(signed)
        for path in sorted(self.folder.online.glob(f"{signed.type}-*.pem")):
            metadata.sign(keys.open_file(path, None), append=True)
        return metadata

    def _new_online_key(self, role: str, number: int) -> CryptoSigner:
        path = self.folder.online / f"{role}-{number}.pem"
        if not self.folder.initialised:
            path.unlink(missing_ok=True)  # left by a first initialisation that was killed
        return keys.create_online(self.folder.online, path.stem)

    def _meta(self, role: str, version: int) -> MetaFile:
        return MetaFile.from_data(version, (self.folder.metadata / f"{version}.{role}.json").read_bytes(), ["sha256"])

    def _next_targets(
        self, old: Targets, base: Metadata[Targets] | None, change: TargetsChange, role: str, now: datetime
    ) -> Targets:
        version = _next_version(base, now)
        return targets.changed(old, change, role=role, version=version, expires=_expiry(Targets.type, now))

    def _document(self, top: Targets, path: str) -> bytes | None:
        target = top.targets.get(path)
        return self.folder.bytes_of(path, target.hashes["sha256"]) if target else None


def _judges(signed: Root | Targets, role: str, state: InForce) -> list[Root | Targets]:
    """Whose thresholds a new version must meet: a root's are the old root's and its own (TUF spec 5.3.4, 5.3.5)."""
    if isinstance(signed, Root):
        return [state.root, signed]
    return [state.root if role == Targets.type else state.top]


def _is_done(request: SigningRequest, state: InForce) -> bool:
    """In force already: only the clean-up was missing when the process ended."""
    known: Metadata[Any] | None = state.roots[-1] if request.role == Root.type else state.targets.get(request.role)
    return known is not None and known.signed_bytes == request.metadata().signed_bytes


def _withdrawn(state: InForce) -> list[int]:
    return list(state.snapshot.signed.unrecognized_fields.get(WITHDRAWN_FIELD, []))


def _next_version(metadata: Metadata[Any] | None, now: datetime) -> int:
    return max(metadata.signed.version + 1 if metadata else 1, int(now.timestamp()))


def _expiry(role: str, now: datetime) -> datetime:
    return now + LIFETIMES[role]
