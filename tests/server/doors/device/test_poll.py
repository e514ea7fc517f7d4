"""Row 1: what a poll says, to whom, and when it says nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.rollouts.states import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action
    from tests.server.doors.device.conftest import Moment
    from tests.server.doors.device.device import Device


def test_a_new_board_is_asked_to_describe_itself_and_nothing_else(board: Device) -> None:
    assert board.links() == {"configData": f"{board.base}/configData"}
    assert board.describe({"hw": "r1"}).status_code == 200
    assert board.links() == {}


def test_our_own_terminal_is_also_shown_policy_and_offers(till: Device) -> None:
    assert till.links().keys() == {"configData", "policy", "offers"}


def test_the_polling_time_is_jittered_by_the_server_and_below_a_day(board: Device, till: Device, clock: Moment) -> None:
    seen = set()
    for _ in range(20):
        clock.forward(seconds=1)
        assert 240 <= board.sleep_s() <= 360
        seen.add(till.sleep_s())
    assert len(seen) > 10
    assert all(0.8 * 6 * 3600 <= sleep_s <= 1.2 * 6 * 3600 for sleep_s in seen)


def test_an_assigned_release_is_offered_until_the_board_reports_its_end(
    board: Device, firmware: Callable[..., Release], assign: Callable[..., Action]
) -> None:
    action = assign(board, firmware())
    href = board.links()["deploymentBase"]
    assert href.startswith(f"{board.base}/deploymentBase/{action.pk}?c=")
    assert board.get(href).status_code == 200
    assert board.links()["deploymentBase"] == href
    assert board.report(action.pk, "closed", "success").status_code == 200
    links = board.links()
    assert "deploymentBase" not in links
    assert links["installedBase"] == f"{board.base}/installedBase/{action.pk}"


def test_soft_that_becomes_forced_changes_the_link(
    board: Device, firmware: Callable[..., Release], assign: Callable[..., Action], admin: object
) -> None:
    release = firmware()
    assign(board, release, kind=Kind.SOFT)
    soft = board.links()["deploymentBase"].partition("?")[2]
    assign(board, release, kind=Kind.FORCED)
    assert board.links()["deploymentBase"].partition("?")[2] != soft


def test_an_unchanged_poll_is_a_304_without_a_body(board: Device, clock: Moment) -> None:
    etag = board.get().headers["etag"]
    clock.forward(minutes=5)
    again = board.get(headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


def test_a_poll_with_news_is_no_304(
    board: Device, firmware: Callable[..., Release], assign: Callable[..., Action]
) -> None:
    etag = board.get().headers["etag"]
    assign(board, firmware())
    assert board.get(headers={"If-None-Match": etag}).status_code == 200


def test_head_says_what_get_would_without_its_body(board: Device) -> None:
    head, got = board.ask("HEAD"), board.get()
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", got.headers["content-length"])


@pytest.mark.parametrize("tenant", ["default", "Default"])
def test_the_tenant_is_the_operators_slug_in_any_case(
    board: Device, client_of: Callable[..., Device], tenant: str
) -> None:
    assert client_of(board.serial, tenant=tenant).get().status_code == 200


def test_last_seen_is_written_in_batches(board: Device, clock: Moment) -> None:
    from evertill.server.rooms.fleet import queries
    from tests.server.doors.device.serving import wait_for

    terminal_id = queries.by_serial(board.serial).pk
    board.get()
    wait_for(lambda: queries.last_seen([terminal_id]) == {terminal_id: clock()})
