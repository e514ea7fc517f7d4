"""A TUF repository made by python-tuf alone, so that it can also lie; and the loopback server that serves it.

Our own repository refuses to sign most of what the attacks need: this one signs anything, with any key, for any date.
"""

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import msgspec
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from evertill.protocol.release import (
    FLOOR_PATH,
    GUARDRAILS_PATH,
    OPERATOR_PATH,
    ComponentWords,
    Floor,
    Guardrails,
    Operator,
    Release,
    ReleaseComponent,
    encode,
    release_path,
)

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
TILL = b"plainly a demo till " * 64
TILL_PATH = "components/till-1.1.0.evb"
TILL_WORDS = ComponentWords(
    type="app", component="till", version="1.1.0", models=["T1"], hardware=["B"], rollback_index=4
)

Body = bytes | Callable[[], Iterator[bytes]]


class Mint:
    """Metadata objects as plain attributes; `publish` signs and puts them into `files`, by URL path below /tuf/."""

    def __init__(self) -> None:
        self.keys = {
            role: [CryptoSigner.generate_ed25519() for _ in range(count)]
            for role, count in (("root", 3), ("targets", 3), ("snapshot", 1), ("timestamp", 1))
        }
        self.files: dict[str, Body] = {}
        self.root = Root(expires=NOW + timedelta(days=730))
        for role, signers in self.keys.items():
            for signer in signers:
                self.root.add_key(signer.public_key, role)
        self.root.roles["root"].threshold = self.root.roles["targets"].threshold = 2
        self.targets = Targets(version=1, expires=NOW + timedelta(days=365))
        self.snapshot = Snapshot(version=1, expires=NOW + timedelta(days=14))
        self.timestamp = Timestamp(version=1, expires=NOW + timedelta(days=7))
        self.delegated: dict[str, Targets] = {}
        self.root_bytes = self.sign(self.root, self.keys["root"][:2])
        self.files["metadata/1.root.json"] = self.root_bytes
        self.put_document(FLOOR_PATH, encode(Floor()))
        self.put_document(OPERATOR_PATH, encode(Operator(slug="DEFAULT", name={"zh": "演示收单机构"})))
        self.put_document(GUARDRAILS_PATH, encode(Guardrails()))

    def sign(self, signed: Signed, signers: list[CryptoSigner]) -> bytes:
        metadata: Metadata[Any] = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def put_document(self, path: str, body: bytes) -> None:
        target = TargetFile.from_data(path, body, ["sha256", "sha512"])
        self.targets.targets[path] = target
        self.files[served_at(path, body)] = body

    def put_component(
        self, path: str = TILL_PATH, body: bytes = TILL, words: ComponentWords = TILL_WORDS, role: str = "targets"
    ) -> ReleaseComponent:
        """Sign a component's file in a role; answers the words a release would use for it."""
        target = TargetFile.from_data(path, body, ["sha256", "sha512"])
        target.unrecognized_fields["custom"] = msgspec.to_builtins(words)
        (self.targets if role == "targets" else self.delegated[role]).targets[path] = target
        return ReleaseComponent(
            path=path,
            sha256=target.hashes["sha256"],
            sha512=target.hashes["sha512"],
            length=target.length,
            type=words.type,
            component=words.component,
            version=words.version,
        )

    def put_release(self, *components: ReleaseComponent, release_id: int = 1, **fields: Any) -> Release:
        release = Release(
            id=release_id,
            name="till",
            version="1.1.0",
            components=list(components),
            notes={"zh": "可以打折", "en": "Discounts"},
            severity=fields.pop("severity", "feature"),
            minutes=3,
            published_at=NOW,
            **fields,
        )
        self.put_document(release_path(release_id), encode(release))
        return release

    def delegate(self, merchant: int) -> CryptoSigner:
        """A merchant's own signing role for `merchants/{id}/*`; answers its key."""
        signer = CryptoSigner.generate_ed25519()
        name = f"merchants-{merchant}"
        role = DelegatedRole(name, [signer.public_key.keyid], 1, terminating=True, paths=[f"merchants/{merchant}/*"])
        known = self.targets.delegations
        keys = {**(known.keys if known else {}), signer.public_key.keyid: signer.public_key}
        self.targets.delegations = Delegations(keys, {**((known.roles or {}) if known else {}), name: role})
        self.delegated[name] = Targets(expires=NOW + timedelta(days=365))
        self.keys[name] = [signer]
        return signer

    def publish(self) -> None:
        """Everything signed by its rightful keys, each role one version further."""
        for name, role in self.delegated.items():
            self.write(name, role, self.keys[name])
        self.write("targets", self.targets, self.keys["targets"][:2])
        self.write_online()
        published: list[Signed] = [self.targets, self.snapshot, self.timestamp, *self.delegated.values()]
        for signed in published:
            signed.version += 1

    def write(self, name: str, signed: Targets, signers: list[CryptoSigner]) -> None:
        body = self.sign(signed, signers)
        self.files[f"metadata/{signed.version}.{name}.json"] = body
        self.snapshot.meta[f"{name}.json"] = MetaFile.from_data(signed.version, body, ["sha256"])

    def write_online(self) -> None:
        """What the server's own keys can sign, stolen or not."""
        body = self.sign(self.snapshot, self.keys["snapshot"])
        self.files[f"metadata/{self.snapshot.version}.snapshot.json"] = body
        self.timestamp.snapshot_meta = MetaFile.from_data(self.snapshot.version, body, ["sha256"])
        self.write_timestamp()

    def write_timestamp(self) -> None:
        self.files["metadata/timestamp.json"] = self.sign(self.timestamp, self.keys["timestamp"])


def served_at(path: str, body: bytes) -> str:
    folder, _slash, name = path.rpartition("/")
    return f"targets/{folder}/{hashlib.sha256(body).hexdigest()}.{name}".replace("//", "/")


class Endless:
    """A body without an end, which knows how much of it somebody took."""

    def __init__(self) -> None:
        self.sent_bytes = 0

    def __call__(self) -> Iterator[bytes]:
        while True:
            yield b"x" * 65536
            self.sent_bytes += 65536


def dripping() -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(0.05)


class Files(Protocol):
    """What is served, by URL path below /tuf/."""

    def get(self, path: str, /) -> Body | None: ...


class Folder:
    """A repository on disk, as the static route would serve it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, path: str, /) -> Body | None:
        file = self.path / path
        return file.read_bytes() if file.is_file() and path.startswith(("metadata/", "targets/")) else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    files: Files
    asked: list[str]

    def do_GET(self) -> None:
        path = self.path.removeprefix("/DEFAULT/tuf/").replace("%2B", "+")
        self.asked.append(path)
        body = self.files.get(path)
        if body is None:
            self.send_error(404)
        elif isinstance(body, bytes):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self._stream(body)

    def _stream(self, body: Callable[[], Iterator[bytes]]) -> None:
        """No length, no end."""
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            for part in body():
                self.wfile.write(part)
                self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """A test's server is quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A terminal that hangs up on endless data is what the tests are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(files: Files) -> Iterator[tuple[str, list[str]]]:
    """The base URL of a real HTTP server on loopback, and what was asked of it."""
    asked: list[str] = []
    handler = type("Handler", (_Handler,), {"files": files, "asked": asked})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
