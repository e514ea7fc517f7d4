"""(1) What must be installed: beside the release, and before it. An unknown version meets no requirement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.reasons import Reason
from evertill.protocol.versions import satisfies
from evertill.server.rooms.policies.rules.decision import PASS, Finding

if TYPE_CHECKING:
    from evertill.server.rooms.policies.rules.inputs import Inputs


def requirements(inputs: Inputs) -> Finding:
    """Judged with the release in place: what it brings itself counts."""
    release, installed = inputs.release, inputs.terminal.components
    after = {**installed, **{name: component.version for name, component in release.components.items()}}
    for requirement in release.requirements:
        if not _met(inputs, requirement.component, requirement.versions, after.get(requirement.component)):
            return _missing(inputs, requirement.component, requirement.versions)
    return _security_only_build(inputs)


def stepping_stone(inputs: Inputs) -> Finding:
    stone = inputs.release.stepping_stone
    have = inputs.terminal.components.get(stone.component) if stone else None
    if stone is None or _met(inputs, stone.component, stone.versions, have):
        return PASS
    return Finding(
        Reason.of(
            "STEPPING_STONE",
            version=inputs.release.version,
            component=stone.component,
            wanted=stone.versions,
            have=have or "",
        )
    )


def _security_only_build(inputs: Inputs) -> Finding:
    """A build that fixes one version is for that version, and for a terminal that already runs the build."""
    fixes_on = inputs.release.fixes_on
    for name, component in inputs.release.components.items():
        if fixes_on is not None and inputs.terminal.components.get(name) not in {fixes_on, component.version}:
            return _missing(inputs, name, f"=={fixes_on}")
    return PASS


def _met(inputs: Inputs, component: str, versions: str, have: str | None) -> bool:
    if have is None:
        return False
    brought = inputs.release.components.get(component)
    # Terminals report names and versions, no types: what is spelled like ours is ordered, foreign text is compared.
    for component_type in (brought.type,) if brought else ("app", "os"):
        try:
            return satisfies(component_type, have, versions)
        except ProtocolRefused:
            continue
    return False


def _missing(inputs: Inputs, component: str, wanted: str) -> Finding:
    have = inputs.terminal.components.get(component, "")
    return Finding(
        Reason.of("REQUIREMENT_MISSING", version=inputs.release.version, component=component, wanted=wanted, have=have)
    )
