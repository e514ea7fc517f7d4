"""Well-formed JSON of our own links that says absurd things: a clear answer, never a fault of the server, and the door stays open."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action
    from tests.server.doors.device.device import Device

EDGES = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00", "2026-11-20T06:29:00.999999Z"]
VALUES: list[Any] = [None, True, 10**30, -1, 1.5, "", "\x00", "x" * 20_000, [], {}, {"\x00": "\x00"}, [[[[["deep"]]]]]]
FIELDS = ["mode", "window", "freezes", "poll_s", "no-such-field", "\x00", "__class__"]


@pytest.fixture
def revision(till: Device) -> int:
    found: int = till.get("policy").json()["revision"]
    return found


def change(base: int, **said: Any) -> dict[str, Any]:
    whole = {"uuid": str(uuid.uuid4()), "base_revision": base, "field": "mode", "value": "manual", "way": "terminal"}
    return whole | {"person": "01", "risk_text": "1", "made_at": "2026-11-20T06:29:00Z"} | said


def is_clear(till: Device, path: str, body: object) -> bool:
    answer = till.ask("POST", path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code < 500, (body, answer.text[:300])
    return till.get().status_code == 200


@pytest.mark.parametrize("moment", EDGES)
def test_a_change_made_at_the_edge_of_time(till: Device, revision: int, moment: str) -> None:
    assert is_clear(till, "policy/changes", [change(revision, made_at=moment, ends_at=moment)])
    assert is_clear(till, "policy/feedback", {"revision": revision, "applied_at": moment})


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_with_any_value(till: Device, revision: int, field: str) -> None:
    changes = [change(revision, field=field, value=value, person="\x00") for value in VALUES]
    assert is_clear(till, "policy/changes", changes)


@pytest.mark.parametrize("act", ["consent", "postpone", "now", "closing_time", "displayed"])
def test_a_word_on_an_offer_at_the_edge_of_time(
    till: Device, software: Callable[..., Release], assign: Callable[..., Action], act: str
) -> None:
    release = software()
    assign(till, release)
    for moment in EDGES:
        word = {"uuid": str(uuid.uuid4()), "act": act, "until": moment, "person": "\x00", "text_version": "\x00"}
        assert is_clear(till, f"offers/{release.pk}", word)
        assert is_clear(till, f"offers/{release.pk}", word | {"components": ["\x00", "till", "till"]})


@pytest.mark.parametrize("code", [2**31, -(2**63), 10**40])
def test_a_report_with_a_number_no_column_holds(
    board: Device, firmware: Callable[..., Release], assign: Callable[..., Action], code: int
) -> None:
    action = assign(board, firmware())
    board.deployment()
    body = {"id": 10**40, "timestamp": 10**40, "status": {"execution": "proceeding", "result": {"finished": "none"}}}
    body["status"] |= {"code": code, "details": ["\x00", "x" * 20_000]}  # type: ignore[operator] # a dictionary
    assert is_clear(board, f"deploymentBase/{action.pk}/feedback", body)


def test_a_journey_that_says_absurd_things(
    till: Device, software: Callable[..., Release], assign: Callable[..., Action]
) -> None:
    release = software()
    action = assign(till, release)
    till.deployment()
    journey = {"journey": "\x00", "state": "\x00", "step": 99, "of": 0, "generation": 2**53, "seconds_left": 2**53}
    journey |= {"displayed": [2**31 - 1] * 64, "till": {"sale": True, "batch_count": 2**53, "pending": 2**53}}
    journey |= {"reasons": [{"code": "NO_SUCH_CODE", "params": {"\x00": "\x00", "n": 10**30}}]}
    body = {"status": {"execution": "proceeding", "result": {"finished": "none"}}, "evertill": journey}
    assert is_clear(till, f"deploymentBase/{action.pk}/feedback", body)
    for link in ("offers", "policy"):
        assert till.get(link).status_code == 200
