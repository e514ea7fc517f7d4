"""Who acts: a person, a token in a person's name, a terminal, or the system itself."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import Literal

Kind = Literal["person", "token", "terminal", "system"]


@dataclass(frozen=True)
class Actor:
    """`name` is a login, a serial or a job; `os_user` is kept for commands typed on the server itself."""

    kind: Kind
    name: str
    os_user: str = ""

    @classmethod
    def system(cls, job: str) -> Actor:
        return cls("system", job)

    @classmethod
    def terminal(cls, serial: str) -> Actor:
        return cls("terminal", serial)


def os_user() -> str:
    """The operating-system user who typed the command; a uid without a name stays a number."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
