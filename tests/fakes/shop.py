"""A whole terminal against a fake server: set up by the command line, real supervisor, real agent, stub tills, signed releases."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from evertill.protocol.release import ComponentWords, Release, ReleaseComponent
from evertill.terminal.agent.preflight.simulated import Scene
from evertill.terminal.cli import main
from evertill.terminal.lines import Unreachable, ask
from tests.fakes.components import bundled, first_generation, stage_till
from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import Rig, until
from tests.terminal.trust.mint import Mint

PIN = "482906"
ANY_TIME = "00:00-24:00"


class Shop:
    """One terminal that sells with a stub till 1.0.0, and what the acquirer does to it."""

    def __init__(self, folder: Path, server: FakeServer) -> None:
        self.server = server
        self.folder = folder
        self.home = folder / "home"
        self.rig: Rig
        self.mint = Mint()
        self._make_the_mint_of_today()
        server.sleep = "00:00:02"
        server.set_policy(1, window=ANY_TIME)

    def _make_the_mint_of_today(self) -> None:
        mint, now = self.mint, datetime.now(UTC)
        for signed, days in ((mint.root, 730), (mint.targets, 365), (mint.snapshot, 14), (mint.timestamp, 7)):
            signed.expires = (now + timedelta(days=days)).replace(microsecond=0)
        mint.root_bytes = mint.sign(mint.root, mint.keys["root"][:2])
        mint.files["metadata/1.root.json"] = mint.root_bytes
        self.publish()

    def publish(self) -> None:
        self.mint.publish()
        self.server.tuf = {path: body for path, body in self.mint.files.items() if isinstance(body, bytes)}

    def set_up(self, **provision: Any) -> None:
        words = self.server.provision(
            model="T1", hardware_revision="B", root=json.loads(self.mint.root_bytes), **provision
        )
        (self.folder / "provision.json").write_text(json.dumps(words))
        self.pin_file = self.folder / "pins"
        self.pin_file.write_text(f"{PIN}\n")
        self.pin_file.chmod(0o600)
        assert (
            self.cli(
                "setup",
                "--provision",
                str(self.folder / "provision.json"),
                "--pin-file",
                str(self.pin_file),
                "--recovery-out",
                str(self.folder / "recovery.key"),
                "--simulated",
            )
            == 0
        )
        self.scene(Scene())

    def install_first_till(self) -> None:
        first_generation(self.home, stage_till(self.folder / "staged-1.0.0"))

    def start(self) -> None:
        self.rig = Rig(self.home)
        self.rig.start()
        until(self.agent_answers, "the agent answers")

    def close(self) -> None:
        """End every process; what they logged is shown with a failed test."""
        if hasattr(self, "rig"):
            self.rig.close()
            for log in sorted((self.home / "logs").glob("*.log")):
                sys.stdout.write(f"--- {log.name}\n{log.read_text()[-4000:]}\n")

    def cli(self, command: str, *arguments: str) -> int:
        try:
            return main([command, "--home", str(self.home), *arguments])
        except SystemExit as ended:
            return int(ended.code or 0)

    def ask(self, **request: Any) -> dict[str, Any]:
        return ask(self.home / "run" / "agent.sock", request, 10.0)

    def status(self) -> dict[str, Any]:
        return self.ask(ask="status")

    def agent_answers(self) -> bool:
        try:
            return "ok" in self.status()
        except Unreachable:
            return False

    def agent_pid(self) -> int:
        pid = json.loads((self.home / "run" / "agent.pid").read_bytes())["pid"]
        assert isinstance(pid, int)
        return pid

    def scene(self, scene: Scene) -> None:
        (self.home / "state" / "scene.json").write_bytes(msgspec.json.encode(scene))

    def release(self, version: str = "1.1.0", number: int = 12, **fields: Any) -> tuple[Release, dict[str, bytes]]:
        """Build a stub till, sign it and its release; answers the files the server hands out for it."""
        traits = {name: fields.pop(name) for name in ("schema", "fault", "needs_empty_batch") if name in fields}
        out = self.folder / f"out-{version}"
        part = bundled(stage_till(self.folder / f"staged-{version}", version, **{"schema": 2, **traits}), out)
        body = (out / part.path).read_bytes()
        words = ComponentWords(type="app", component="till", version=version, models=["T1"], rollback_index=4)
        component: ReleaseComponent = self.mint.put_component(f"components/{part.path}", body, words)
        release = self.mint.put_release(component, release_id=number, **fields)
        self.publish()
        return release, {part.path: body}


def settled(condition: Callable[[], object], what: str) -> None:
    until(condition, what, deadline_s=60.0)
