"""The report of a demo: what was seen, chapter by chapter, and how each terminal stands at the end. Described by docs/demo-report.schema.json."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evertill.sim.observer.trouble import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evertill.sim.observer.home import Entry
    from evertill.sim.observer.world import Terminal, World

FORMAT = 1


def report(world: World, seen: Sequence[Mapping[str, Any]], started_at: datetime, broken: str) -> dict[str, Any]:
    """Everything as it is now. `broken`: what ended the story too early, in the words of whoever acts; empty where nothing did."""
    lists: dict[str, list[dict[str, Any]]] = {"rollout": [], "release": []}
    for noun in lists:
        try:
            lists[noun] = world.server.typed(noun, "list")
        except Silent as silent:
            broken = broken or f"{noun} list: {silent}"
    return {
        "format": FORMAT,
        "observed": not broken and bool(seen) and all(each["observed"] for each in seen),
        "broken": broken,
        "started_at": _stamp(started_at),
        "ended_at": _stamp(datetime.now(UTC)),
        "sights": list(seen),
        "terminals": [_terminal(world, terminal) for terminal in world.terminals.values()],
        "rollouts": lists["rollout"],
        "releases": lists["release"],
    }


def write(found: Mapping[str, Any], file: Path) -> None:
    """Whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    with part.open("w", encoding="utf-8") as stream:
        json.dump(found, stream, ensure_ascii=False, indent=1)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)


def _terminal(world: World, terminal: Terminal) -> dict[str, Any]:
    home, wire = terminal.home, world.traffic.of(terminal.serial)
    current, seller = home.current(), world.tills.seller(terminal.serial)
    return {
        "serial": terminal.serial,
        "selling": seller is not None,
        "version": seller.version if seller else None,
        "versions": world.tills.versions(terminal.serial),
        "generation": current,
        "generations": [
            {"number": number, "version": home.version(number), "slot_sha256": home.fingerprint(number)}
            for number in home.numbers()
        ],
        "reasons": terminal.reasons,
        "states": _states(world, terminal.serial),
        "payload_bytes": wire.payload_bytes,
        "payload_requests": wire.payload_requests,
        "requests": wire.requests,
        "without_till_s": world.tills.gaps_s(terminal.serial, 0.0),
        "sales_before": _sum(terminal.sales_before),
        "sales_after": _sum(home.sales()),
    }


def _states(world: World, serial: str) -> list[dict[str, Any]]:
    """What it told the server of each update, in order."""
    states: list[dict[str, Any]] = []
    for said in world.traffic.of(serial).reports:
        if not states or states[-1]["action"] != said.action:
            states.append({"action": said.action, "states": []})
        if states[-1]["states"][-1:] != [said.state]:
            states[-1]["states"].append(said.state)
    return states


def _sum(sales: Mapping[int, Entry]) -> dict[str, int]:
    return {"count": len(sales), "total_fen": sum(entry.total_fen for entry in sales.values())}


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
