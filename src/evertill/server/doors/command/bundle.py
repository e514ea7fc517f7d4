"""`evertill bundle`: making and judging component bundles; works without an installation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evertill.protocol.errors import ProtocolRefused
from evertill.server.doors.command.line import Answer, Needs, Parser, RefusedError, Verbs

if TYPE_CHECKING:
    import argparse

    from evertill.server.doors.command.line import Call


def declare(noun: str, nouns: argparse._SubParsersAction[Parser]) -> None:
    parser = nouns.add_parser(noun, help="component bundles")
    verbs = Verbs(noun, parser.add_subparsers(required=True, metavar="VERB", parser_class=Parser))
    build = verbs.add("build", "make a bundle from a folder with component.toml", build_bundle, Needs.NOTHING)
    build.add_argument("folder", metavar="FOLDER")
    build.add_argument("--out", required=True, metavar="DIR", help="where it goes; its name is component-version.evb")
    inspect = verbs.add("inspect", "verify a bundle whole and show its manifest", inspect_bundle, Needs.NOTHING)
    inspect.add_argument("bundle", metavar="FILE")


def build_bundle(call: Call) -> Answer:
    from evertill.server.rooms.catalog.bundles import build

    try:
        built = build(Path(call.words.folder), Path(call.words.out))
    except ProtocolRefused as refused:
        raise _as_refusal(refused) from None
    except OSError as unreadable:
        raise RefusedError("FILE_UNREADABLE", f"{unreadable.filename}: {unreadable.strerror}.") from None
    manifest = built.manifest
    data = {
        "path": str(built.path),
        "sha256": built.sha256,
        "size": built.size,
        "component": manifest.component,
        "version": manifest.version,
    }
    return Answer(data, [f"{built.path}  {built.size} bytes  sha256 {built.sha256}"])


def inspect_bundle(call: Call) -> Answer:
    import msgspec

    from evertill.server.rooms.catalog.bundles import inspect

    try:
        manifest = inspect(Path(call.words.bundle))
    except ProtocolRefused as refused:
        raise _as_refusal(refused) from None
    except OSError as unreadable:
        raise RefusedError("FILE_UNREADABLE", f"{call.words.bundle} cannot be read: {unreadable.strerror}.") from None
    lines = [
        f"{manifest.component} {manifest.version} ({manifest.type})",
        f"models {', '.join(manifest.models) or 'any'}; hardware {', '.join(manifest.hardware) or 'any'}; rollback index {manifest.rollback_index}",
        f"{len(manifest.files)} files, {sum(file.size for file in manifest.files)} bytes unpacked",
    ]
    return Answer(msgspec.to_builtins(manifest), lines)


def _as_refusal(refused: ProtocolRefused) -> RefusedError:
    return RefusedError(refused.code, refused.text("en"), refused.next_step("en"))
