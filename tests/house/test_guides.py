"""The guides keep their word: every command they show is one, those of the operator's guide run in their order, and both languages show the same."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from evertill import cli
from evertill.server.doors.command.line import Parser
from evertill.terminal import cli as terminal_cli

TOP = Path(__file__).parents[2]
GUIDES = sorted([*TOP.glob("*.md"), *(TOP / "docs").glob("*.md"), TOP / "till" / "CONTRACT.md"])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = ("evertill", "evertill-terminal", "make")
STARTS_WITHIN_S = 60.0


def lines_of(guide: Path) -> list[str]:
    """Every line of every block, without what is said about it."""
    return [line for block in BLOCK.finditer(guide.read_text(encoding="utf-8")) for line in commands(block[2])]


def commands(block: str) -> list[str]:
    bare = [re.sub(r"\s+#\s.*$", "", line).strip() for line in block.splitlines()]
    return [line for line in bare if line]


def shown() -> list[tuple[str, list[str]]]:
    """(where, words) of each of our own programs' commands that some guide shows in a block."""
    found = []
    for guide in GUIDES:
        for line in lines_of(guide):
            if re.match(rf"(\.venv/bin/)?({'|'.join(PROGRAMS)}) ", line):
                first, *more = shlex.split(line)
                found.append((f"{guide.relative_to(TOP)}: {line}", [first.rpartition("/")[2], *more]))
    return found


def parse(words: list[str]) -> None:
    """Exits where our own parsers, or the Makefile, do not know it."""
    if words[0] == "make":
        makefile = (TOP / "Makefile").read_text(encoding="utf-8")
        assert all(re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE) for word in words[1:])
    elif words[0] == "evertill":
        parser = Parser(prog="evertill")
        nouns = parser.add_subparsers(required=True, parser_class=Parser)
        importlib.import_module(f"evertill.server.doors.command.{cli.NOUNS[words[1]]}").declare(words[1], nouns)
        parser.parse_args(words[1:])
    else:
        terminal_cli._parser().parse_args(words[1:])


@pytest.mark.parametrize(("where", "words"), shown(), ids=[where for where, _ in shown()])
def test_command_in_a_guide_is_one(where: str, words: list[str]) -> None:
    try:
        parse(words)
    except SystemExit as refused:
        pytest.fail(f"{where}: exit {refused.code}")


def test_wrong_command_in_a_guide_would_be_seen() -> None:
    with pytest.raises(SystemExit):
        parse(["evertill", "terminal", "add", "--sereal", "S"])
    with pytest.raises(AssertionError):
        parse(["make", "coffee"])


@pytest.mark.parametrize("guide", sorted(TOP.glob("docs/*.zh-CN.md")), ids=lambda guide: guide.name)
def test_both_languages_show_the_same_commands(guide: Path) -> None:
    assert lines_of(guide) == lines_of(guide.with_name(guide.name.replace(".zh-CN", "")))


def test_links_between_guides_lead_somewhere() -> None:
    for guide in GUIDES:
        text = guide.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
            assert (guide.parent / target).exists(), f"{guide.name}: {target}"


@pytest.mark.journey
def test_operators_guide_runs_from_top_to_bottom(tmp_path: Path) -> None:
    """In a folder that looks like a checkout; only the medium of the keys, the terminal's home and the port are other ones."""
    for name in ("till", ".venv"):
        (tmp_path / name).symlink_to(TOP / name)
    environment = {
        **os.environ,
        "EVERTILL_PASSPHRASE": "a demo passphrase",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    places = {"/media/keys": f"{tmp_path}/keys", "/var/lib/evertill": f"{tmp_path}/home", "8080": str(free_port())}
    text = (TOP / "docs/operators.md").read_text(encoding="utf-8")
    done = []
    for block in BLOCK.finditer(text):
        script = [
            line
            for line in commands(block[2])
            if block[1] == "console" and not line.startswith(("make ", "evertill-terminal run"))
        ]
        for line in script:
            for there, here in places.items():
                line = line.replace(there, here)  # noqa: PLW2901 - the same line, elsewhere
            if line.startswith("export "):
                environment |= exported(line, environment, tmp_path)
            elif " serve " in line:
                answers(line, environment, tmp_path, int(places["8080"]))
            else:
                ran = subprocess.run(
                    ["bash", "-euc", line], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
                )
                assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
            done.append(line)
    assert len(done) > 25
    assert (tmp_path / "evertill-copy.db").is_file()


def exported(line: str, environment: dict[str, str], folder: Path) -> dict[str, str]:
    ran = subprocess.run(
        ["bash", "-euc", f"{line}; env -0"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    pairs = [pair.partition("=") for pair in ran.stdout.split("\0") if pair]
    return {name: value for name, _, value in pairs if name in {"PATH", "EVERTILL_DATA"}}


def answers(line: str, environment: dict[str, str], folder: Path, port: int) -> None:
    """Starts the server, sees it answer, stops it."""
    with subprocess.Popen(shlex.split(line), cwd=folder, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + STARTS_WITHIN_S
            while not healthy(port):
                assert time.monotonic() < deadline
                assert server.poll() is None
                time.sleep(0.1)
        finally:
            server.terminate()
            server.wait(30)


def healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).is_success
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
    return port
