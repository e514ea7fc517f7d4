"""Rows 2 to 6: handing an action out, taking its reports, cancelling it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.rollouts import queries, service
from evertill.server.rooms.rollouts.states import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action
    from tests.server.doors.device.conftest import Moment
    from tests.server.doors.device.device import Device

    Assign = Callable[..., Action]
    Make = Callable[..., Release]


def types_of(action: Action) -> list[str]:
    return [status.type for status in queries.history(action.pk)]


def test_a_deployment_names_every_file_with_its_hashes_and_links(board: Device, firmware: Make, assign: Assign) -> None:
    action = assign(board, firmware("board+2.swu", b"opaque"), kind=Kind.FORCED)
    body = board.deployment()
    [chunk] = body["deployment"]["chunks"]
    [file] = chunk["artifacts"]
    module = file["_links"]["download-http"]["href"].split("/softwaremodules/")[1].split("/")[0]
    files = f"{board.base}/softwaremodules/{module}/artifacts/board%2B2.swu"
    assert body == {
        "id": str(action.pk),
        "deployment": {
            "download": "forced",
            "update": "forced",
            "chunks": [
                {
                    "part": "os",
                    "version": "2",
                    "name": "board",
                    "artifacts": [
                        {
                            "filename": "board+2.swu",
                            "size": 6,
                            "hashes": {
                                "sha1": "23679056deecf55f0297f2a78060fc6724083dd8",
                                "md5": "94619f8a70068b2591c2eed622525b0e",
                                "sha256": file["hashes"]["sha256"],
                            },
                            "_links": {"download-http": {"href": files}, "md5sum-http": {"href": f"{files}.MD5SUM"}},
                        }
                    ],
                }
            ],
        },
    }


def test_fetching_the_deployment_makes_it_retrieved_once(board: Device, firmware: Make, assign: Assign) -> None:
    action = assign(board, firmware())
    board.deployment()
    board.deployment()
    assert types_of(action).count("retrieved") == 1


def test_an_unchanged_deployment_is_a_304(board: Device, firmware: Make, assign: Assign) -> None:
    assign(board, firmware())
    href = board.links()["deploymentBase"]
    etag = board.get(href).headers["etag"]
    assert board.get(href, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(("finished", "state"), [("success", "finished"), ("none", "finished"), ("failure", "error")])
def test_a_closed_report_ends_the_action(
    board: Device, firmware: Make, assign: Assign, finished: str, state: str
) -> None:
    action = assign(board, firmware())
    board.deployment()
    answer = board.report(action.pk, "closed", finished, details=["Installation log line"], code=4)
    assert (answer.status_code, answer.content) == (200, b"")
    assert queries.by_id(action.pk).state == state
    assert board.report(action.pk, "proceeding").status_code == 410


@pytest.mark.parametrize("number", [1, "1"])
def test_the_reports_own_id_may_be_a_number_or_a_text(
    board: Device, firmware: Make, assign: Assign, number: object
) -> None:
    action = assign(board, firmware())
    board.deployment()
    body = {
        "id": number,
        "time": "20261120T082454",
        "unknown": {"field": [1]},
        "status": {
            "execution": "proceeding",
            "result": {"finished": "none", "progress": {"cnt": 7, "of": 5}},
            "details": ["a"],
        },
    }
    assert board.ask("POST", f"deploymentBase/{action.pk}/feedback", json=body).status_code == 200


def test_texts_of_a_device_are_kept_as_they_came(board: Device, firmware: Make, assign: Assign) -> None:
    action = assign(board, firmware())
    board.deployment()
    texts = ["[INFO ] : SWUPDATE running", "  ", "<script>alert(1)</script>", "温度 21°", "\\u0000 as text"]
    assert board.report(action.pk, "proceeding", details=texts).status_code == 200
    assert [message for message in queries.history(action.pk)[0].messages if message in texts] == texts


def test_the_history_is_shown_newest_first_when_asked_for(board: Device, firmware: Make, assign: Assign) -> None:
    action = assign(board, firmware())
    href = board.links()["deploymentBase"]
    board.get(href)
    board.report(action.pk, "proceeding", details=["first"])
    board.report(action.pk, "proceeding", details=["second"])
    assert "actionHistory" not in board.get(href).json()
    messages = board.get(f"{href}&actionHistory=-1").json()["actionHistory"]["messages"]
    assert messages.index("second") < messages.index("first")


def test_too_many_details_in_one_report_change_nothing(board: Device, firmware: Make, assign: Assign) -> None:
    action = assign(board, firmware())
    board.deployment()
    before = types_of(action)
    answer = board.report(action.pk, "proceeding", details=["line"] * 51)
    assert (answer.status_code, answer.json()["errorCode"]) == (429, "MESSAGES_TOO_MANY")
    assert types_of(action) == before


def test_the_end_of_an_action_is_taken_however_much_is_told(board: Device, firmware: Make, assign: Assign) -> None:
    action = assign(board, firmware())
    board.deployment()
    assert board.report(action.pk, "closed", "success", details=["line"] * 500).status_code == 200
    assert queries.by_id(action.pk).state == "finished"


def test_what_is_installed_can_be_read_when_the_action_is_over(board: Device, firmware: Make, assign: Assign) -> None:
    action = assign(board, firmware())
    deployment = board.deployment()
    assert board.get(f"installedBase/{action.pk}").status_code == 404
    board.report(action.pk, "closed", "success")
    assert (
        board.get(board.links()["installedBase"]).json()["deployment"]["chunks"] == deployment["deployment"]["chunks"]
    )


def test_an_action_cancelled_before_it_was_fetched_is_just_gone(
    board: Device, firmware: Make, assign: Assign, admin: Identity, clock: Moment
) -> None:
    action = assign(board, firmware())
    href = board.links()["deploymentBase"]
    service.cancel(action.pk, admin, clock())
    assert board.links().keys() == {"configData"}
    assert board.get(href).status_code == 404


def test_a_fetched_action_is_cancelled_by_asking_the_device(
    board: Device, firmware: Make, assign: Assign, admin: Identity, clock: Moment
) -> None:
    action = assign(board, firmware())
    board.deployment()
    service.cancel(action.pk, admin, clock())
    links = board.links()
    assert links.keys() == {"configData", "cancelAction"}
    assert links["cancelAction"] == f"{board.base}/cancelAction/{action.pk}"
    assert board.get(links["cancelAction"]).json() == {"id": str(action.pk), "cancelAction": {"stopId": str(action.pk)}}
    assert board.get(f"deploymentBase/{action.pk}").status_code == 404
    assert board.report(action.pk, "closed", "success", to="cancelAction").status_code == 200
    assert queries.by_id(action.pk).state == "canceled"
    assert board.links().keys() == {"configData"}


def test_a_device_may_refuse_to_be_stopped(
    board: Device, firmware: Make, assign: Assign, admin: Identity, clock: Moment
) -> None:
    action = assign(board, firmware())
    board.deployment()
    service.cancel(action.pk, admin, clock())
    assert board.report(action.pk, "rejected", to="cancelAction", details=["writing already"]).status_code == 200
    assert "deploymentBase" in board.links()


def test_answering_a_cancellation_nobody_asked_for_is_405(board: Device, firmware: Make, assign: Assign) -> None:
    action = assign(board, firmware())
    board.deployment()
    answer = board.report(action.pk, "closed", "success", to="cancelAction")
    assert (answer.status_code, answer.json()["errorCode"]) == (405, "NOT_CANCELABLE")
    assert board.get(f"cancelAction/{action.pk}").status_code == 404


def test_a_waiting_action_is_installed_only_after_it_was_confirmed(
    board: Device, firmware: Make, assign: Assign
) -> None:
    action = assign(board, firmware(), confirmation_required=True)
    href = board.links()["confirmationBase"]
    assert board.get("confirmationBase").json() == {
        "autoConfirm": {"active": False},
        "_links": {"confirmationBase": {"href": f"{board.base}/confirmationBase/{action.pk}"}},
    }
    assert board.get(href).json()["confirmation"]["chunks"]
    assert board.get(f"deploymentBase/{action.pk}").status_code == 404
    assert board.report(action.pk, "closed", "success").status_code == 404
    denied = board.ask("POST", f"confirmationBase/{action.pk}/feedback", json={"confirmation": "denied"})
    assert denied.status_code == 200
    assert "deploymentBase" not in board.links()
    confirmed = {"confirmation": "confirmed", "code": 200, "details": ["yes"]}
    assert board.ask("POST", f"confirmationBase/{action.pk}/feedback", json=confirmed).status_code == 200
    assert "deploymentBase" in board.links()
    assert board.ask("POST", f"confirmationBase/{action.pk}/feedback", json=confirmed).status_code in {404, 410}
