"""The shop's turn, as a terminal sees it: nothing begins and no till stops before the server, asked at that moment, has said that it is this one's turn."""

import time
from typing import Any

from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer
from tests.fakes.shop import Shop, settled

ANOTHER = {"code": "STORE_TURN", "params": {"serial": "T-0002"}}


def states(server: FakeServer) -> list[str]:
    """What the terminal reported, in order."""
    return [said["evertill"]["state"] for said in server.feedbacks(5)]


def last_held(server: FakeServer) -> list[str]:
    """Why it waits, as it last told the server."""
    waiting = [said["evertill"] for said in server.feedbacks(5) if said["evertill"]["state"] == "waiting"]
    return [reason["code"] for reason in waiting[-1].get("reasons", [])] if waiting else []


def turn(server: FakeServer, *, ours: bool) -> None:
    """What the server's next offers say."""
    words: dict[str, Any] = {"install": ours, "turn": ours, "reasons": [] if ours else [ANOTHER]}
    server.offers = [{**offer, **words} for offer in server.offers]


def ended_well(server: FakeServer) -> bool:
    return not server.actions[5].open and server.feedbacks(5)[-1]["status"]["result"]["finished"] == "success"


def test_without_the_turn_no_work_begins_and_with_it_the_update_comes(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release()
    server.offer(5, 12, files, turn=False)
    settled(lambda: last_held(server) == ["SERVER_SILENT"], "the server permits, and has not noted the beginning")
    assert shop.rig.sells("1.0.0")
    assert "backing_up" not in states(server)
    assert shop.status()["backups"] == []
    turn(server, ours=True)
    assert shop.cli("check") == 0
    settled(lambda: ended_well(server), "the update is done")
    assert shop.rig.sells("1.1.0")


def test_a_turn_that_went_to_another_till_meanwhile_stops_no_till(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release()
    server.when["refreshing"] = lambda: turn(server, ours=False)
    server.offer(5, 12, files)
    settled(lambda: last_held(server) == ["STORE_TURN"], "it waits for the other till")
    assert shop.rig.sells("1.0.0")
    assert "refreshing" in states(server)
    assert "quiescing" not in states(server)
    turn(server, ours=True)
    assert shop.cli("check") == 0
    settled(lambda: ended_well(server), "the update is done")


def test_a_server_that_cannot_be_reached_at_that_moment_stops_no_till(shop: Shop, server: FakeServer) -> None:
    _release, files = shop.release()
    server.when["refreshing"] = lambda: server.script("poll", rubbish.hang_up)
    server.offer(5, 12, files)
    settled(lambda: "NO_FRESH_TRUST" in last_held(server), "it waits for the server")
    assert shop.rig.sells("1.0.0")
    assert "quiescing" not in states(server)
    assert shop.cli("check") == 0
    settled(lambda: ended_well(server), "the update is done")


def test_asking_in_vain_is_not_repeated_without_pause(shop: Shop, server: FakeServer) -> None:
    server.sleep = "06:00:00"
    _release, files = shop.release()
    server.offer(5, 12, files, turn=False)
    assert shop.cli("check") == 0
    settled(lambda: last_held(server) == ["SERVER_SILENT"], "it asked, and rests")
    asked, until_s = server.count("GET", "/offers"), time.monotonic() + 2
    while time.monotonic() < until_s:
        assert shop.ask(do="confirm", matter="power")["ok"]  # any tap lets it look again
        assert server.count("GET", "/offers") <= asked + 1
