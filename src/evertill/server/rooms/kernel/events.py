"""Effects that go upwards: a lower room says what happened, higher rooms' handlers run in the same transaction.

The table of handlers is one explicit tuple, filled once by a composition root (asgi, cli, worker). No Django signals: what runs can be read in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True)
class Event:
    """Something that happened, at one moment. Rooms subclass it beside their services."""

    now: datetime


@dataclass(frozen=True)
class Handler:
    event: type[Event]
    run: Callable[[Any], None]


class NotComposedError(RuntimeError):
    """An event was raised before a composition root said who listens."""


class _Table:
    handlers: tuple[Handler, ...] | None = None


def compose(handlers: tuple[Handler, ...]) -> None:
    """Called once by a composition root, before anything else runs."""
    _Table.handlers = handlers


def raise_event(event: Event) -> None:
    """Runs every handler of this event, in the order of the tuple, inside the caller's transaction."""
    if _Table.handlers is None:
        raise NotComposedError(type(event).__name__)
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            f"{type(event).__name__} must be raised inside the transaction that caused it"
        )
    for handler in _Table.handlers:
        if isinstance(event, handler.event):
            handler.run(event)
