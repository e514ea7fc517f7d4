"""Effects that go upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from evertill.server import composition
from evertill.server.rooms.kernel import events
from evertill.server.rooms.kernel.events import Event, Handler
from evertill.server.rooms.kernel.models import Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


@dataclass(frozen=True)
class Happened(Event):
    what: str


def remember(event: Happened) -> None:
    Sequence.objects.create(name=event.what)


def refuse(event: Happened) -> None:
    raise RuntimeError(event.what)


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    yield
    composition.compose()


@pytest.mark.django_db(transaction=True)
def test_failing_handler_takes_back_the_cause_too(now: datetime) -> None:
    events.compose((Handler(Happened, remember), Handler(Happened, refuse)))
    with pytest.raises(RuntimeError), transaction.atomic():
        Sequence.objects.create(name="cause")
        events.raise_event(Happened(now, "effect"))
    assert not Sequence.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_event_outside_a_transaction_is_a_bug(now: datetime) -> None:
    events.compose(())
    with pytest.raises(transaction.TransactionManagementError):
        events.raise_event(Happened(now, "effect"))


@pytest.mark.django_db
def test_handlers_run_in_the_order_of_the_tuple_for_their_event_only(now: datetime) -> None:
    seen: list[str] = []

    @dataclass(frozen=True)
    class Other(Event):
        pass

    first = Handler(Happened, lambda event: seen.append(f"first {event.what}"))
    other = Handler(Other, lambda _event: seen.append("other"))
    second = Handler(Happened, lambda event: seen.append(f"second {event.what}"))
    events.compose((first, other, second))
    events.raise_event(Happened(now, "x"))
    assert seen == ["first x", "second x"]
