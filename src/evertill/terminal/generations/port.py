"""What the supervisor and a journey need to know of generations, whatever keeps them (folders here, A/B partitions elsewhere)."""

from typing import Protocol


class Generations(Protocol):
    """Link and mark are the authority on what runs: `current` is the link, `is_committed` the mark."""

    def current(self) -> int | None:
        """The generation the link names; None = nothing was ever installed."""

    def is_committed(self, number: int) -> bool:
        """Whether it was proven and may accept sales."""

    def newest_committed(self) -> int | None:
        """The generation to fall back to."""

    def flip(self, number: int | None) -> None:
        """Point the link there, in one durable step; None = back to nothing."""

    def commit(self, number: int) -> None:
        """Set the mark, durably. There is no way to take it back."""
