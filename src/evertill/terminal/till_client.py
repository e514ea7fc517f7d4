"""The agent's side of the till's readiness socket (till/CONTRACT.md, section 4).

Rules kept here: silence, a refused connection or an answer that is not the agreed one is `TillSilent`, never "idle"; nothing is
tried twice, the caller decides what silence means. Not here: the decision whether the till may be stopped (`agent.journey.gate`).
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from evertill.terminal.lines import Unreachable, ask

ANSWER_TIMEOUT_S: Final = 3.0

_Count = Annotated[int, msgspec.Meta(ge=0)]


class TillSilent(Exception):
    """The till does not answer, or not in the agreed words."""


class TillRefused(Exception):
    """The till answered that it will not, with its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Rows(msgspec.Struct, frozen=True):
    rows: _Count
    last_id: _Count


class TillState(msgspec.Struct, frozen=True):
    version: str
    schema: int
    mode: Literal["proving", "selling", "stopping"]
    sale: bool
    batch_count: _Count
    pending: _Count
    queue: _Count
    journal: Rows
    pid: int
    signed_in: bool = False
    last_settled_at: datetime | None = None


class Till(msgspec.Struct, frozen=True):
    """The till that runs in this run folder, whichever it is."""

    run: Path

    def state(self) -> TillState:
        try:
            return msgspec.convert(self._ask({"ask": "state"}), TillState, strict=True)
        except msgspec.ValidationError as error:
            raise TillSilent(str(error)) from error

    def sell(self) -> None:
        """Proving becomes selling; a till that sells already agrees."""
        self._do("sell")

    def stop(self) -> None:
        """It ends within a second, unless a sale is in progress."""
        self._do("stop")

    def settle(self) -> dict[str, Any] | None:
        """Close the batch; the closed batch, or None where there was nothing to settle."""
        batch = self._do("settle").get("batch")
        return batch if isinstance(batch, dict) else None

    def _do(self, verb: str) -> dict[str, Any]:
        answer = self._ask({"do": verb})
        if answer.get("ok") is not True:
            raise TillSilent(f"{verb}: neither done nor refused")
        return answer

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = ask(self.run / "ready.sock", message, ANSWER_TIMEOUT_S)
        except Unreachable as error:
            raise TillSilent(str(error)) from error
        if "error" in answer:
            raise TillRefused(str(answer["error"]))
        return answer
