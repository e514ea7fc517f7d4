"""Parallel downloads: who is told to come back, and who never is."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from evertill.server.doors.device.downloads import OF_ONE_MOST, Downloads
from evertill.server.doors.device.errors import DownloadsFull
from evertill.server.limits import DoorLimits


class Stopwatch:
    at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def downloads(stopwatch: Stopwatch) -> Downloads:
    return Downloads(DoorLimits(parallel_downloads=2, download_retry_after_s=45, reservation_s=60), stopwatch)


def test_one_of_ours_without_a_place_is_told_when_to_come_back(downloads: Downloads) -> None:
    with downloads.one(1, refusable=True), downloads.one(2, refusable=True):
        with pytest.raises(DownloadsFull) as told, downloads.one(3, refusable=True):
            pass
        assert told.value.headers() == [(b"retry-after", b"45")]
    with downloads.one(3, refusable=True):
        assert downloads.running == 1


def test_one_terminal_cannot_take_more_places_than_there_are(downloads: Downloads) -> None:
    with (
        downloads.one(1, refusable=True),
        downloads.one(1, refusable=True),
        pytest.raises(DownloadsFull),
        downloads.one(1, refusable=True),
    ):
        pass


def test_a_ddi_client_is_never_turned_away_from_a_file(downloads: Downloads) -> None:
    with downloads.one(1, refusable=False), downloads.one(2, refusable=False), downloads.one(3, refusable=False):
        assert downloads.running == 3


def test_no_device_opens_files_without_end(downloads: Downloads) -> None:
    with ExitStack() as stack:
        for _stream in range(OF_ONE_MOST):
            stack.enter_context(downloads.one(1, refusable=False))
        with pytest.raises(DownloadsFull), downloads.one(1, refusable=False):
            pass
        with downloads.one(2, refusable=False):
            assert downloads.running == OF_ONE_MOST + 1


def test_a_reservation_is_a_place_taken(downloads: Downloads) -> None:
    downloads.reserve(1)
    downloads.reserve(2)
    assert not downloads.has_place(3)
    with pytest.raises(DownloadsFull):
        downloads.reserve(3)
    assert downloads.has_place(1)


def test_a_reservation_nobody_comes_for_ends_by_itself(downloads: Downloads, stopwatch: Stopwatch) -> None:
    downloads.reserve(1)
    downloads.reserve(2)
    stopwatch.at += 61
    assert downloads.has_place(3)


def test_a_long_download_keeps_its_reservation_for_what_follows(downloads: Downloads, stopwatch: Stopwatch) -> None:
    downloads.reserve(1)
    downloads.reserve(2)
    with downloads.one(1, refusable=False), downloads.one(2, refusable=False):
        stopwatch.at += 3600
        assert not downloads.has_place(3)
    assert not downloads.has_place(3)
    stopwatch.at += 61
    assert downloads.has_place(3)


def test_a_reported_end_frees_the_place_at_once(downloads: Downloads) -> None:
    downloads.reserve(1)
    downloads.reserve(2)
    downloads.release(1)
    assert downloads.has_place(3)


def test_reserved_and_running_is_one_place_not_two(downloads: Downloads) -> None:
    downloads.reserve(1)
    with downloads.one(1, refusable=False):
        assert downloads.has_place(2)
