"""The links only our own terminals follow: policy and offers (contracts)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from evertill.protocol.windows import POLL_LEAD_S
from evertill.server.rooms.fleet import queries as fleet
from evertill.server.rooms.fleet import service
from evertill.server.rooms.policies import queries as policies
from evertill.server.rooms.rollouts import queries as rollouts
from evertill.server.rooms.rollouts.models import Action, Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Release
    from tests.server.doors.device.conftest import Moment
    from tests.server.doors.device.device import Device

    Assign = Callable[..., Action]
    Make = Callable[..., Release]


def change(field: str, value: object, base: int, **more: Any) -> dict[str, Any]:
    said = {
        "uuid": str(uuid.uuid4()),
        "base_revision": base,
        "field": field,
        "value": value,
        "way": "terminal",
        "person": "01",
        "risk_text": "1",
        "made_at": "2026-11-20T06:29:00Z",
    }
    return said | more


def mode_of(till: Device) -> str:
    mode: str = till.get("policy").json()["fields"]["mode"]["value"]
    return mode


def test_the_policy_says_each_field_with_its_origin(till: Device) -> None:
    body = till.get(till.links()["policy"]).json()
    assert body["fields"]["mode"] == {"value": "automatic", "origin": "default", "mandated": False}
    assert body["fields"]["window"]["value"] == "03:00-05:00"
    assert body["time_zone"] == "Asia/Shanghai"
    assert isinstance(body["revision"], int)


def test_an_unchanged_policy_is_a_304(till: Device) -> None:
    etag = till.get("policy").headers["etag"]
    assert till.get("policy", headers={"If-None-Match": etag}).status_code == 304


def test_never_set_at_the_terminal_takes_the_link_away_and_is_confirmed_by_revision(
    till: Device, software: Make, assign: Assign
) -> None:
    assign(till, software())
    assert "deploymentBase" in till.links()
    before = till.get("policy").json()["revision"]
    assert till.ask("POST", "policy/changes", json=[change("mode", "never", before)]).status_code == 200
    assert mode_of(till) == "never"
    assert "deploymentBase" not in till.links()
    revision = till.get("policy").json()["revision"]
    assert revision > before
    answer = till.ask("POST", "policy/feedback", json={"revision": revision, "applied_at": "2026-11-20T06:30:00Z"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert policies.revision_of(fleet.by_serial(till.serial).pk).acknowledged == revision


def test_a_change_reported_twice_counts_once(till: Device) -> None:
    said = change("mode", "manual", till.get("policy").json()["revision"])
    for _ in range(2):
        assert till.ask("POST", "policy/changes", json=[said]).status_code == 200
    once = till.get("policy").json()["revision"]
    assert till.ask("POST", "policy/changes", json=[said]).status_code == 200
    assert till.get("policy").json()["revision"] == once


@pytest.mark.parametrize(
    "broken", [{"uuid": "x"}, {"base_revision": -1}, {"way": "post"}, {"made_at": "yesterday"}, {"field": ""}]
)
def test_a_change_that_cannot_be_read_changes_nothing(till: Device, broken: dict[str, object]) -> None:
    revision = till.get("policy").json()["revision"]
    good, bad = change("mode", "never", revision), change("mode", "manual", revision) | broken
    answer = till.ask("POST", "policy/changes", json=[good, bad])
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BODY_INVALID")
    assert mode_of(till) == "automatic"


def test_a_manual_terminal_downloads_only_what_a_person_ticked(till: Device, software: Make, assign: Assign) -> None:
    release = software("1.1.0")
    till.ask("POST", "policy/changes", json=[change("mode", "manual", till.get("policy").json()["revision"])])
    action = assign(till, release)
    [offer] = till.get(till.links()["offers"]).json()
    assert (offer["release"], offer["action"], offer["download"]) == (release.pk, action.pk, False)
    assert "CONSENT_NEEDED" in {reason["code"] for reason in offer["reasons"]}
    assert "deploymentBase" not in till.links()
    tick = {"uuid": str(uuid.uuid4()), "act": "consent", "person": "01", "text_version": "1", "components": ["till"]}
    for _ in range(2):
        answer = till.ask("POST", f"offers/{release.pk}", json=tick)
        assert (answer.status_code, answer.content) == (200, b"")
    assert [each.pk for each in Action.objects.filter(terminal__serial=till.serial)] == [action.pk]
    assert till.links()["deploymentBase"].startswith(f"{till.base}/deploymentBase/{action.pk}?")


@pytest.mark.parametrize("way", ["TargetToken", "GatewayToken"])
def test_the_word_of_a_merchant_is_not_given_by_confirmation_base(
    till: Device,
    software: Make,
    assign: Assign,
    client_of: Callable[..., Device],
    admin: Identity,
    clock: Moment,
    way: str,
) -> None:
    till.ask("POST", "policy/changes", json=[change("mode", "manual", till.get("policy").json()["revision"])])
    action = assign(till, software("1.1.0"))
    token = {"token": service.create_gateway_token("demo", admin, clock())} if way == "GatewayToken" else {}
    other = client_of(till.serial, scheme=way, **token)
    confirmed = other.ask("POST", f"confirmationBase/{action.pk}/feedback", json={"confirmation": "confirmed"})
    assert (confirmed.status_code, confirmed.json()["errorCode"]) == (404, "NOTHING_HERE")
    assert [other.get(path).status_code for path in ("confirmationBase", f"confirmationBase/{action.pk}")] == [404, 404]
    [offer] = till.get("offers").json()
    assert "CONSENT_NEEDED" in {reason["code"] for reason in offer["reasons"]}


def test_an_offer_nobody_made_cannot_be_taken(till: Device) -> None:
    answer = till.ask("POST", "offers/4711", json={"uuid": str(uuid.uuid4()), "act": "consent"})
    assert answer.status_code == 404
    answer = till.ask("POST", "offers/4711", json={"uuid": "not-a-uuid", "act": "consent"})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "BODY_INVALID")


def test_feedback_with_the_journey_of_our_agent_is_taken(till: Device, software: Make, assign: Assign) -> None:
    release = software("1.1.0")
    action = assign(till, release)
    till.deployment()
    journey = {
        "journey": "j-1",
        "state": "waiting",
        "step": 3,
        "of": 7,
        "reasons": [{"code": "TILL_BATCH_UNSETTLED", "params": {"count": 4}}],
        "till": {"sale": False, "batch_count": 4, "pending": 0},
        "generation": 1,
        "seconds_left": 120,
        "displayed": [release.pk],
    }
    body = {"status": {"execution": "proceeding", "result": {"finished": "none"}}, "evertill": journey}
    assert till.ask("POST", f"deploymentBase/{action.pk}/feedback", json=body).status_code == 200
    assert (rollouts.by_id(action.pk).journey or {})["state"] == "waiting"


def test_the_poll_comes_closer_before_a_window(till: Device, clock: Moment) -> None:
    opens_at = int(clock().timestamp()) + 3600
    Standing.objects.filter(serial=till.serial).update(opens_at_s=opens_at)
    etag = till.get().headers["etag"]
    assert till.sleep_s() <= 3600
    clock.forward(minutes=50)
    assert till.sleep_s() <= POLL_LEAD_S
    assert till.get(headers={"If-None-Match": etag}).status_code == 200


def test_a_link_whose_time_has_run_out_is_not_shown(
    till: Device, software: Make, assign: Assign, clock: Moment
) -> None:
    assign(till, software())
    Standing.objects.filter(serial=till.serial).update(closes_at_s=int(clock().timestamp()) + 60)
    assert "deploymentBase" in till.links()
    clock.forward(seconds=60)
    assert "deploymentBase" not in till.links()
