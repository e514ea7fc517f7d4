"""Rows 14 to 16: files, whole and in part, and only for who may have them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from evertill.server.rooms.catalog import service as catalog
from evertill.server.rooms.rollouts import queries, service
from tests.server.doors.device.conftest import PAYLOAD
from tests.server.doors.device.device import artifact_href

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.server.rooms.accounts.access import Identity
    from evertill.server.rooms.catalog.models import Release
    from evertill.server.rooms.rollouts.models import Action
    from tests.server.doors.device.conftest import Moment
    from tests.server.doors.device.device import Device

    Assign = Callable[..., Action]
    Make = Callable[..., Release]

SIZE = len(PAYLOAD)
ETAG = f'"{hashlib.sha1(PAYLOAD, usedforsecurity=False).hexdigest()}"'


@pytest.fixture
def action(board: Device, firmware: Make, assign: Assign) -> Action:
    return assign(board, firmware())


@pytest.fixture
def href(board: Device, action: Action) -> str:
    """The link to the file, its action fetched."""
    return artifact_href(board.deployment())


def downloads_of(action: Action) -> int:
    return [status.type for status in queries.history(action.pk)].count("download")


def test_a_full_get_brings_the_file_with_all_a_client_asks_for(board: Device, href: str, action: Action) -> None:
    answer = board.get(href)
    assert (answer.status_code, answer.content) == (200, PAYLOAD)
    told = {name: answer.headers[name] for name in ("etag", "accept-ranges", "content-length", "content-disposition")}
    assert told == {
        "etag": ETAG,
        "accept-ranges": "bytes",
        "content-length": str(SIZE),
        "content-disposition": 'attachment; filename="board-2.swu"',
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["last-modified"] == "Fri, 20 Nov 2026 06:30:00 GMT"
    assert downloads_of(action) == 1


def test_head_tells_the_size_and_counts_as_no_download(board: Device, href: str, action: Action) -> None:
    answer = board.ask("HEAD", href)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(SIZE), b"")
    assert downloads_of(action) == 0


def test_a_cut_download_is_resumed_by_range_and_leaves_no_second_line(board: Device, href: str, action: Action) -> None:
    first = board.get(href).content[: SIZE // 3]
    rest = board.get(href, headers={"Range": f"bytes={len(first)}-", "If-Range": ETAG})
    assert (rest.status_code, rest.headers["content-range"]) == (206, f"bytes {len(first)}-{SIZE - 1}/{SIZE}")
    assert first + rest.content == PAYLOAD
    assert downloads_of(action) == 1


def test_raucs_closed_ranges_add_up_to_the_file(board: Device, href: str) -> None:
    step = 128 * 1024
    got = b""
    while len(got) < SIZE:
        got += board.get(href, headers={"Range": f"bytes={len(got)}-{len(got) + step - 1}"}).content
    assert got == PAYLOAD


def test_a_range_past_the_end_is_416_with_the_size(board: Device, href: str) -> None:
    answer = board.get(href, headers={"Range": f"bytes={SIZE}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert answer.json()["errorCode"] == "RANGE_NOT_SATISFIABLE"


def test_another_files_etag_is_412_or_starts_over(board: Device, href: str) -> None:
    other = board.get(href, headers={"If-Match": '"other"'})
    assert (other.status_code, other.json()["errorCode"]) == (412, "PRECONDITION_FAILED")
    assert board.get(href, headers={"Range": "bytes=5-", "If-Range": '"other"'}).status_code == 200
    assert board.get(href, headers={"If-None-Match": ETAG}).status_code == 304


def test_the_sum_reads_as_md5sum_writes_it(board: Device, href: str) -> None:
    answer = board.get(f"{href}.MD5SUM")
    assert answer.text == f"{hashlib.md5(PAYLOAD, usedforsecurity=False).hexdigest()}  board-2.swu"
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"] == 'attachment; filename="board-2.swu.MD5SUM"'


def test_the_list_of_a_modules_files_is_the_deployments(board: Device, href: str) -> None:
    [file] = board.get(href.rpartition("/")[0]).json()
    assert (file["filename"], file["_links"]["download-http"]["href"]) == ("board-2.swu", href)


def test_a_plus_in_a_name_travels_percent_encoded(board: Device, firmware: Make, assign: Assign) -> None:
    assign(board, firmware("board-2+bad1.swu", b"plus"))
    link = artifact_href(board.deployment())
    assert link.endswith("/board-2%2Bbad1.swu")
    assert board.get(link).content == b"plus"


@pytest.mark.parametrize("name", ["other.swu", "..%2F..%2Fevertill.db", "%2e%2e", "BOARD-2.SWU"])
def test_no_other_name_brings_a_file(board: Device, href: str, name: str) -> None:
    answer = board.get(f"{href.rpartition('/')[0]}/{name}")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FILE_UNKNOWN")


@pytest.mark.parametrize("name", ["board-2.swu%00", "board-2.swu%0d%0aX-Evil:%201", "%ff.swu"])
def test_a_name_no_file_can_have_is_refused_as_an_address(board: Device, href: str, name: str) -> None:
    answer = board.get(f"{href.rpartition('/')[0]}/{name}")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "PATH_INVALID")


def test_an_unassigned_file_is_never_handed_out(
    board: Device, add: Callable[..., int], href: str, client_of: Callable[..., Device]
) -> None:
    add("B-0002")
    assert client_of("B-0002").get(href.replace("B-0001", "B-0002")).status_code == 404


def test_a_cancelled_actions_file_is_refused(
    board: Device, href: str, action: Action, admin: Identity, clock: Moment
) -> None:
    service.cancel(action.pk, admin, clock())
    assert board.get(href).status_code in {403, 404}
    assert board.get(href, headers={"Range": "bytes=5-"}).status_code in {403, 404}


def test_a_withdrawn_releases_file_is_refused_even_half_way(
    board: Device, href: str, action: Action, admin: Identity, clock: Moment
) -> None:
    assert board.get(href, headers={"Range": "bytes=0-9"}).status_code == 206
    catalog.withdraw(action.release_id, "faulty", admin, clock())
    assert board.get(href, headers={"Range": "bytes=10-"}).status_code in {403, 404}


def test_a_file_missing_on_the_disk_is_a_plain_fault(board: Device, href: str, data: object) -> None:
    from evertill.server.rooms.catalog import place
    from evertill.server.rooms.kernel import storage

    storage.address(place.artifacts(), hashlib.sha256(PAYLOAD).hexdigest()).unlink()
    answer = board.get(href)
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "SERVER_FAULT")
    assert "Traceback" not in answer.text
