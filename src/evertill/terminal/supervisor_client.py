"""The agent's side of the supervisor's socket: hold it still, start and stop a till, ask how it is.

A hold lives as long as its connection: when the agent dies, or the supervisor does, nobody is left holding. After losing its
connection the client takes the hold again with the next order; what happened in between, the caller reads from link and mark.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evertill.terminal.lines import Unreachable, ask, ask_on, connect

if TYPE_CHECKING:
    import socket

ANSWER_TIMEOUT_S: Final = 5.0


class SupervisorRefused(Exception):
    """The supervisor will not, with its code."""


class Supervisor:
    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._connection: socket.socket | None = None

    def hold(self) -> None:
        """From now on it starts, stops and flips nothing unless told to. Repeating is fine."""
        self._order({"do": "hold"})

    def release(self) -> None:
        """Back to its own rule: the till of the committed current generation sells."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def start_till(self, generation: int, *, prove: bool) -> None:
        self._order({"do": "start_till", "generation": generation, "prove": prove})

    def stop_till(self, *, kill: bool) -> None:
        """Signal it: politely, or so that it cannot refuse. No till is fine."""
        self._order({"do": "stop_till", "kill": kill})

    def till_pid(self) -> int | None:
        pid = self._order({"ask": "state"})["till"]["pid"]
        return pid if isinstance(pid, int) else None

    def state(self) -> dict[str, Any]:
        """How everything is; asks on a connection of its own and holds nothing."""
        return ask(self._path, {"ask": "state"}, ANSWER_TIMEOUT_S)

    def _order(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._connection is not None:
            try:
                return _checked(ask_on(self._connection, message))
            except Unreachable:
                self.release()  # a restarted supervisor: hold it again, then repeat the order (all of them are repeatable)
        self._connection = connect(self._path, ANSWER_TIMEOUT_S)
        _checked(ask_on(self._connection, {"do": "hold"}))
        return _checked(ask_on(self._connection, message))


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise SupervisorRefused(str(answer["error"]))
    return answer
