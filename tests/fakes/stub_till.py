"""A till as small as the contract (till/CONTRACT.md) allows, for tests of the terminal: it starts in milliseconds and can be told to fail.

What it is lies beside it in `traits.json`: version, schema, and `fault`, one of
    "self_test" "migrate" "start" "second_start" "forgets_a_sale" "wrong_version" "slow_migrate" "never_stops" (or "" for none).
Schema 2 has the column `discount_fen`. Besides the contract's requests it sells over its readiness socket, for a cashier made of code:
    {"do": "sale", "key": K, "fen": N} · {"do": "first_key"} (a sale begins) · {"do": "receipt"} (it ends) · {"do": "die"}
A kill test may hold it before its work: `till-trip.json` in the home, {"command": C, "version": V, "turn": N}, stops the Nth such command until `trip.go`.
"""

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import sqlite3
import struct
import sys
import time
from pathlib import Path
from typing import Any

TRAITS = json.loads(Path(__file__).with_name("traits.json").read_text())
FAULT = TRAITS["fault"]
WRITTEN = TRAITS["schema"]


class Refused(Exception):
    pass


def out(said: dict[str, Any], code: int = 0) -> int:
    sys.stdout.write(json.dumps(said) + "\n")
    return code


def opened(data: Path) -> sqlite3.Connection:
    data.mkdir(mode=0o700, exist_ok=True)
    fresh = not (data / "journal.db").exists()
    journal = sqlite3.connect(data / "journal.db", isolation_level=None)
    journal.execute("PRAGMA journal_mode=WAL")
    journal.execute("PRAGMA synchronous=FULL")
    if fresh:
        journal.executescript("""BEGIN; CREATE TABLE entries (id INTEGER PRIMARY KEY, key TEXT, fen INTEGER);
            CREATE TABLE settled (through INTEGER); PRAGMA user_version=1; COMMIT""")
        if WRITTEN == 2:
            migrate_to(journal, 2)
    return journal


def schema_of(journal: sqlite3.Connection) -> int:
    return int(journal.execute("PRAGMA user_version").fetchone()[0])


def migrate_to(journal: sqlite3.Connection, schema: int) -> None:
    if schema_of(journal) == schema:
        return
    change = (
        "ALTER TABLE entries ADD COLUMN discount_fen INTEGER NOT NULL DEFAULT 0"
        if schema == 2
        else "ALTER TABLE entries DROP COLUMN discount_fen"
    )
    journal.executescript(f"BEGIN; {change}; PRAGMA user_version={schema}; COMMIT")


def migrate(data: Path, schema: int) -> int:
    journal = opened(data)
    before = schema_of(journal)
    if FAULT == "migrate":
        return out({"code": "JOURNAL_NOT_WRITTEN", "detail": "told to fail"}, 1)
    if FAULT == "slow_migrate":
        time.sleep(TRAITS.get("seconds", 1.0))
    if not 1 <= schema <= WRITTEN:
        return out({"code": "SCHEMA_UNKNOWN", "detail": str(schema)}, 1)
    migrate_to(journal, schema)
    if FAULT == "forgets_a_sale":
        journal.execute("DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)")
    journal.close()
    return out({"from": before, "to": schema, "ms": 1})


def self_test(data: Path) -> int:
    journal = opened(data)
    checks = [
        {"name": "schema", "ok": schema_of(journal) == WRITTEN, "detail": str(schema_of(journal))},
        {"name": "totals", "ok": FAULT != "self_test", "detail": "do not add up" if FAULT == "self_test" else ""},
    ]
    ok = all(check["ok"] for check in checks)
    journal.close()
    return out({"ok": ok, "version": TRAITS["version"], "checks": checks}, 0 if ok else 1)


class StubTill:
    def __init__(self, data: Path, run: Path, *, prove: bool) -> None:
        run.mkdir(mode=0o700, exist_ok=True)
        self.run, self.data = run, data
        self.lock = self._locked("data.lock")
        starts = data / "starts"
        before = starts.read_text().splitlines() if starts.exists() else []
        if FAULT == "start" or (FAULT == "second_start" and TRAITS["version"] in before):
            raise Refused("told to fail")
        starts.write_text("".join(f"{version}\n" for version in (*before, TRAITS["version"])))
        self.journal = opened(data)
        if schema_of(self.journal) != WRITTEN:
            raise Refused("SCHEMA_NEEDS_MIGRATION" if schema_of(self.journal) < WRITTEN else "SCHEMA_TOO_NEW")
        self.mode = "proving" if prove else "selling"
        self.sale_lock: int | None = None
        self.over = False

    def serve(self) -> None:
        part = self.run / "till.pid.part"
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        part.write_text(json.dumps({"pid": os.getpid(), "start_ticks": ticks, "version": TRAITS["version"]}))
        part.replace(self.run / "till.pid")
        selector = selectors.DefaultSelector()
        listener = socket.socket(socket.AF_UNIX)
        folder = os.open(self.run, os.O_PATH)
        (self.run / "ready.sock").unlink(missing_ok=True)
        listener.bind(f"/proc/self/fd/{folder}/ready.sock")
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "over", True))
        while not self.over or FAULT == "never_stops":
            for key, _ in selector.select(0.05):
                if key.fileobj is listener:
                    peer, _ = listener.accept()
                    uid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
                    assert uid in {0, os.getuid()}
                    selector.register(peer, selectors.EVENT_READ)
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._read(selector, key.fileobj)

    def _read(self, selector: selectors.BaseSelector, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if received := peer.recv(65536):
                for line in received.splitlines():
                    peer.sendall(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
                return
        selector.unregister(peer)
        peer.close()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("ask") == "state":
            return self._state()
        do = request.get("do")
        if do == "sell":
            self.mode = "selling"
            return {"ok": True, "mode": "selling"}
        if do in {"stop", "settle"} and self.sale_lock is not None:
            return {"error": "SALE_IN_PROGRESS"}
        if do == "stop":
            self.over = True
            return {"ok": True}
        if do == "settle":
            self.journal.execute("INSERT INTO settled SELECT coalesce(max(id), 0) FROM entries")
            return {"ok": True, "batch": None}
        return self._till(request)

    def _till(self, request: dict[str, Any]) -> dict[str, Any]:
        do = request["do"]
        if do == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "proving":
            return {"error": "PROVING"}
        if do == "first_key" and self.sale_lock is None:
            self.sale_lock = self._locked("sale.lock", fcntl.LOCK_SH)
        if do == "receipt" and self.sale_lock is not None:
            os.close(self.sale_lock)
            self.sale_lock = None
        if do == "sale":
            return self._sale(request["key"], request["fen"])
        return {"ok": True}

    def _sale(self, key: str, fen: int) -> dict[str, Any]:
        try:
            lock = self._locked("sale.lock", fcntl.LOCK_SH)
        except Refused:
            return {"error": "CHANGING_VERSION"}
        self.journal.execute("INSERT INTO entries (key, fen) VALUES (?, ?)", (key, fen))
        os.close(lock)
        return {"ok": True}

    def _state(self) -> dict[str, Any]:
        rows, last = self.journal.execute("SELECT count(*), coalesce(max(id), 0) FROM entries").fetchone()
        settled = self.journal.execute("SELECT coalesce(max(through), 0) FROM settled").fetchone()[0]
        batch = self.journal.execute("SELECT count(*) FROM entries WHERE id > ?", (settled,)).fetchone()[0]
        return {
            "version": "0.0.0" if FAULT == "wrong_version" else TRAITS["version"],
            "schema": schema_of(self.journal),
            "mode": self.mode,
            "sale": self.sale_lock is not None,
            "signed_in": True,
            "batch": 1,
            "batch_count": batch,
            "pending": TRAITS.get("pending", 0),
            "queue": TRAITS.get("queue", 0),
            "journal": {"rows": rows, "last_id": last},
            "last_settled_at": None,
            "started_at_monotonic": 0,
            "pid": os.getpid(),
        }

    def _locked(self, name: str, how: int = fcntl.LOCK_EX) -> int:
        lock = os.open(self.run / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise Refused("DATA_LOCKED") from error
        return lock


def wait_at_tripwire(command: str) -> None:
    """Once, where the home asks for it; the home is four folders above: generations/N/slot/till."""
    home = Path(__file__).parents[4]
    wire = home / "till-trip.json"
    trip = json.loads(wire.read_text()) if wire.exists() else {}
    if (trip.get("command"), trip.get("version")) != (command, TRAITS["version"]):
        return
    if trip["turn"] > 1:
        wire.write_text(json.dumps({**trip, "turn": trip["turn"] - 1}))
        return
    wire.unlink()
    go = os.open(home / "trip.go", os.O_RDWR)
    (home / "trip.part").write_text(str(os.getpid()))
    (home / "trip.part").rename(home / "trip.reached")
    os.read(go, 1)
    os.close(go)


def main(arguments: list[str]) -> int:
    wait_at_tripwire(arguments[0])
    command, options = arguments[0], dict(zip(arguments[1::2], arguments[2::2], strict=False))
    data = Path(options["--data"])
    if command == "migrate":
        return migrate(data, int(options["--to"]))
    if command == "self-test":
        return self_test(data)
    try:
        StubTill(data, Path(options["--run"]), prove="--prove" in arguments).serve()
    except Refused as refused:
        return out({"code": str(refused), "detail": ""}, 1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
