"""Handing an action out: what deploymentBase, confirmationBase, cancelAction, installedBase and the artifact links answer.

decide() runs again in each of them, so a stale standing hands nothing out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from django.db import transaction

from evertill.protocol.policy import Client
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.catalog import queries as catalog
from evertill.server.rooms.rollouts import asking, linking, queries
from evertill.server.rooms.rollouts.errors import ActionUnknown, DownloadRefused, FileUnknown
from evertill.server.rooms.rollouts.maintenance import MaintenanceWindow
from evertill.server.rooms.rollouts.models import Action
from evertill.server.rooms.rollouts.service import moving, standing, turns
from evertill.server.rooms.rollouts.states import CLOSED, WAITING, Kind, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from evertill.protocol.ddi import ActionHistory, Handling
    from evertill.server.rooms.catalog.models import Artifact
    from evertill.server.rooms.catalog.queries import Part


@dataclass(frozen=True)
class ModuleArtifact:
    """A file of a module. `sha256` is also its name in the artifact store."""

    filename: str
    size_bytes: int
    md5: str
    sha1: str
    sha256: str
    made_at: datetime


@dataclass(frozen=True)
class Module:
    """A chunk: one component of the release. `id` is the softwaremodule's id in links."""

    id: int
    part: str
    name: str
    version: str
    artifacts: Sequence[ModuleArtifact]


@dataclass(frozen=True)
class Deployment:
    """All a door needs to write a deploymentBase, confirmationBase or installedBase answer; hrefs are the door's."""

    action_id: int
    download: Handling
    update: Handling
    maintenance_window: Literal["available", "unavailable"] | None
    modules: Sequence[Module]
    history: ActionHistory | None = None


@transaction.atomic
def retrieve(terminal_id: int, action_id: int, now: datetime, *, history: int = 0) -> Deployment:
    """Row 2. Decides again; the first time it becomes RETRIEVED. `history`: how many statuses (0 none, < 0 all up to the cap).

    Raises `ActionUnknown` (404) for a foreign, cancelling, waiting, closed or held action.
    """
    terminal = moving.lock(terminal_id)
    action = _open(terminal_id, action_id)
    if terminal.client == Client.DDI and action.retrieved_at is None:
        turns.lock(terminal)  # fetching is a ddi client's start: of two that ask at once, the second sees the first
    if action.state in WAITING | {State.CANCELING} or not _permits(action, terminal.client, now):
        raise ActionUnknown(action=action_id)
    if action.retrieved_at is None:
        # Our agent may wait for its window for days: its time counts from the start of the installation.
        expires_at = None if terminal.client == Client.EVERTILL else now + timedelta(seconds=action.timeout_s)
        sets: dict[str, Any] = {"retrieved_at": now, "expires_at": expires_at}
        moving.move(action, State.RETRIEVED, Actor.terminal(terminal.serial), now, **sets)
        # The shop's other tills wait from now on for a ddi client. Ours says when it begins.
        beside = [] if terminal.client == Client.EVERTILL else queries.waiting_beside(terminal)
        standing.refresh([terminal_id, *beside], now)
    return _deployment(action, now, history)


def confirmation(terminal_id: int, action_id: int, now: datetime, *, history: int = 0) -> Deployment:
    """Row 10. Raises `ActionUnknown` unless the action waits for confirmation."""
    action = _open(terminal_id, action_id)
    [decision] = asking.decisions([asking.about(action)], now)
    if action.state != State.WAIT_FOR_CONFIRMATION or not linking.waits_for_confirmation(
        decision, action.terminal.client
    ):
        raise ActionUnknown(action=action_id)
    return _deployment(action, now, history)


def installed(terminal_id: int, action_id: int, *, history: int = 0) -> Deployment:
    """Row 6. Raises `ActionUnknown` unless the action is closed and finished."""
    action = _mine(terminal_id, action_id)
    if action.state != State.FINISHED or action.closed_at is None:
        raise ActionUnknown(action=action_id)
    return _deployment(action, action.closed_at, history)


def cancellation(terminal_id: int, action_id: int) -> int:
    """Row 4: the id to stop. Raises `ActionUnknown` unless it is canceling."""
    action = _mine(terminal_id, action_id)
    if action.state != State.CANCELING:
        raise ActionUnknown(action=action_id)
    return action.pk


def module_artifacts(terminal_id: int, module_id: int) -> Sequence[ModuleArtifact]:
    """Row 14. Raises `FileUnknown` when the module is neither assigned nor installed here."""
    component = catalog.part(module_id)
    known = component is not None and (
        Action.objects.filter(terminal_id=terminal_id, release_id=component.release_id)
        .exclude(state__in=[State.ERROR, State.CANCELED])
        .exists()
    )
    if component is None or not known:
        raise FileUnknown(filename=str(module_id))
    return [_artifact(component.artifact)]


def may_download(terminal_id: int, module_id: int, filename: str, now: datetime) -> ModuleArtifact:
    """Rows 15, 16: the file, when an open action of this terminal contains it and decide() permits the download now.

    Once RETRIEVED only a cancelled or withdrawn action or *never* refuses: a window that closes later cuts no running transfer (design §4).
    Raises `FileUnknown` (404), `DownloadRefused` (403).
    """
    action, component = _carrying(terminal_id, module_id, filename)
    [decision] = asking.decisions([asking.about(action)], now)
    if action.state in WAITING or not linking.permits(action, decision, action.terminal.client):
        held = linking.cutting(action, decision) if action.retrieved_at else decision.reasons
        raise DownloadRefused(reasons=", ".join(reason.code for reason in held))
    return _artifact(component.artifact)


@transaction.atomic
def download_started(terminal_id: int, module_id: int, filename: str, now: datetime) -> None:
    """A full GET of an artifact (not a range) began: one line `download` in the history of the action that carries it."""
    action, _component = _carrying(terminal_id, module_id, filename)
    moving.write_line(action, State.DOWNLOAD, now, [filename])


def _permits(action: Action, client: str, now: datetime) -> bool:
    [decision] = asking.decisions([asking.about(action)], now)
    return linking.permits(action, decision, client)


def _mine(terminal_id: int, action_id: int) -> Action:
    action = queries.by_id(action_id)
    if action.terminal_id != terminal_id:
        raise ActionUnknown(action=action_id)
    return action


def _open(terminal_id: int, action_id: int) -> Action:
    action = _mine(terminal_id, action_id)
    if action.state in CLOSED:
        raise ActionUnknown(action=action_id)
    return action


def _carrying(terminal_id: int, module_id: int, filename: str) -> tuple[Action, Part]:
    component = catalog.part(module_id, filename)
    actions = (
        []
        if component is None
        else [each for each in moving.open_of_many([terminal_id]) if each.release_id == component.release_id]
    )
    if component is None or not actions:
        raise FileUnknown(filename=filename)
    return actions[0], component


def _deployment(action: Action, now: datetime, history: int) -> Deployment:
    handling: Handling = "forced" if action.kind == Kind.DOWNLOADONLY or asking.is_forced(action, now) else "attempt"
    return Deployment(
        action_id=action.pk,
        download=handling,
        update="skip" if action.kind == Kind.DOWNLOADONLY else handling,
        maintenance_window=_maintenance(action, now),
        modules=[
            Module(
                each.module_id,
                each.artifact.type,
                each.artifact.name,
                each.artifact.version,
                [_artifact(each.artifact)],
            )
            for each in catalog.parts(action.release_id)
        ],
        history=queries.action_history(action, history),
    )


def _maintenance(action: Action, now: datetime) -> Literal["available", "unavailable"] | None:
    if action.maintenance_window is None:
        return None
    span = MaintenanceWindow.parse(action.maintenance_window).span(now)
    return "available" if span is not None and now in span else "unavailable"


def _artifact(artifact: Artifact) -> ModuleArtifact:
    return ModuleArtifact(
        artifact.filename, artifact.size_bytes, artifact.md5, artifact.sha1, artifact.sha256, artifact.added_at
    )
