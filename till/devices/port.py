"""What the till asks of a device, whatever it is attached by. One question at a time, each with a deadline; nothing is held
open between questions, so that a version on trial can ask the device of the version that sells.
"""

from collections.abc import Sequence
from typing import Final, Protocol

ANSWER_S: Final = 1.0
READY: Final = "ready"


class DeviceSilentError(Exception):
    """It is not there, or it did not answer in time."""


class Device(Protocol):
    """A printer or a reader."""

    def state(self) -> str:
        """`ready`, or what the device itself says is wrong, in a few English words.

        Raises:
            DeviceSilentError: no answer.
        """
        ...

    def print(self, lines: Sequence[str]) -> None:
        """Prints lines of text and cuts the paper, where there is any.

        Raises:
            DeviceSilentError: it did not take them in time; part of them may be on the paper.
        """
        ...
