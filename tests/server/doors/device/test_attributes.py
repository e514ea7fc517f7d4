"""Row 8: what a device says of itself, with hawkBit's quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.fleet import queries

if TYPE_CHECKING:
    from tests.server.doors.device.device import Device


def said(device: Device) -> dict[str, str]:
    return queries.attributes(queries.by_serial(device.serial).pk)


def test_swupdates_old_wrapper_is_taken(board: Device) -> None:
    body = {
        "id": "",
        "time": "20261120T082454",
        "status": {"result": {"finished": "success"}, "execution": "closed", "details": [""]},
        "data": {"board": "demo", "hw": "1.0"},
    }
    answer = board.ask("PUT", "configData", json=body)
    assert (answer.status_code, answer.content) == (200, b"")
    assert said(board) == {"board": "demo", "hw": "1.0"}


def test_modes_merge_replace_and_remove(board: Device) -> None:
    board.describe({"a": "1", "b": "2"})
    board.describe({"b": "3", "c": "4"})
    assert said(board) == {"a": "1", "b": "3", "c": "4"}
    board.describe({"a": "whatever"}, mode="remove")
    assert said(board) == {"b": "3", "c": "4"}
    board.describe({"z": "9"}, mode="replace")
    assert said(board) == {"z": "9"}


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"k": "v" * 129}, 400, "ATTRIBUTE_INVALID"),
        ({"k" * 129: "v"}, 400, "ATTRIBUTE_INVALID"),
        ({"": "v"}, 400, "ATTRIBUTE_INVALID"),
        ({"k\x00": "v"}, 400, "ATTRIBUTE_INVALID"),
        ({"k": "\x00"}, 400, "ATTRIBUTE_INVALID"),
        ({str(number): "v" for number in range(101)}, 429, "ATTRIBUTES_TOO_MANY"),
        ({"k": 5}, 400, "BODY_INVALID"),
        ({"k": None}, 400, "BODY_INVALID"),
        ({"k": {"deep": "v"}}, 400, "BODY_INVALID"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_changes_nothing(
    board: Device, data: dict[str, object], status: int, code: str
) -> None:
    board.describe({"kept": "yes"})
    answer = board.describe(data)
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert said(board) == {"kept": "yes"}


def test_a_full_hundred_attributes_is_kept(board: Device) -> None:
    data = {f"key-{number:03}": "中" * 128 for number in range(100)}
    assert board.describe(data).status_code == 200
    assert said(board) == data
