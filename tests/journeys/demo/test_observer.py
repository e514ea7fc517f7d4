"""The observer must be able to say no: each sight is shown a world in which it is not so."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest

from evertill.sim.observer import sights
from evertill.sim.observer.pages import passage
from evertill.sim.observer.proxy import Proxy
from evertill.sim.observer.tills import Look, Seller, TillWatch
from tests.journeys.demo.conftest import ROOT, SERIAL, change_journal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertill.sim.observer.home import Home
    from evertill.sim.observer.traffic import Traffic
    from evertill.sim.observer.world import World

FILE = f"{ROOT}/softwaremodules/7/artifacts/till-1.1.0.evb"


class _Upstream(BaseHTTPRequestHandler):
    """Answers with what it was asked, so a test sees that nothing was altered on the way."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = json.dumps({"path": self.path, "host": self.headers["Host"], "body": body.decode()}).encode()
        content = b"x" * 200_000 if "/artifacts/" in self.path and not self.path.endswith(".MD5SUM") else said
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def client(traffic: Traffic) -> Iterator[httpx.Client]:
    """Towards the proxy, as a terminal."""
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    upstream.daemon_threads = True
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    proxy = Proxy(upstream.server_address[1], traffic)
    proxy.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{proxy.port}", trust_env=False) as client:
        yield client
    proxy.stop()
    upstream.shutdown()
    upstream.server_close()


def test_proxy_hands_through_unaltered_and_counts_what_it_sent(client: httpx.Client, traffic: Traffic) -> None:
    said = client.post(f"{ROOT}/configData", content="{}").json()
    assert said == {"path": f"{ROOT}/configData", "host": client.base_url.netloc.decode(), "body": "{}"}
    assert len(client.get(FILE).content) == 200_000
    assert len(client.head(FILE).content) == 0
    client.get(f"{FILE}.MD5SUM")
    wire = traffic.of(SERIAL)
    assert (wire.requests, wire.payload_requests, wire.payload_bytes) == (4, 1, 200_000)
    assert traffic.of("DEMO-2").payload_bytes == 0


def test_payload_that_was_cut_off_is_counted_too(client: httpx.Client, traffic: Traffic) -> None:
    with client.stream("GET", FILE) as answer:
        next(answer.iter_raw(1000))
    wire = traffic.of(SERIAL)
    assert wire.payload_requests == 1
    assert 0 < wire.payload_bytes <= 200_000


def test_proxy_reads_reports_off_the_wire(client: httpx.Client, traffic: Traffic) -> None:
    words = {"state": "waiting", "reasons": [{"code": "TILL_BATCH_UNSETTLED"}]}
    client.post(f"{ROOT}/deploymentBase/5/feedback", json={"evertill": words})
    client.post(f"{ROOT}/deploymentBase/5/feedback", content="no report")
    [said] = traffic.of(SERIAL).reports
    assert (said.action, said.state, said.reasons) == (5, "waiting", ("TILL_BATCH_UNSETTLED",))


def test_proxy_without_a_server_answers_502(traffic: Traffic) -> None:
    proxy = Proxy(1, traffic)
    proxy.start()
    try:
        assert httpx.get(f"http://127.0.0.1:{proxy.port}{ROOT}", trust_env=False).status_code == 502
    finally:
        proxy.stop()
    assert traffic.of(SERIAL).requests == 0


def test_every_sale_is_seen_and_a_lost_or_changed_one_is_missed(world: World, home: Home) -> None:
    assert sights.sales(world, SERIAL, 2138, 2) == {"count": 2, "total_fen": 2138}
    assert sights.sales(world, SERIAL, 2137, 2) is None
    change_journal(home, "UPDATE entries SET total_fen = total_fen + (id = 1) - (id = 2)")
    assert sights.sales(world, SERIAL, 2138, 2) is None


def test_lost_sale_is_missed_though_the_till_counts_no_more(world: World, home: Home) -> None:
    change_journal(home, "DELETE FROM entries WHERE id = 2")
    assert sights.sales(world, SERIAL, 1250, 1) is None


def test_changed_byte_in_the_slot_is_not_untouched(world: World, home: Home, till: subprocess.Popen[bytes]) -> None:
    assert sights.untouched(world, SERIAL, "1.0.0") == {"version": "1.0.0", "generation": 1, "pid": till.pid}
    (home.folder / "generations" / "1" / "slot" / "till" / "main.py").write_text("# changed")
    assert sights.untouched(world, SERIAL, "1.0.0") is None


def test_one_byte_of_payload_is_not_nothing(world: World, traffic: Traffic) -> None:
    assert sights.nothing_fetched(world, SERIAL) is None  # it did not even talk with the server yet
    for _ in range(sights.ENOUGH_REQUESTS):
        traffic.note("GET", ROOT, b"")(100)
    assert sights.nothing_fetched(world, SERIAL)
    traffic.note("GET", FILE, b"")(1)
    assert sights.nothing_fetched(world, SERIAL) is None


def test_till_without_a_process_does_not_sell(world: World, till: subprocess.Popen[bytes]) -> None:
    assert sights.selling(world, SERIAL, "1.0.0")
    assert sights.selling(world, SERIAL, "1.1.0") is None
    till.kill()
    till.wait()
    assert sights.selling(world, SERIAL, "1.0.0") is None


def test_uncommitted_generation_is_not_current(home: Home) -> None:
    (home.folder / "generations" / "1" / "committed").unlink()
    assert home.current() is None


def test_gaps_are_counted_from_the_first_sale_on() -> None:
    watch, seller = TillWatch(), Seller("1.0.0", 7)
    looks = [Look(0, None), Look(10, seller), Look(20, None), Look(20.5, seller), Look(30, None), Look(31, seller)]
    watch._looks[SERIAL] = looks
    assert watch.gaps_s(SERIAL, 0) == [0.5, 1]
    assert watch.gaps_s(SERIAL, 25) == [1]


def test_words_of_a_page_are_read_as_they_stand_there() -> None:
    page = '<p class="proof"><b>This&nbsp;terminal</b>\n <span>works by it</span></p><p>more</p>'
    assert passage(page, '<p class="proof">', "</p>") == "This terminal works by it"
    assert passage(page, '<p class="other">', "</p>") is None


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("evertill.sim.observer.__main__", ("evertill.sim.observer",)),
        ("evertill.sim.fleet.__main__", ("evertill.sim.fleet", "evertill.protocol")),
        ("evertill.sim.demo.player", ("evertill.sim.demo",)),
    ],
)
def test_simulated_world_imports_nothing_of_the_product(module: str, allowed: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*(name for name in sys.modules if name.startswith('evertill')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = set(done.stdout.split()) - {"evertill", "evertill.sim"}
    assert names
    assert not [name for name in names if not name.startswith(allowed)]
