"""Ids that foreign clients can hold."""

from __future__ import annotations

import pytest
from django.db import transaction

from evertill.server.rooms.kernel import ids
from evertill.server.rooms.kernel.models import Sequence

pytestmark = pytest.mark.django_db


def test_ids_count_up_and_never_repeat() -> None:
    assert ids.take_one("device") == 1
    assert list(ids.take("device", 3)) == [2, 3, 4]
    assert ids.take_one("release") == 1


def test_sequence_can_be_raised_but_never_lowered() -> None:
    ids.never_below("release", 40)
    assert ids.take_one("release") == 41
    ids.never_below("release", 7)
    assert ids.take_one("release") == 42


def test_last_id_is_the_largest_a_c_int_can_hold() -> None:
    Sequence.objects.create(name="device", last=2**31 - 2)
    assert ids.take_one("device") == 2**31 - 1
    with pytest.raises(ids.SequenceExhaustedError), transaction.atomic():
        ids.take_one("device")
