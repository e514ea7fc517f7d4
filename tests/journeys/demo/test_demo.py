"""The whole story, headless: it is observed, its report is what the schema says, and nothing is left running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.demo.test_processes import named

TOP = Path(__file__).parents[3]
EVERTILL = Path(sys.executable).with_name("evertill")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def problems(value: Any, schema: dict[str, Any], defs: dict[str, Any], at: str = "$") -> list[str]:
    """What of the value is not as the schema says: the words of JSON Schema that ours uses."""
    if "$ref" in schema:
        return problems(value, defs[schema["$ref"].rpartition("/")[2]], defs, at)
    if "const" in schema:
        return [] if value == schema["const"] else [f"{at} is not {schema['const']}"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{at} is not one of {schema['enum']}"]
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not any(isinstance(value, _TYPES[kind]) for kind in kinds):
        return [f"{at} is no {' or '.join(kinds)}"]
    found = []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{at}.{name} is missing" for name in schema.get("required", []) if name not in value]
        if schema.get("additionalProperties") is False:
            found += [f"{at}.{name} is not described" for name in value if name not in known]
        for name in value.keys() & known.keys():
            found += problems(value[name], known[name], defs, f"{at}.{name}")
    if isinstance(value, list):
        for number, each in enumerate(value):
            found += problems(each, schema["items"], defs, f"{at}[{number}]")
    return found


# What the story must show, chapter by chapter: a sight that is dropped from it would be missed by nobody else.
AUTOMATIC, UNSETTLED, OFF, EVENING = "DEMO-1022", "DEMO-1006", "DEMO-1008", "DEMO-1009"
ALL = (AUTOMATIC, UNSETTLED, OFF, EVENING)
TOLD = [
    *(("opening", "selling", serial) for serial in ALL),
    *(("opening", "verified", serial) for serial in ALL),
    ("off", "off", OFF),
    ("rollout", "verified", AUTOMATIC),
    ("rollout", "rolled_out", None),
    *(("settlement", sight, UNSETTLED) for sight in ("waits", "says_itself", "untouched", "verified")),
    *(("settlement", sight, OFF) for sight in ("waits", "nothing_fetched")),
    *(("evening", sight, EVENING) for sight in ("waits", "dark", "selling", "waits", "untouched")),
    *(("evening", sight, EVENING) for sight in ("dark", "selling", "verified")),
    *(("rehearsal", sight, AUTOMATIC) for sight in ("in_state", "ended", "sold_meanwhile", "never_stopped")),
    ("rehearsal", "halted", None),
    ("rollback", "ended", AUTOMATIC),
    ("rollback", "halted", None),
    *(("rollback", sight, serial) for serial in (UNSETTLED, EVENING) for sight in ("untouched", "nothing_fetched")),
    *(("books", "sales", serial) for serial in ALL),
    *(("books", sight, OFF) for sight in ("untouched", "nothing_fetched")),
]


@pytest.mark.journey
@pytest.mark.long
def test_whole_story_is_observed_and_nothing_is_left(bundles: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command: list[str | Path] = [EVERTILL, "demo", "--headless", "--report", report, "--bundles", bundles]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    schema = json.loads((TOP / "docs/demo-report.schema.json").read_text(encoding="utf-8"))
    assert problems(found, schema, schema["$defs"]) == []
    assert found["observed"] is True
    assert [(each["chapter"], each["sight"], each.get("serial")) for each in found["sights"]] == TOLD
    assert {terminal["version"] for terminal in found["terminals"]} == {"1.0.0", "1.1.0"}
    assert not named(str(tmp_path))
    assert not list(tmp_path.glob("*evertill-demo-*"))


def test_schema_is_not_satisfied_by_anything() -> None:
    """The checker above can say no."""
    schema = json.loads((TOP / "docs/demo-report.schema.json").read_text(encoding="utf-8"))
    assert "$.observed is missing" in problems({"format": 1}, schema, schema["$defs"])
    assert "$.more is not described" in problems({"more": 1}, schema, schema["$defs"])
    assert problems({"format": 2}, schema, schema["$defs"])[-1] == "$.format is not 1"
