"""What systems can ask and do."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - ninja reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from django.http import HttpRequest  # noqa: TC002 - ninja reads the annotations
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.responses import Status

from evertill.server.rooms.accounts import access
from evertill.server.rooms.accounts.errors import NotAllowed
from evertill.server.rooms.accounts.rules import Operation
from evertill.server.rooms.audit import service as audit
from evertill.server.rooms.catalog import artifacts, place
from evertill.server.rooms.catalog.artifacts import Passthrough
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet.errors import TerminalUnknown
from evertill.server.rooms.fleet.rules import is_serial
from evertill.server.rooms.kernel.clock import system_clock
from evertill.server.rooms.kernel.errors import FieldInvalid
from evertill.server.rooms.rollouts import explaining
from evertill.server.rooms.rollouts import queries as rollouts
from evertill.server.rooms.rollouts.errors import ActionUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertill.protocol.errors import Language
    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.kernel.errors import NotFound
    from evertill.server.rooms.organisations.models import Node

CHUNK_BYTES = 1024 * 1024
router = Router()
# A text that is looked for: PostgreSQL knows no NUL.
Words = Annotated[str, Query(max_length=120, pattern=r"^[^\x00]*$")]


class ArtifactOut(Schema):
    """A file that was taken in."""

    id: int
    filename: str
    kind: str
    type: str
    name: str
    version: str
    size_bytes: int
    sha256: str


class TerminalOut(Schema):
    """A terminal as a list shows it."""

    serial: str
    name: str
    node: str
    client: str
    state: str


class ActionOut(Schema):
    """One terminal, one release, with its history newest first."""

    id: int
    terminal: str
    release: int
    state: str
    verified: bool
    verified_at: datetime | None
    history: list[dict[str, Any]]


@router.post("/artifacts", response={201: ArtifactOut})
def add_artifact(
    request: HttpRequest,
    type: str = "",  # noqa: A002 - the API's word
    name: str = "",
    version: str = "",
    filename: str = "",
) -> Status[Any]:
    """Upload a bundle (`.evb`), or with type, name, version and filename a file for another updater.

    The body is the file itself, or a form with one file field `file`.
    """
    chunks, now = _chunks(request), system_clock()
    if type or name or version:
        what = Passthrough(filename, type, name, version)
        artifact = artifacts.add_passthrough(place.artifacts(), what, chunks, _by(request), now)
    else:
        artifact = artifacts.add_bundle(place.artifacts(), chunks, _by(request), now)
    return Status(201, artifact)


@router.get("/terminals", response=list[TerminalOut])
def list_terminals(request: HttpRequest, search: Words = "", after: Words = "") -> list[TerminalOut]:
    """At most 50 terminals by serial; the last serial is the next page's `after`."""
    nodes = access.visible_nodes(_by(request))
    rows = fleet.page(nodes, fleet.Filters(search=search), after_serial=after)
    return [
        TerminalOut(serial=row.serial, name=row.name, node=row.node.address, client=row.client, state=row.state)
        for row in rows
    ]


@router.get("/actions/{action_id}", response=ActionOut)
def show_action(request: HttpRequest, action_id: int) -> ActionOut:
    action = rollouts.by_id(action_id)
    _must_see(request, action.terminal.node, ActionUnknown(action=action_id))
    history = [{"type": row.type, "messages": row.messages, "at": row.at} for row in rollouts.history(action_id)]
    return ActionOut(
        id=action.pk,
        terminal=action.terminal.serial,
        release=action.release_id,
        state=action.state,
        verified=action.verified_at is not None,
        verified_at=action.verified_at,
        history=history,
    )


class ExplanationOut(Schema):
    """Why one release is not installed yet: as every door says it, and the codes of all reasons."""

    release: int
    version: str
    action: int | None
    explanation: dict[str, Any]
    next_try_at: datetime | None


@router.get("/terminals/{serial}/explanation", response=list[ExplanationOut])
def explain_terminal(request: HttpRequest, serial: str) -> list[ExplanationOut]:
    """Every release this terminal could get, its open action first, in the language of Accept-Language."""
    if not is_serial(serial):
        raise TerminalUnknown(serial=serial[:64])
    terminal = fleet.by_serial(serial)
    _must_see(request, terminal.node, TerminalUnknown(serial=serial))
    language: Language = "zh" if (get_language() or "zh").startswith("zh") else "en"
    return [
        ExplanationOut(
            release=each.release.pk,
            version=each.release.version,
            action=each.action.pk if each.action else None,
            explanation=msgspec.to_builtins(each.explanation),
            next_try_at=each.decision.next_try_at,
        )
        for each in explaining.explain(serial, system_clock(), language)
    ]


def _by(request: HttpRequest) -> Identity:
    identity: Identity = request.auth  # type: ignore[attr-defined] # set by ninja from `Bearer`
    return identity


def _must_see(request: HttpRequest, node: Node, unknown: NotFound) -> None:
    """What is somebody else's is answered as if it were not there, and is in the record. Raises `unknown`."""
    by = _by(request)
    try:
        access.require(by, Operation.VIEW, node)
    except NotAllowed as refused:
        audit.record_refusal(by.actor, "api.read", refused, kind="address", ref=request.path, now=system_clock())
        raise unknown from None


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    """The uploaded file in pieces, from a form or from the plain body; Django has spooled it to the disk already."""
    if (request.content_type or "").startswith("multipart/"):
        files = [file for _name, sent in request.FILES.lists() for file in sent]
        if len(files) != 1:
            raise FieldInvalid(field="file", problem=_("send exactly one file"))
        yield from files[0].chunks(CHUNK_BYTES)
        return
    while chunk := request.read(CHUNK_BYTES):
        yield chunk
