"""Rows 2, 3 and 6: what to install, what came of it, and what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol import ddi
from evertill.server.doors.device import answer
from evertill.server.rooms.rollouts import queries, service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evertill.server.doors.device.answer import Answer
    from evertill.server.doors.device.call import Call
    from evertill.server.doors.device.origin import Links
    from evertill.server.rooms.rollouts.service import Deployment, Module, ModuleArtifact

# hawkBit's names for two types of module, which its clients know (DDI facts §1).
_PARTS = {"app": "bApp", "application": "bApp", "runtime": "jvm"}
_ENDS = frozenset(("closed", "canceled", "downloaded"))


def deployment(call: Call) -> Answer:
    """Row 2. A ddi client's place among the downloads is kept from here on: its artifact GETs are never turned away."""
    (action_id,) = call.numbers
    needs_place = not call.visitor.is_ours and queries.by_id(action_id).retrieved_at is None
    if needs_place:
        call.downloads.reserve(call.terminal_id)
    try:
        found = service.retrieve(call.terminal_id, action_id, call.now, history=call.history)
    except BaseException:
        if needs_place:
            call.downloads.release(call.terminal_id)
        raise
    return answer.json(ddi.DeploymentBase(str(found.action_id), as_message(found, call.links), found.history))


def report(call: Call, message: ddi.Feedback) -> Answer:
    """Row 3."""
    (action_id,) = call.numbers
    service.feedback(call.terminal_id, action_id, message, call.now)
    if message.status.execution in _ENDS:
        call.downloads.release(call.terminal_id)
    return answer.DONE


def installed(call: Call) -> Answer:
    """Row 6."""
    (action_id,) = call.numbers
    found = service.installed(call.terminal_id, action_id, history=call.history)
    return answer.json(ddi.DeploymentBase(str(found.action_id), as_message(found, call.links), found.history))


def as_message(found: Deployment, links: Links) -> ddi.Deployment:
    return ddi.Deployment(
        download=found.download,
        update=found.update,
        chunks=[_chunk(module, links) for module in found.modules],
        maintenance_window=found.maintenance_window,
    )


def _chunk(module: Module, links: Links) -> ddi.Chunk:
    return ddi.Chunk(
        part=_PARTS.get(module.part, module.part),
        version=module.version,
        name=module.name,
        artifacts=artifacts(module.id, module.artifacts, links),
    )


def artifacts(module_id: int, found: Sequence[ModuleArtifact], links: Links) -> list[ddi.Artifact]:
    """A module's files with their links; hawkBit names the relations by scheme."""
    suffix = "" if links.secure else "-http"
    return [
        ddi.Artifact(
            filename=each.filename,
            hashes=ddi.Hashes(sha1=each.sha1, md5=each.md5, sha256=each.sha256),
            size=each.size_bytes,
            links={
                f"download{suffix}": ddi.Link(links("softwaremodules", module_id, "artifacts", each.filename)),
                f"md5sum{suffix}": ddi.Link(
                    links("softwaremodules", module_id, "artifacts", f"{each.filename}.MD5SUM")
                ),
            },
        )
        for each in found
    ]
