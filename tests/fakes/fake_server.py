"""A small DDI server with a scriptable story: the wire format of the device API, and every kind of rubbish a terminal may meet.

It listens on a free port of loopback, in a thread; a test tells the story (`offer`, `cancel`, `set_policy`, `rubbish`, `busy`)
and reads what the terminal did (`requests`, `feedbacks`, `attributes`, `acts`).
"""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import quote, unquote

TENANT = "acquirer"
TOKEN = "0123456789abcdefghijABCDEFGHIJ01"

Rubbish = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Action:
    number: int
    release: int
    files: dict[str, bytes]
    tampered: dict[str, bytes] = field(default_factory=dict)  # what is served instead of what was announced
    cancelled: bool = False
    open: bool = True
    statuses: list[Any] = field(default_factory=list)


class FakeServer:
    def __init__(self, serial: str = "T-0001") -> None:
        self.serial = serial
        self.sleep = "06:00:00"
        self.requests: list[Seen] = []
        self.actions: dict[int, Action] = {}
        self.offers: list[dict[str, Any]] = []
        self.policy: dict[str, Any] = {"revision": 0, "fields": {}, "time_zone": "Asia/Shanghai", "deadlines": []}
        self.policy_changes: dict[str, Any] = {}
        self.policy_applied: list[int] = []
        self.acts: dict[str, tuple[int, Any]] = {}
        self.attributes: dict[str, str] = {}
        self.wants_config = True
        self.payload_bytes = 0  # of artifacts, as they left
        self.cut_after_bytes: int | None = None
        self.tuf: dict[str, bytes] = {}  # signed metadata and small targets by their path below /{tenant}/tuf/
        self.when: dict[
            str, Callable[[], None]
        ] = {}  # what happens as the terminal reports this state of its journey, once
        self._scripted: list[tuple[str, Rubbish]] = []
        self._lock = threading.RLock()  # what `when` does may tell the story further
        self._http = _QuietServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    # --- the story ------------------------------------------------------------------------------------------------

    def offer(self, number: int, release: int, files: dict[str, bytes], **offer: Any) -> Action:
        """Open an action for a release whose files are offered for download."""
        action = Action(number, release, files)
        with self._lock:
            self.actions[number] = action
            words = {
                "release": release,
                "action": number,
                "download": True,
                "install": True,
                "turn": True,
                "reasons": [],
            }
            self.offers = [known for known in self.offers if known["release"] != release]
            self.offers.append({**words, "next_try_at": None, **offer})
        return action

    def cancel(self, number: int) -> None:
        self.actions[number].cancelled = True

    def set_policy(self, revision: int, **fields: Any) -> None:
        effective = {
            name: value if isinstance(value, dict) and "origin" in value else _field(value)
            for name, value in fields.items()
        }
        self.policy = {**self.policy, "revision": revision, "fields": effective}

    def script(self, path_part: str, answer: Rubbish, *, times: int = 1) -> None:
        """The next `times` requests whose path contains `path_part` get this answer instead of the true one."""
        with self._lock:
            self._scripted += [(path_part, answer)] * times

    # --- what was seen --------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def base(self) -> str:
        return f"/{TENANT}/controller/v1/{self.serial}"

    def feedbacks(self, number: int) -> list[Any]:
        return self.actions[number].statuses

    def count(self, method: str, path_part: str) -> int:
        return sum(seen.method == method and path_part in seen.path for seen in list(self.requests))

    def provision(self, **changes: Any) -> dict[str, Any]:
        """The provision file that leads here."""
        words: dict[str, Any] = {
            "format": 1,
            "url": self.url,
            "tenant": TENANT,
            "serial": self.serial,
            "token": TOKEN,
            "merchant_id": 7,
            "node": "DEFAULT/agent/merchant/store",
            "time_zone": "Asia/Shanghai",
            "model": "demo-touch",
            "hardware_revision": "r1",
            "ca_pem": None,
            "root": {"signed": {}, "signatures": []},
            "power": "none",
        }
        return {**words, **changes}

    # --- serving --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def next_scripted(self, path: str) -> Rubbish | None:
        with self._lock:
            for index, (part, answer) in enumerate(self._scripted):
                if part in path or (part == "poll" and path == self.base):
                    del self._scripted[index]
                    return answer
        return None

    def answer(self, seen: Seen) -> tuple[int, Any]:
        """Status and JSON body (None = empty) for a request below the controller's base; artifacts are not served here."""
        path = seen.path.split("?")[0].removeprefix(self.base)
        for method, pattern, reply in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == seen.method:
                with self._lock:
                    return reply(self, seen, *match.groups())
        return 404, {"errorCode": "hawkbit.server.error.notFound", "exceptionClass": "x", "message": path}

    def artifact(self, path: str) -> bytes | None:
        match = re.fullmatch(r"/softwaremodules/(\d+)/artifacts/([^/]+)", path.removeprefix(self.base))
        action = self.actions.get(int(match[1])) if match else None
        if not match or action is None or not action.open:
            return None
        return {**action.files, **action.tampered}.get(unquote(match[2]))

    def _active(self) -> Action | None:
        return next((action for action in sorted(self.actions.values(), key=lambda a: a.number) if action.open), None)

    def _poll(self, _seen: Seen) -> tuple[int, Any]:
        links = {"policy": "policy", "offers": "offers"}
        if self.wants_config:
            links["configData"] = "configData"
        if action := self._active():
            relation = "cancelAction" if action.cancelled else "deploymentBase"
            links[relation] = f"{relation}/{action.number}" + ("" if action.cancelled else "?c=17")
        hrefs = {relation: {"href": f"{self.url}{self.base}/{rest}"} for relation, rest in links.items()}
        return 200, {"config": {"polling": {"sleep": self.sleep}}, "_links": hrefs}

    def _deployment(self, _seen: Seen, number: str) -> tuple[int, Any]:
        action = self.actions.get(int(number))
        if action is None or not action.open or action.cancelled:
            return 404, {}
        artifacts = [self._artifact(action, name, body) for name, body in action.files.items()]
        chunk = {"part": "bApp", "version": "1.1.0", "name": "till", "artifacts": artifacts}
        return 200, {"id": number, "deployment": {"download": "forced", "update": "forced", "chunks": [chunk]}}

    def _artifact(self, action: Action, name: str, body: bytes) -> dict[str, Any]:
        href = f"{self.url}{self.base}/softwaremodules/{action.number}/artifacts/{quote(name)}"
        hashes = {kind: hashlib.new(kind, body).hexdigest() for kind in ("sha1", "md5", "sha256")}
        return {"filename": name, "hashes": hashes, "size": len(body), "_links": {"download-http": {"href": href}}}

    def _feedback(self, seen: Seen, number: str) -> tuple[int, Any]:
        action = self.actions.get(int(number))
        if action is None:
            return 404, {}
        if not action.open:
            return 410, {}
        action.statuses.append(seen.json)
        action.open = seen.json["status"]["execution"] != "closed"
        self.when.pop(seen.json.get("evertill", {}).get("state", ""), lambda: None)()
        return 200, None

    def _cancel_action(self, _seen: Seen, number: str) -> tuple[int, Any]:
        action = self.actions.get(int(number))
        if action is None or not action.cancelled:
            return 404, {}
        return 200, {"id": number, "cancelAction": {"stopId": number}}

    def _cancel_feedback(self, seen: Seen, number: str) -> tuple[int, Any]:
        action = self.actions[int(number)]
        action.statuses.append(seen.json)
        execution = seen.json["status"]["execution"]
        action.open = execution not in {"closed", "canceled"}
        action.cancelled = execution != "rejected"
        return 200, None

    def _config(self, seen: Seen) -> tuple[int, Any]:
        words = seen.json
        if words.get("mode") == "replace":
            self.attributes.clear()
        self.attributes.update(words["data"])
        self.wants_config = False
        return 200, None

    def _get_policy(self, _seen: Seen) -> tuple[int, Any]:
        return 200, self.policy

    def _policy_feedback(self, seen: Seen) -> tuple[int, Any]:
        self.policy_applied.append(seen.json["revision"])
        return 200, None

    def _policy_changes(self, seen: Seen) -> tuple[int, Any]:
        self.policy_changes.update({change["uuid"]: change for change in seen.json})
        return 200, None

    def _get_offers(self, _seen: Seen) -> tuple[int, Any]:
        return 200, self.offers

    def _act(self, seen: Seen, release: str) -> tuple[int, Any]:
        self.acts.setdefault(seen.json["uuid"], (int(release), seen.json))
        return 200, None


_ROUTES: tuple[tuple[str, str, Callable[..., tuple[int, Any]]], ...] = (
    ("GET", "", FakeServer._poll),
    ("GET", r"/deploymentBase/(\d+)", FakeServer._deployment),
    ("POST", r"/deploymentBase/(\d+)/feedback", FakeServer._feedback),
    ("GET", r"/cancelAction/(\d+)", FakeServer._cancel_action),
    ("POST", r"/cancelAction/(\d+)/feedback", FakeServer._cancel_feedback),
    ("PUT", r"/configData", FakeServer._config),
    ("GET", r"/policy", FakeServer._get_policy),
    ("POST", r"/policy/feedback", FakeServer._policy_feedback),
    ("POST", r"/policy/changes", FakeServer._policy_changes),
    ("GET", r"/offers", FakeServer._get_offers),
    ("POST", r"/offers/(\d+)", FakeServer._act),
)


def _field(value: Any) -> dict[str, Any]:
    return {"value": value, "origin": "default", "mandated": False}


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_request: object) -> None:
        """A terminal that hangs up in the middle is part of many stories."""


def _handler_of(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        fake: ClassVar[FakeServer] = server

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PUT(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen = Seen(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.fake.requests.append(seen)
            if scripted := self.fake.next_scripted(self.path):
                scripted(self)
            elif (rest := unquote(self.path).removeprefix(f"/{TENANT}/tuf/")) in self.fake.tuf:
                send(self, 200, self.fake.tuf[rest])
            elif seen.headers.get("authorization") != f"TargetToken {TOKEN}":
                send_json(self, 401, {})
            elif (payload := self.fake.artifact(self.path.split("?")[0])) is not None:
                _send_artifact(self, self.fake, payload)
            else:
                send_json(self, *self.fake.answer(seen))

        def log_message(self, *_words: object) -> None:
            """A test's output stays readable."""

    return Handler


def send(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "application/hal+json", **headers: str
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def send_json(handler: BaseHTTPRequestHandler, status: int, value: Any) -> None:
    body = b"" if value is None else json.dumps(value).encode()
    etag = '"' + hashlib.sha1(body, usedforsecurity=False).hexdigest() + '"'
    if status == 200 and handler.command == "GET" and handler.headers.get("If-None-Match") == etag:
        handler.send_response(304)
        handler.send_header("ETag", etag)
        handler.end_headers()
        return
    send(handler, status, body, ETag=etag)


def _send_artifact(handler: BaseHTTPRequestHandler, server: FakeServer, payload: bytes) -> None:
    """The whole file or one range of it (DDI facts, row 15), cut short where the story says so."""
    etag = '"' + hashlib.sha1(payload, usedforsecurity=False).hexdigest() + '"'
    start, status = 0, 200
    end = len(payload)
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
    if asked and handler.headers.get("If-Range", etag) == etag:
        start, status = int(asked[1]), 206
        end = min(end, int(asked[2]) + 1) if asked[2] else end
    if start >= len(payload) and status == 206:
        send(handler, 416, b"", Content_Range=f"bytes */{len(payload)}")
        return
    part = payload[start:end]
    handler.send_response(status)
    handler.send_header("ETag", etag)
    handler.send_header("Accept-Ranges", "bytes")
    handler.send_header("Last-Modified", formatdate(0, usegmt=True))
    if status == 206:
        handler.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(payload)}")
    handler.send_header("Content-Length", str(len(part)))
    handler.end_headers()
    cut, server.cut_after_bytes = server.cut_after_bytes, None
    sent = part if cut is None else part[:cut]
    server.payload_bytes += len(sent)
    handler.wfile.write(sent)
    if len(sent) < len(part):
        handler.close_connection = True


# --- answers no sane server gives -----------------------------------------------------------------------------------------


def html(handler: BaseHTTPRequestHandler) -> None:
    """The sign-in page of a café's Wi-Fi."""
    send(handler, 200, b"<!doctype html><title>Welcome</title><p>Please sign in", "text/html")


def truncated_json(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b'{"config":{"polling":{"sleep":"00:0')


def wrong_types(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b'{"config":[1,2,3],"_links":"none"}')


def deep_json(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b'{"config":{"polling":{"sleep":"06:00:00"}},"more":' + b"[" * 400_000)


def not_utf8(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b'{"config":{"polling":{"sleep":"\xff\xfe"}}}')


def huge_body(handler: BaseHTTPRequestHandler) -> None:
    """Declares and sends 8 MiB of valid JSON."""
    send(handler, 200, b'{"config":"' + b"x" * (8 << 20) + b'"}')


def endless_body(handler: BaseHTTPRequestHandler) -> None:
    """Never says how long it is, and never ends by itself."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True
    try:
        while True:
            handler.wfile.write(b" " * 65536)
    except OSError:
        pass


def too_long_declared(handler: BaseHTTPRequestHandler) -> None:
    """`Content-Length` promises more than comes."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b"{}")
    handler.close_connection = True


def contradictory_length(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n{}")
    handler.close_connection = True


def not_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\x01\x02 this was never HTTP\r\n\r\n")
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def gzip_bomb(handler: BaseHTTPRequestHandler) -> None:
    import gzip

    send(handler, 200, gzip.compress(b" " * (64 << 20)), Content_Encoding="gzip")


def redirect(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 302, b"", Location="http://127.0.0.1:9/elsewhere")


def foreign_links(handler: BaseHTTPRequestHandler) -> None:
    """Sends the terminal, and its token, to another host."""
    href = "http://127.0.0.2:9/acquirer/controller/v1/T-0001/configData"
    words = {"config": {"polling": {"sleep": "06:00:00"}}, "_links": {"configData": {"href": href}}}
    send(handler, 200, json.dumps(words).encode())


def mad_sleep(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b'{"config":{"polling":{"sleep":"PT48H"}}}')


def status(code: int, **headers: str) -> Rubbish:
    """A plain answer with this status, for example `status(429, Retry_After="120")`."""
    return lambda handler: send(handler, code, b"{}", **headers)


@contextmanager
def running_server(serial: str = "T-0001") -> Iterator[FakeServer]:
    server = FakeServer(serial)
    server.start()
    try:
        yield server
    finally:
        server.stop()
