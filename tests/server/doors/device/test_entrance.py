"""Whose token opens which door."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from evertill.server.registry import JOBS
from evertill.server.rooms.audit import queries as audit
from evertill.server.rooms.fleet import queries, service
from evertill.server.rooms.fleet.errors import TerminalUnknown
from evertill.server.rooms.fleet.rules import Client
from tests.server.doors.device.device import TOKEN
from tests.server.doors.device.serving import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action
    from tests.server.doors.device.conftest import Moment
    from tests.server.doors.device.device import Device

REFUSAL = {
    "exceptionClass": "DeviceRefused",
    "errorCode": "DEVICE_REFUSED",
    "message": (
        "This token does not open this terminal's door. "
        "Give the device its own token, or a gateway token where registration is on."
    ),
}


def test_every_stranger_reads_the_same_refusal(board: Device, client_of: Callable[..., Device]) -> None:
    strangers = [
        client_of(board.serial, token=""),
        client_of(board.serial, token="another-demo-token-of-32-letters"),
        client_of(board.serial, token=TOKEN + "x"),
        client_of(board.serial, token="y" * 1000),
        client_of("B-9999"),
        client_of("no%20serial"),
        client_of(board.serial, scheme="Bearer"),
        client_of(board.serial, scheme="GatewayToken"),
    ]
    for stranger in strangers:
        answer = stranger.get()
        assert (answer.status_code, answer.json()) == (401, REFUSAL)


def test_a_token_opens_its_own_terminals_door_alone(
    board: Device, add: Callable[..., int], client_of: Callable[..., Device]
) -> None:
    add("B-0002")
    service_token = client_of("B-0002", token="another-demo-token-of-32-letters")
    assert service_token.get().status_code == 401
    assert board.get().status_code == 200


def test_strangers_are_counted_and_write_no_rows(
    board: Device, client_of: Callable[..., Device], clock: Moment
) -> None:
    rows = len(audit.page())
    stranger = client_of(board.serial, token="another-demo-token-of-32-letters")
    for _ in range(7):
        stranger.get()
    wait_for(lambda: audit.anonymous_count(clock().date(), "device") == 7)
    assert len(audit.page()) == rows


def test_a_rotated_token_opens_for_a_week_beside_the_new_one(
    board: Device, client_of: Callable[..., Device], admin: Identity, clock: Moment
) -> None:
    fresh = client_of(board.serial, token=service.rotate_token(board.serial, admin, clock()))
    assert (board.get().status_code, fresh.get().status_code) == (200, 200)
    clock.forward(days=7, seconds=-1)
    assert (board.get().status_code, fresh.get().status_code) == (200, 200)
    clock.forward(seconds=1)
    assert (board.get().status_code, fresh.get().status_code) == (401, 200)


def test_a_rotated_token_that_ended_is_forgotten_by_the_next_job(
    board: Device, client_of: Callable[..., Device], admin: Identity, clock: Moment
) -> None:
    fresh = client_of(board.serial, token=service.rotate_token(board.serial, admin, clock()))
    clock.forward(days=7)
    for job in JOBS:
        job.run(clock())
    clock.forward(days=-1)
    assert (board.get().status_code, fresh.get().status_code) == (401, 200)


def test_revoked_tokens_shut_the_door_at_once(board: Device, admin: Identity, clock: Moment) -> None:
    assert board.get().status_code == 200
    service.revoke_tokens(board.serial, admin, clock())
    assert board.get().status_code == 401


def test_a_retired_terminal_finds_the_door_shut_to_every_token(
    board: Device, client_of: Callable[..., Device], admin: Identity, clock: Moment
) -> None:
    gateway = client_of(board.serial, scheme="GatewayToken", token=service.create_gateway_token("demo", admin, clock()))
    assert gateway.get().status_code == 200
    service.retire(board.serial, admin, clock())
    assert (board.get().status_code, gateway.get().status_code) == (401, 401)


def test_an_unknown_serial_behind_a_gateway_is_registered_only_where_allowed(
    client_of: Callable[..., Device], admin: Identity, clock: Moment
) -> None:
    newcomer = client_of("NEW-1", scheme="GatewayToken", token=service.create_gateway_token("demo", admin, clock()))
    assert newcomer.get().status_code == 401
    with pytest.raises(TerminalUnknown):
        queries.by_serial("NEW-1")
    service.set_registration(True, "", admin, clock())
    assert newcomer.get("deploymentBase/1").status_code == 401
    assert newcomer.links() == {"configData": f"{newcomer.base}/configData"}
    assert queries.by_serial("NEW-1").client == Client.DDI


def test_a_revoked_gateway_opens_nothing(
    board: Device, client_of: Callable[..., Device], admin: Identity, clock: Moment
) -> None:
    gateway = client_of(board.serial, scheme="GatewayToken", token=service.create_gateway_token("demo", admin, clock()))
    assert gateway.get().status_code == 200
    service.revoke_gateway_token("demo", admin, clock())
    assert gateway.get().status_code == 401


def test_a_target_token_never_registers(client_of: Callable[..., Device], admin: Identity, clock: Moment) -> None:
    service.set_registration(True, "", admin, clock())
    assert client_of("NEW-2").get().status_code == 401


def test_a_gateway_cannot_speak_for_the_merchant_of_our_terminals(
    till: Device, client_of: Callable[..., Device], admin: Identity, clock: Moment
) -> None:
    gateway = client_of(till.serial, scheme="GatewayToken", token=service.create_gateway_token("demo", admin, clock()))
    assert gateway.get().status_code == 200
    assert gateway.get("policy").status_code == 404
    assert gateway.ask("POST", "policy/changes", json=[]).status_code == 404
    assert gateway.get("offers").status_code == 404


def test_a_foreign_client_has_no_policy_and_no_offers(board: Device) -> None:
    for path in ("policy", "offers"):
        assert board.get(path).status_code == 404


def test_the_token_scheme_is_read_in_any_case(board: Device, client_of: Callable[..., Device]) -> None:
    assert client_of(board.serial, scheme="targettoken").get().status_code == 200


def test_a_basic_password_is_no_token(board: Device, client_of: Callable[..., Device]) -> None:
    basic = base64.b64encode(f"{board.serial}:{TOKEN}".encode()).decode()
    assert client_of(board.serial, scheme="Basic", token=basic).get().status_code == 401


def test_one_terminal_cannot_touch_another_ones_action(
    board: Device,
    add: Callable[..., int],
    client_of: Callable[..., Device],
    firmware: Callable[..., Release],
    assign: Callable[..., Action],
) -> None:
    action = assign(board, firmware())
    module = board.deployment()["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]["href"]
    add("B-0002")
    other = client_of("B-0002")
    assert other.get(f"deploymentBase/{action.pk}").status_code == 404
    assert other.report(action.pk, "closed", "success").status_code == 404
    assert other.get(module.replace(board.serial, other.serial)).status_code == 404
    assert "deploymentBase" in board.links()


def test_a_refused_act_of_a_known_terminal_is_recorded(board: Device) -> None:
    assert board.report(4711, "closed", "success").status_code == 404
    [row] = audit.page(actor=board.serial)
    assert (row.act, row.refused, row.actor_kind, row.ref) == (
        "device.post.deploymentBase.feedback",
        "ACTION_UNKNOWN",
        "terminal",
        board.serial,
    )
