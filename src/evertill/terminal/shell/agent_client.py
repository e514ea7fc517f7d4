"""The screen's side of the agent's socket: facts as typed records, acts as orders, a refusal in the reader's language.

Rules kept here: the agent decides, the screen only asks; an agent that does not answer is `AgentAway`, and never means "no
update" or "all is well"; fields of a later agent are ignored. Not here: sentences, except the agent's own of a refusal.
"""

from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from evertill.protocol.errors import Language
from evertill.terminal.lines import Unreachable, ask
from evertill.terminal.shell.facts import Consequences, Facts, OperatorCard, Restarts, SwitchedOff

ANSWER_TIMEOUT_S: Final = 3.0

T = TypeVar("T")


class AgentAway(Exception):
    """The agent does not answer, or not in the agreed words. Selling does not depend on it."""


class AgentRefused(Exception):
    """The agent will not: a stable code, its parameters, a sentence and a next step in both languages."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer.get("error")))
        self.code = str(answer.get("error"))
        params = answer.get("params")
        self.params: dict[str, Any] = params if isinstance(params, dict) else {}
        self._answer = answer

    def text(self, language: Language) -> str:
        return self._words(language, "text")

    def next_step(self, language: Language) -> str:
        return self._words(language, "next")

    def _words(self, language: Language, name: str) -> str:
        words = self._answer.get(language)
        return str(words.get(name, "")) if isinstance(words, dict) else ""


class AgentClient:
    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path

    def facts(self, timeout_s: float = ANSWER_TIMEOUT_S) -> Facts:
        """Raises AgentAway."""
        return self._read({"ask": "status"}, Facts, timeout_s)

    def people(self) -> list[str]:
        """Whose PIN may change something here. Raises AgentAway."""
        return self._read({"ask": "people"}, _People).people

    def operator(self) -> OperatorCard | None:
        """Who signs, as signed; None while nothing could be verified. Raises AgentAway."""
        try:
            return self._read({"ask": "operator"}, OperatorCard)
        except AgentRefused:
            return None

    def consequences(self) -> Consequences:
        """What switching off would mean here. Raises AgentAway."""
        return self._read({"ask": "consequences"}, Consequences)

    def switched_off(self) -> SwitchedOff | None:
        """Since when updates are off, and what came since; None while they are not. Raises AgentAway."""
        return self._read({"ask": "switched_off"}, _Off).off

    def restarts(self) -> Restarts:
        """What holds each way of starting again, and the latest ones. Raises AgentAway."""
        return self._read({"ask": "restarts"}, Restarts)

    def act(self, verb: str, **words: Any) -> dict[str, Any]:
        """Raises AgentRefused, AgentAway."""
        return self._ask({"do": verb, **words})

    def _read(self, request: dict[str, Any], of: type[T], timeout_s: float = ANSWER_TIMEOUT_S) -> T:
        try:
            return msgspec.convert(self._ask(request, timeout_s), of)
        except msgspec.ValidationError as error:
            raise AgentAway(str(error)) from error

    def _ask(self, request: dict[str, Any], timeout_s: float = ANSWER_TIMEOUT_S) -> dict[str, Any]:
        try:
            answer = ask(self._path, request, timeout_s)
        except Unreachable as error:
            raise AgentAway(str(error)) from error
        if "error" in answer:
            raise AgentRefused(answer)
        return answer


class _People(msgspec.Struct, frozen=True):
    people: list[str]


class _Off(msgspec.Struct, frozen=True):
    off: SwitchedOff | None = None
