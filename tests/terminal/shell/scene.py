"""A screen to look at: the real application on a real port, beside an agent and a till that say what the test wants."""

import re
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import FIELDS, Policy
from evertill.terminal.agent.door import _refusal
from evertill.terminal.line_server import LineServer
from evertill.terminal.lines import listen
from evertill.terminal.shell.app import application
from evertill.terminal.shell.desk import Desk
from evertill.terminal.shell.main import hosts_of, server_of
from evertill.terminal.shell.main import listen as listen_tcp

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)  # 14:30 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
SERIAL = "T-0001"
PIN = "482906"
OPERATOR: dict[str, Any] = {
    "name": {"zh": "演示收单机构", "en": "Demo acquirer"},
    "licence": "演示牌照 0000",
    "contacts": [{"kind": "phone", "value": "400 000 0000（演示）"}, {"kind": "hours", "value": "09:00–21:00"}],
}
NOTES = {
    "zh": "收款时可以打折，整单、单件都行\n日结小票增加“折扣合计”一行\n修正：退款后金额显示慢一拍",
    "en": "Discounts when taking payment, for one item or all\nThe day's totals show discounts on a line\nFixed: amounts after a refund showed late",
}


def iso(moment: datetime) -> str:
    return moment.isoformat()


def policy(mode: str = "automatic", **fields: Any) -> dict[str, Any]:
    values = {name: each.write(getattr(Policy(), name)) for name, each in FIELDS.items()} | {"mode": mode}
    shown = {
        name: {"value": value, "origin": "default", "mandated": False, "confirmed": True}
        for name, value in values.items()
    }
    return {"revision": 42, "fields": {**shown, **fields}, "forked": False, "deadlines": [], "pending": []}


def offer(release: int = 12, **changes: Any) -> dict[str, Any]:
    return {
        "release": release,
        "name": "收款程序",
        "version": "1.1.0",
        "severity": "feature",
        "required_at": None,
        "notes": NOTES,
        "minutes": 3,
        "size_bytes": 18_400_000,
        "components": [{"component": "till", "version": "1.1.0"}],
        "reasons": [{"code": "CONSENT_NEEDED", "params": {"version": "1.1.0"}}],
        "next_try_at": None,
        "acts": {},
        **changes,
    }


def journey(state: str = "waiting", step: int = 3, **changes: Any) -> dict[str, Any]:
    return {
        "id": "action-5",
        "release": 12,
        "version": "1.1.0",
        "state": state,
        "step": step,
        "of": 7,
        "began_at": iso(NOW - timedelta(hours=2)),
        "forecast_s": None,
        "held": [],
        "again_at": None,
        "warnings": [],
        "download": None,
        **changes,
    }


def past(outcome: str = "committed", **changes: Any) -> dict[str, Any]:
    return {
        "journey": "action-4",
        "release": 11,
        "version": "1.0.0",
        "ended_at": iso(NOW - timedelta(hours=3)),
        "outcome": outcome,
        "dropped": False,
        "failure": None,
        "without_till_s": 1.3,
        **changes,
    }


@dataclass
class Agent:
    """What the agent says; every order it was given is kept."""

    status: dict[str, Any] = field(default_factory=dict)
    people: list[str] = field(default_factory=lambda: ["owner"])
    operator: dict[str, Any] | None = field(default_factory=lambda: dict(OPERATOR))
    consequences: dict[str, Any] = field(default_factory=lambda: {"holes": [], "missed": []})
    off: dict[str, Any] | None = None
    restarts: dict[str, Any] = field(default_factory=dict)
    refuses: ProtocolRefused | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, _connection: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
        if "do" in request:
            self.orders.append(request)
            return _refusal(self.refuses) if self.refuses else {"ok": True, "asked_at": iso(NOW)}
        answers: dict[str, Any] = {
            "status": self.status,
            "people": {"people": self.people},
            "operator": self.operator,
            "consequences": self.consequences,
            "switched_off": {"off": self.off},
            "restarts": self.restarts,
        }
        found = answers[request["ask"]]
        return {"ok": True, **found} if found is not None else {"error": "TRUST_INCOMPLETE"}


def usual(**changes: Any) -> dict[str, Any]:
    """A terminal with nothing to do."""
    return {
        "serial": SERIAL,
        "node": "DEFAULT/agent/merchant/store",
        "model": "demo-touch",
        "time_zone": "Asia/Shanghai",
        "generation": 2,
        "components": {"till": "1.0.0", "agent": "0.1.0"},
        "till": {"version": "1.0.0", "mode": "selling", "sale": False, "batch_count": 0},
        "policy": policy(),
        "contact": {
            "last_at": iso(NOW - timedelta(hours=5)),
            "tried_at": iso(NOW - timedelta(hours=5)),
            "trouble": None,
        },
        "trust": {"verified_at": iso(NOW - timedelta(hours=5)), "trouble": None},
        "journey": None,
        "offers": [],
        "history": [],
        "waiting_reports": 0,
        **changes,
    }


@dataclass
class Till:
    """What the till says on its two sockets; requests to its pages are kept as they came."""

    sale: bool = False
    page: bytes = b"HTTP/1.0 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<h1>till</h1>"
    seen: list[bytes] = field(default_factory=list)

    def answer(self, _connection: socket.socket, _request: dict[str, Any]) -> dict[str, Any]:
        return {
            "version": "1.0.0",
            "schema": 1,
            "mode": "selling",
            "sale": self.sale,
            "batch_count": 0,
            "pending": 0,
            "queue": 0,
            "journal": {"rows": 0, "last_id": 0},
            "pid": 1,
        }

    def serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(65_536)
            head, _, body = request.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            while length and len(body) < int(length[1]):
                body += connection.recv(65_536)
            self.seen.append(head + b"\r\n\r\n" + body)
            connection.sendall(self.page)


class Scene:
    """The screen's address, the agent and the till beside it, and a browser that knows their manners."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.agent = Agent(usual())
        self.till = Till()
        self.port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def browser(self) -> "Browser":
        return Browser(self.url)

    def raw(self, request: bytes) -> bytes:
        """Bytes as they are; the whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(request)
            answer = b""
            while chunk := connection.recv(65_536):
                answer += chunk
        return answer

    def cut_off(self, request: bytes) -> bytes:
        """Bytes of a request that ends too early; the whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))


class Browser(httpx.Client):
    """Keeps cookies, sends its origin, follows redirects; `tap` posts a form with the token of a page."""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=url, headers={"Origin": url}, follow_redirects=True, timeout=10)

    def token(self, page: str = "/settings") -> str:
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.get(page).text)
        assert found, "the page carries no token"
        return found[1]

    def tap(self, path: str, **form: str) -> httpx.Response:
        return self.post(path, data={"token": self.token(), **form})


@contextmanager
def running(home: Path, *, with_agent: bool = True, with_till: bool = True) -> Iterator[Scene]:
    """A screen on a free port, ended with everything beside it."""
    scene = Scene(home)
    (home / "run" / "till").mkdir(mode=0o700, parents=True, exist_ok=True)
    selector = selectors.DefaultSelector()
    awake, wake = socket.socketpair()
    selector.register(awake, selectors.EVENT_READ, lambda: None)
    over = threading.Event()
    if with_agent:
        LineServer(home / "run" / "agent.sock", selector, scene.agent.answer, lambda _: None)
    if with_till:
        LineServer(home / "run" / "till" / "ready.sock", selector, scene.till.answer, lambda _: None)
        pages = listen(home / "run" / "till" / "till.sock")
        selector.register(pages, selectors.EVENT_READ, lambda: scene.till.serve(pages.accept()[0]))

    def beside() -> None:
        while not over.is_set():
            for key, _ in selector.select():
                key.data()

    listener = listen_tcp(home / "run", 0)
    scene.port = listener.getsockname()[1]
    server = server_of(application(Desk(home, SERIAL, SHANGHAI, lambda: NOW), hosts_of(listener)))
    threads = [threading.Thread(target=beside), threading.Thread(target=server.run, args=([listener],))]
    for thread in threads:
        thread.start()
    try:
        yield scene
    finally:
        over.set()
        server.should_exit = True
        wake.send(b"x")
        for thread in threads:
            thread.join(10)
        for key in list(selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        wake.close()
        listener.close()
