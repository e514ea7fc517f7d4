"""One module per schema of the journal. Each knows the way up to it and, from the second on, the way down from it.

A step runs inside one transaction that its caller opens and commits; it uses `execute` only (`executescript` would
commit).
"""

from collections.abc import Callable
from dataclasses import dataclass
from sqlite3 import Connection


@dataclass(frozen=True)
class Step:
    """From schema `to` - 1 up to `to`, and back."""

    to: int
    up: Callable[[Connection], None]
    down: Callable[[Connection], None] | None = None
