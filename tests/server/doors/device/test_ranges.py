"""Which bytes a GET of a file is answered with (RFC 9110 §13, §14)."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.server.doors.device.ranges import Slice, wanted

SIZE = 1000
ETAG = '"574c"'
MODIFIED = "Fri, 20 Nov 2026 06:30:00 GMT"


def ask(**headers: str) -> Slice:
    return wanted({name.replace("_", "-"): value for name, value in headers.items()}, SIZE, ETAG, MODIFIED)


def test_a_plain_get_gets_the_whole_file() -> None:
    assert ask() == Slice(HTTPStatus.OK, 0, SIZE)


@pytest.mark.parametrize(
    ("asked", "start", "length"),
    [
        ("bytes=0-", 0, 1000),
        ("bytes=400-", 400, 600),
        ("bytes=0-0", 0, 1),
        ("bytes=999-", 999, 1),
        ("bytes=100-199", 100, 100),
        ("bytes=900-5000", 900, 100),
        ("bytes=-1", 999, 1),
        ("bytes=-5000", 0, 1000),
        ("BYTES = 100 - 199", 100, 100),
    ],
)
def test_one_range_gets_exactly_its_bytes(asked: str, start: int, length: int) -> None:
    assert ask(range=asked) == Slice(HTTPStatus.PARTIAL_CONTENT, start, length)


@pytest.mark.parametrize(
    "asked",
    ["bytes=1000-", "bytes=5000-6000", "bytes=200-100", "bytes=-0", "bytes=-", "bytes=a-b", "bytes=", "bytes=5"],
)
def test_a_range_outside_the_file_or_unreadable_is_416(asked: str) -> None:
    assert ask(range=asked).status == 416


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2"])
def test_several_ranges_or_another_unit_get_the_whole_file(asked: str) -> None:
    assert ask(range=asked) == Slice(HTTPStatus.OK, 0, SIZE)


@pytest.mark.parametrize("same", [ETAG, MODIFIED])
def test_if_range_of_this_file_resumes(same: str) -> None:
    assert ask(range="bytes=400-", if_range=same) == Slice(HTTPStatus.PARTIAL_CONTENT, 400, 600)


@pytest.mark.parametrize("other", ['"other"', "Fri, 20 Nov 2026 06:30:01 GMT", 'W/"574c"'])
def test_if_range_of_another_file_starts_from_the_beginning(other: str) -> None:
    assert ask(range="bytes=400-", if_range=other) == Slice(HTTPStatus.OK, 0, SIZE)


def test_if_match_of_another_file_is_412() -> None:
    assert ask(if_match='"other"').status == 412
    assert ask(if_match=f'"other", {ETAG}').status == 200
    assert ask(if_match="*").status == 200


def test_if_none_match_of_this_file_is_304_even_with_a_range() -> None:
    assert ask(if_none_match=ETAG, range="bytes=0-1").status == 304


def test_an_empty_file_has_no_range() -> None:
    assert wanted({"range": "bytes=0-"}, 0, ETAG, MODIFIED).status == 416
    assert wanted({}, 0, ETAG, MODIFIED) == Slice(HTTPStatus.OK, 0, 0)


@given(st.text(max_size=40), st.integers(0, 10**12))
def test_whatever_is_asked_the_bytes_lie_inside_the_file(asked: str, size: int) -> None:
    part = wanted({"range": f"bytes={asked}"}, size, ETAG, MODIFIED)
    assert part.status in {200, 206, 416}
    assert 0 <= part.start <= part.start + part.length <= size


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_pieces_fetched_one_after_the_other_are_the_file(cut: int, length: int, size: int) -> None:
    first = wanted({"range": f"bytes=0-{min(cut, size - 1)}"}, size, ETAG, MODIFIED)
    rest = wanted({"range": f"bytes={first.length}-"}, size, ETAG, MODIFIED)
    assert first.length + (rest.length if rest.status == 206 else 0) == size
