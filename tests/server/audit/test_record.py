"""The record of what was done and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from evertill.server.rooms.audit import queries, service
from evertill.server.rooms.audit.actor import Actor
from evertill.server.rooms.audit.models import AnonymousRefusal, AuditEvent
from evertill.server.rooms.kernel.errors import FieldInvalid

if TYPE_CHECKING:
    from datetime import datetime

BY = Actor.system("test")


@pytest.mark.django_db(transaction=True)
def test_record_outside_its_act_is_a_bug(now: datetime) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        service.record(BY, "thing.done", kind="thing", ref="1", now=now)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_strangers_are_counted_not_listed(now: datetime) -> None:
    for _ in range(3):
        service.count_anonymous("device", "DEVICE_REFUSED", now)
    service.count_anonymous("device", "DEVICE_REFUSED", now, times=4)
    assert AnonymousRefusal.objects.count() == 1
    assert queries.anonymous_count(now.date(), "device") == 7
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
def test_pages_go_backwards_by_id_and_stay_below_a_node(now: datetime) -> None:
    for number, node in enumerate(["DEFAULT", "DEFAULT/shop", "DEFAULT/shop/store", "DEFAULT/shopping"]):
        service.record(BY, "thing.done", kind="thing", ref=str(number), node=node, now=now)
    below = queries.page(within=["DEFAULT/shop"])
    assert [row.ref for row in below] == ["2", "1"]
    first = queries.page(size=3)
    assert [row.ref for row in queries.page(before_id=first[-1].pk)] == ["0"]


@pytest.mark.django_db
def test_refusal_of_hostile_words_can_be_kept(now: datetime) -> None:
    refused = FieldInvalid(field="name", problem="a\x00b")
    service.record_refusal(BY, "thing.add", refused, kind="thing", ref="x\x00" + "y" * 300, now=now)
    row = AuditEvent.objects.get()
    assert (row.refused, row.details["problem"]) == ("FIELD_INVALID", "a\ufffdb")
