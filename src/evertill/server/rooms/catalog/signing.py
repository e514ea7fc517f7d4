"""What is done to the keys and to what waits for them: each act allowed, recorded, and followed by the rows.

Offline keys are opened before an act begins, because a person types passphrases and nothing may wait for that. Signing away from the
server has no record here: it happens where there is no server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Root, Targets

from evertill.protocol.release import Operator
from evertill.server.rooms.accounts.commands import command, refusals_recorded
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.catalog import place
from evertill.server.rooms.catalog.service import reconcile
from evertill.server.rooms.catalog.trust import ceremony
from evertill.server.rooms.catalog.trust.roots import OFFLINE_ROLES, ONLINE_ROLES, RootChange
from evertill.server.rooms.catalog.trust.targets import TargetsChange
from evertill.server.rooms.organisations import queries as organisations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.trust.repository import Outcome
    from evertill.server.rooms.catalog.trust.requests import SignatureFile

ROLES: Final = (*OFFLINE_ROLES, *ONLINE_ROLES)


def initialise(
    folder: Path, passphrases: Mapping[str, str], by: Identity, now: datetime, *, solo: bool = False
) -> list[str]:
    """The first keys, in `folder`, and version 1 of everything. Raises `TrustExists`, `KeysUnderData`, `KeyExists`, `PassphraseTooShort`, `NotAllowed`."""
    with command(by, "keys.init", kind="keys", ref="all", now=now) as act:
        root = organisations.operator()
        act.require(Operation.RELEASES_EDIT, root)
        card = Operator(slug=root.slug, name={"zh": root.name_zh, "en": root.name_en})
        names = ceremony.initialise(place.repository(), folder, card, passphrases.__getitem__, now, solo=solo)
        act.details["keys"] = names
    return names


def replace_key(
    folder: Path, role: str, old: str, signers: list[CryptoSigner], passphrase: str, by: Identity, now: datetime
) -> Outcome:
    """A new key in the place of `old`; what is still missing waits as a signing request. Raises as `ceremony.replace_key`, and `NotAllowed`."""
    with command(by, "keys.rotate", kind="keys", ref=old, now=now) as act:
        act.require(Operation.RELEASES_EDIT, organisations.operator())
        outcome = ceremony.replace_key(place.repository(), folder, role, old, signers, passphrase, now)
        act.details.update(role=role, request=outcome.request.id, published=outcome.published)
    return outcome


def renew(role: str, signers: list[CryptoSigner], by: Identity, now: datetime) -> Outcome:
    """The same words of root or targets again, with a new date. Raises `SigningOpen`, `KeyNotListed`, `NotAllowed`."""
    with command(by, "keys.renew", kind="keys", ref=role, now=now) as act:
        act.require(Operation.RELEASES_EDIT, organisations.operator())
        repository = place.repository()
        if role == Root.type:
            outcome = repository.change_root(RootChange(), now, signers)
        else:
            outcome = repository.change_targets(TargetsChange(), now, signers, role=Targets.type)
        act.details.update(request=outcome.request.id, published=outcome.published)
    return outcome


def import_signatures(file: SignatureFile, by: Identity, now: datetime) -> Outcome:
    """Adds signatures made elsewhere; what is then signed by enough takes force. Raises `RequestUnknown`, `KeyNotListed`, `SignatureInvalid`, `NotAllowed`."""
    with command(by, "keys.import", kind="signing-request", ref=file.request, now=now) as act:
        act.require(Operation.RELEASES_EDIT, organisations.operator())
    with refusals_recorded(by, "keys.import", kind="signing-request", ref=file.request, now=now):
        try:
            return place.repository().import_signatures(file, now)
        finally:
            reconcile(by.actor, now)


def cancel_request(request_id: str, by: Identity, now: datetime) -> None:
    """Drops what waits for signatures; its release is a draft again. Raises `RequestUnknown`, `NotAllowed`."""
    with command(by, "keys.cancel", kind="signing-request", ref=request_id, now=now) as act:
        act.require(Operation.RELEASES_EDIT, organisations.operator())
        place.repository().cancel(request_id)
    reconcile(by.actor, now)
