"""The manifest of a component: what a bundle says about itself, first member of every `.evb`.

Rules kept here: format 1 and no unknown field; every name, version, requirement and path is judged before anybody uses it; files are
listed in the order of their UTF-8 names, which is also their order in the archive; `component.toml`, the builder's input, is the same
manifest without `files`. This module compares nothing with a terminal beyond requirements and starts nothing.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple

import msgspec

from evertill.protocol import versions
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.paths import check_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

MANIFEST_NAME: Final = "manifest.json"
# 20 000 files with names of 240 bytes need 7.4 MB.
MANIFEST_LIMIT_BYTES: Final = 8 * 1024 * 1024
UNPACKED_LIMIT_BYTES: Final = 512 * 1024 * 1024

ComponentName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9_-]{0,63}\Z")]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"\A[^\x00-\x1f\x7f]+\Z")]
Argument = Annotated[str, msgspec.Meta(max_length=1024, pattern=r"\A[^\x00]*\Z")]
EntryName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9_]{0,63}\Z")]
Few: Final = msgspec.Meta(max_length=256)
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]

_PLACEHOLDER: Final = re.compile(r"\{(python|slot|data|run)\}")


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another component that must be on the terminal; `versions` is a PEP 440 specifier, "" = any."""

    component: ComponentName
    versions: str = ""


class DataSchema(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data this version writes, and the oldest and newest it can read (and migrate from and to)."""

    written: Count
    readable: tuple[Count, Count]


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    size: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    mode: Literal["0644", "0755"]


class Component(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a publisher writes into `component.toml`."""

    format: Literal[1]
    component: ComponentName
    type: Literal["app", "module", "params", "agent", "os", "firmware"]
    version: str
    python: Annotated[str, msgspec.Meta(pattern=r"\A(cp3[0-9]{1,2})?\Z")] = ""  # "" = contains no Python to compile
    models: Annotated[tuple[Line, ...], Few] = ()  # none = any
    hardware: Annotated[tuple[Line, ...], Few] = ()  # revisions; none = any
    requires: Annotated[tuple[Requirement, ...], Few] = ()
    data_schema: DataSchema | None = None
    rollback_index: Count
    needs_empty_batch: bool = True
    minutes: Annotated[int, msgspec.Meta(ge=0, le=24 * 60)]  # estimate of the whole installation
    entry_points: Annotated[dict[EntryName, Annotated[tuple[Argument, ...], Few]], Few] = {}


class Manifest(Component, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A component with its files."""

    files: tuple[File, ...]

    @property
    def bundle_name(self) -> str:
        return f"{self.component}-{self.version}.evb"


class Installed(NamedTuple):
    """What a terminal has of one component."""

    type: str
    version: str


def decode(data: bytes) -> Manifest:
    """Read and judge `manifest.json`.

    Raises:
        ProtocolRefused: MANIFEST_INVALID with the field, VERSION_INVALID, REQUIREMENT_INVALID, BUNDLE_TOO_LARGE, or what
            `check_tree` says of the names.
    """
    if len(data) > MANIFEST_LIMIT_BYTES:
        raise ProtocolRefused("BUNDLE_TOO_LARGE", what=MANIFEST_NAME, limit_bytes=MANIFEST_LIMIT_BYTES)
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolRefused("MANIFEST_INVALID", field=MANIFEST_NAME, problem=str(error)) from error
    check(manifest)
    return manifest


def encode(manifest: Manifest) -> bytes:
    """The one spelling of a manifest: fields in the order above, keys of entry points sorted."""
    return msgspec.json.encode(manifest, order="deterministic")


def describe(toml: bytes) -> Component:
    """Read `component.toml`; it is judged together with the files, by `check`.

    Raises:
        ProtocolRefused: MANIFEST_INVALID with the field.
    """
    try:
        return msgspec.convert(tomllib.loads(toml.decode()), type=Component)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolRefused("MANIFEST_INVALID", field="component.toml", problem=str(error)) from error


def with_files(component: Component, files: tuple[File, ...]) -> Manifest:
    """The judged manifest of a component that consists of `files`, in any order.

    Raises:
        ProtocolRefused: as `decode`.
    """
    fields = {name: getattr(component, name) for name in component.__struct_fields__}
    manifest = Manifest(**fields, files=tuple(sorted(files, key=_order)))
    check(manifest)
    return manifest


def unmet(component: Component, installed: Mapping[str, Installed]) -> list[Requirement]:
    """The requirements that the components `installed` (by name) do not meet."""
    missing = []
    for requirement in component.requires:
        have = installed.get(requirement.component)
        if have is None or not versions.satisfies(have.type, have.version, requirement.versions):
            missing.append(requirement)
    return missing


def check(manifest: Manifest) -> None:
    """The rules that concern more than one field."""
    versions.check_version(manifest.type, manifest.version)
    for requirement in manifest.requires:
        versions.check_requirement(requirement.versions)
    _check_once("requires", tuple(requirement.component for requirement in manifest.requires))
    _check_once("models", manifest.models)
    _check_once("hardware", manifest.hardware)
    schema = manifest.data_schema
    if schema and not schema.readable[0] <= schema.written <= schema.readable[1]:
        raise ProtocolRefused("MANIFEST_INVALID", field="data_schema.readable", problem="does not contain written")
    _check_files(manifest)
    places = _places(manifest.files)
    for name, argv in manifest.entry_points.items():
        problem = _entry_point_problem(argv, manifest.python, places)
        if problem:
            raise ProtocolRefused("MANIFEST_INVALID", field=f"entry_points.{name}", problem=problem)


def _check_once(field: str, values: tuple[str, ...]) -> None:
    if len(set(values)) < len(values):
        raise ProtocolRefused("MANIFEST_INVALID", field=field, problem="names something twice")


def _check_files(manifest: Manifest) -> None:
    if sum(file.size for file in manifest.files) > UNPACKED_LIMIT_BYTES:
        raise ProtocolRefused("BUNDLE_TOO_LARGE", what="unpacked files", limit_bytes=UNPACKED_LIMIT_BYTES)
    cache_tag = manifest.python.replace("cp3", "cpython-3")
    check_tree((file.path for file in manifest.files), reserved=MANIFEST_NAME, cache_tag=cache_tag)
    if any(_order(first) > _order(second) for first, second in zip(manifest.files, manifest.files[1:], strict=False)):
        raise ProtocolRefused("MANIFEST_INVALID", field="files", problem="not in the order of their names")


def _order(file: File) -> bytes:
    return file.path.encode(errors="surrogateescape")


def _places(files: tuple[File, ...]) -> set[str]:
    """Every file and every folder of the component."""
    places: set[str] = set()
    for file in files:
        path = file.path
        while path and path not in places:
            places.add(path)
            path = path.rpartition("/")[0]
    return places


def _entry_point_problem(argv: tuple[str, ...], python: str, places: set[str]) -> str:
    """A program comes from the component or is the terminal's Python, never whatever the host calls by that name."""
    if not argv or not (argv[0] == "{python}" or argv[0].startswith("{slot}/")):
        return "the first item is neither {python} nor a file below {slot}"
    if "{python}" in argv and not python:
        return "{python} in a component without python"
    for argument in argv:
        if set("{}") & set(_PLACEHOLDER.sub("", argument)):
            return f"unknown placeholder in {argument}"
        if argument.startswith("{slot}/") and argument.removeprefix("{slot}/") not in places:
            return f"{argument} is not in the component"
    return ""


def _invalid(error: msgspec.ValidationError) -> ProtocolRefused:
    """msgspec ends its sentence with the place: "Expected `int`, got `str` - at `$.files[3].size`"."""
    problem, _, place = str(error).partition(" - at `")
    return ProtocolRefused(
        "MANIFEST_INVALID", field=place.removeprefix("$").strip("`.") or MANIFEST_NAME, problem=problem
    )
