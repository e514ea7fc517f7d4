"""Every address of the device door in one table, and how a path finds its row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from evertill.protocol import ddi
from evertill.server.doors.device.errors import MethodUnknown, NothingHere
from evertill.server.doors.device.rows import (
    artifacts,
    attributes,
    cancellations,
    confirmations,
    deployments,
    offers,
    policy,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.doors.device.answer import Answer
    from evertill.server.doors.device.rows.artifacts import FilePart

NUMBER: Final = "{number}"
NAME: Final = "{name}"
READS: Final = frozenset(("GET", "HEAD"))


@dataclass(frozen=True, slots=True)
class Row:
    """`path` below the terminal's base; `message` is the type of the body; `ours`: for our own terminals with their own token alone; `ddi`: for any others alone."""

    method: str
    path: tuple[str, ...]
    handle: Callable[..., Answer | FilePart]
    message: Any = None
    ours: bool = False
    ddi: bool = False
    is_file: bool = False

    @property
    def act(self) -> str:
        """What the audit record calls a refused attempt: `device.post.deploymentBase.feedback`."""
        fixed = [part for part in self.path if part not in {NUMBER, NAME}]
        return ".".join(("device", self.method.lower(), *fixed))


@dataclass(frozen=True, slots=True)
class Found:
    row: Row
    numbers: tuple[int, ...]
    names: tuple[str, ...]


ROWS: Final[tuple[Row, ...]] = (
    Row("GET", ("deploymentBase", NUMBER), deployments.deployment),
    Row("POST", ("deploymentBase", NUMBER, "feedback"), deployments.report, ddi.Feedback),
    Row("GET", ("cancelAction", NUMBER), cancellations.cancellation),
    Row("POST", ("cancelAction", NUMBER, "feedback"), cancellations.report, ddi.Feedback),
    Row("GET", ("installedBase", NUMBER), deployments.installed),
    Row("PUT", ("configData",), attributes.put, ddi.ConfigData),
    Row("GET", ("confirmationBase",), confirmations.overview, ddi=True),
    Row("GET", ("confirmationBase", NUMBER), confirmations.confirmation, ddi=True),
    Row("POST", ("confirmationBase", NUMBER, "feedback"), confirmations.report, ddi.ConfirmationFeedback, ddi=True),
    Row("GET", ("softwaremodules", NUMBER, "artifacts"), artifacts.listed),
    Row("GET", ("softwaremodules", NUMBER, "artifacts", NAME), artifacts.file, is_file=True),
    Row("GET", ("policy",), policy.snapshot, ours=True),
    Row("POST", ("policy", "feedback"), policy.acknowledge, ddi.PolicyFeedback, ours=True),
    Row("POST", ("policy", "changes"), policy.receive, list[ddi.PolicyChangeReport], ours=True),
    Row("GET", ("offers",), offers.offers, ours=True),
    Row("POST", ("offers", NUMBER), offers.act, ddi.OfferAct, ours=True),
)


def find(method: str, below: tuple[str, ...]) -> Found:
    """The row of a path below a terminal's base. Raises `NothingHere`, `MethodUnknown`."""
    matching = [Found(row, *variables) for row in ROWS if (variables := _match(row.path, below)) is not None]
    if not matching:
        raise NothingHere
    wanted = "GET" if method in READS else method
    for found in matching:
        if found.row.method == wanted:
            return found
    raise MethodUnknown(allowed=", ".join(sorted({method for found in matching for method in _methods(found.row)})))


def _methods(row: Row) -> frozenset[str]:
    return READS if row.method == "GET" else frozenset((row.method,))


def _match(pattern: tuple[str, ...], below: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[str, ...]] | None:
    if len(pattern) != len(below):
        return None
    numbers: list[int] = []
    names: list[str] = []
    for expected, said in zip(pattern, below, strict=True):
        if expected == NUMBER:
            if not _is_id(said):
                return None
            numbers.append(int(said))
        elif expected == NAME:
            if not said:
                return None
            names.append(said)
        elif expected != said:
            return None
    return tuple(numbers), tuple(names)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= ddi.MAX_ID  # noqa: PLR2004 - digits of MAX_ID
