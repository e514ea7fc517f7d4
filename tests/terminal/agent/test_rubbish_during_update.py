"""A server that answers rubbish in the middle of an update: whatever it is asked for, the shop sells on and the update ends well."""

import pytest

from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer
from tests.fakes.shop import Shop, settled

ASKED = (
    "deploymentBase/5",
    "/offers",
    "/policy",
    "timestamp.json",
    "feedback",
)  # a wrong file instead of the package: test_agent


@pytest.mark.parametrize("kind", [rubbish.truncated_json, rubbish.huge_body], ids=["cut", "huge"])
def test_rubbish_at_every_door_delays_an_update_and_spoils_nothing(
    shop: Shop, server: FakeServer, kind: rubbish.Rubbish
) -> None:
    _update_beside(shop, server, kind, *ASKED)


def test_wifi_that_wants_a_sign_in_delays_even_the_download_and_spoils_nothing(shop: Shop, server: FakeServer) -> None:
    _update_beside(shop, server, rubbish.html, *ASKED, "artifacts")


def _update_beside(shop: Shop, server: FakeServer, kind: rubbish.Rubbish, *asked: str) -> None:
    assert shop.cli("check") == 0, "the server's pace is known, so a refused conversation is soon tried again"
    _release, files = shop.release()
    for path in asked:
        server.script(path, kind)
    server.offer(5, 12, files)
    settled(lambda: not server.actions[5].open, "the action is closed")
    assert server.feedbacks(5)[-1]["status"]["result"]["finished"] == "success"
    assert shop.rig.sells("1.1.0")
    assert server._scripted == [], "every lie was told"
