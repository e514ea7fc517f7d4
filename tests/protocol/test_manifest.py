"""A manifest is believed only when every field holds; a refusal names the field."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import (
    File,
    Installed,
    Manifest,
    Requirement,
    decode,
    describe,
    encode,
    unmet,
    with_files,
)
from tests.protocol.bundles import CONTENTS, manifest_json, manifest_of

TOML = b"""
format = 1
component = "till"
type = "app"
version = "1.1.0"
python = "cp311"
rollback_index = 1
minutes = 2
"""


def refused(data: bytes) -> ProtocolRefused:
    with pytest.raises(ProtocolRefused) as refusal:
        decode(data)
    return refusal.value


def test_what_is_written_is_read_again() -> None:
    manifest = decode(manifest_of(CONTENTS, python="cp311", entry_points={"b": ["{python}"], "a": ["{slot}/run.sh"]}))
    assert decode(encode(manifest)) == manifest
    assert encode(manifest) == encode(decode(encode(manifest)))
    assert encode(manifest).index(b'"a":') < encode(manifest).index(b'"b":')


def test_missing_fields_take_the_cautious_value() -> None:
    manifest = decode(manifest_of(CONTENTS))
    assert manifest.needs_empty_batch is True
    assert manifest.data_schema is None
    assert (manifest.models, manifest.hardware, manifest.requires) == ((), (), ())


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("format", {"format": 2}),
        ("format", {"format": "1"}),
        ("component", {"component": "Till"}),
        ("component", {"component": "../till"}),
        ("component", {"component": "till\n"}),
        ("component", {"component": ""}),
        ("type", {"type": "virus"}),
        ("python", {"python": "cp27"}),
        ("python", {"python": "python3"}),
        ("models[0]", {"models": [""]}),
        ("models", {"models": ["a", "a"]}),
        ("models", {"models": [str(number) for number in range(300)]}),
        ("hardware[1]", {"hardware": ["a", "b\n"]}),
        ("hardware", {"hardware": "a"}),
        ("hardware", {"hardware": ["a", "a"]}),
        ("requires[0].component", {"requires": [{"component": "O S"}]}),
        ("requires[0]", {"requires": [{"component": "os", "version": ">1"}]}),
        ("requires", {"requires": [{"component": "os"}, {"component": "os", "versions": ">1"}]}),
        ("rollback_index", {"rollback_index": -1}),
        ("rollback_index", {"rollback_index": 2**31}),
        ("rollback_index", {"rollback_index": 1.5}),
        ("minutes", {"minutes": -1}),
        ("minutes", {"minutes": 100_000}),
        ("needs_empty_batch", {"needs_empty_batch": "no"}),
        ("data_schema.readable", {"data_schema": {"written": 3, "readable": [1, 2]}}),
        ("data_schema.readable", {"data_schema": {"written": 2, "readable": [3, 1]}}),
        ("data_schema.readable", {"data_schema": {"written": 2, "readable": [1, 2, 3]}}),
        ("data_schema.written", {"data_schema": {"written": -1, "readable": [-1, 1]}}),
        ("entry_points.start", {"entry_points": {"start": []}}),
        ("entry_points.start", {"entry_points": {"start": ["sh", "-c", "rm -rf /"]}}),
        ("entry_points.start", {"entry_points": {"start": ["/bin/sh"]}}),
        ("entry_points.start", {"entry_points": {"start": ["{python}"]}}),
        ("entry_points.start", {"entry_points": {"start": ["{slot}/absent"]}}),
        ("entry_points.start", {"entry_points": {"start": ["{slot}/../run.sh"]}}),
        ("entry_points.start", {"entry_points": {"start": ["{slot}/run.sh", "{home}"]}}),
        ("entry_points.start", {"entry_points": {"start": ["{slot}/run.sh", "{}"]}}),
        ("entry_points.start", {"entry_points": {"start": ["{slot}/run.sh", "{{data}"]}}),
        ("entry_points[...][0]", {"entry_points": {"start": ["{slot}/run.sh\0"]}}),
        ("files[0].path", {"files": [{"path": 1, "size": 1, "sha256": "0" * 64, "mode": "0644"}]}),
        ("files[0].size", {"files": [{"path": "a", "size": -1, "sha256": "0" * 64, "mode": "0644"}]}),
        ("files[0].sha256", {"files": [{"path": "a", "size": 1, "sha256": "A" * 64, "mode": "0644"}]}),
        ("files[0].mode", {"files": [{"path": "a", "size": 1, "sha256": "0" * 64, "mode": "4755"}]}),
        ("files[0].mode", {"files": [{"path": "a", "size": 1, "sha256": "0" * 64, "mode": 420}]}),
        ("files[0]", {"files": [{"path": "a", "size": 1, "sha256": "0" * 64, "mode": "0644", "link": "/"}]}),
        ("manifest.json", {"signature": "trust me"}),
    ],
)
def test_refusal_names_the_field(field: str, change: dict[str, Any]) -> None:
    refusal = refused(manifest_of(CONTENTS, **change))
    assert (refusal.code, refusal.params["field"]) == ("MANIFEST_INVALID", field)


def test_missing_field_is_refused() -> None:
    fields = msgspec.json.decode(manifest_of(CONTENTS))
    for name in ["format", "component", "type", "version", "rollback_index", "minutes", "files"]:
        rest = {key: value for key, value in fields.items() if key != name}
        assert refused(msgspec.json.encode(rest)).code == "MANIFEST_INVALID"


@pytest.mark.parametrize("version", ["one", "1.0.0-", "01.0", "v1.0", "1.0-1", "1!1.0", "1.0/2", "", "1" * 65])
def test_version_of_our_own_that_is_not_normal_pep_440(version: str) -> None:
    assert refused(manifest_of(CONTENTS, version=version)).code == "VERSION_INVALID"


@pytest.mark.parametrize("version", ["../1", "1 0", "", "版本", "1:0", "x" * 65, "-1"])
def test_foreign_version_that_is_no_file_name(version: str) -> None:
    assert refused(manifest_of(CONTENTS, type="os", version=version)).code == "VERSION_INVALID"


def test_foreign_version_is_any_safe_text() -> None:
    assert decode(manifest_of(CONTENTS, type="firmware", version="K9_v01.02-b")).version == "K9_v01.02-b"


def test_requirement_that_is_no_specifier() -> None:
    assert (
        refused(manifest_of(CONTENTS, requires=[{"component": "os", "versions": "newest"}])).code
        == "REQUIREMENT_INVALID"
    )


def test_entry_points_may_name_files_folders_and_places() -> None:
    argv = ["{python}", "-I", "{slot}/app/__main__.py", "{slot}/app", "--data={data}", "{run}", "{slot}"]
    manifest = decode(manifest_of(CONTENTS, python="cp311", entry_points={"start": argv}))
    assert manifest.entry_points == {"start": tuple(argv)}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"files":' + b"[" * 100_000,
        manifest_of(CONTENTS).replace(b'"size": 14', b'"size": ' + b"9" * 5000),
        manifest_of(CONTENTS).replace(b"run.sh", b"\xff.sh"),
        manifest_of(CONTENTS).replace(b"run.sh", b"\\ud800.sh"),
        manifest_of(CONTENTS) + b"{}",
    ],
)
def test_rubbish_instead_of_a_manifest(data: bytes) -> None:
    assert refused(data).code == "MANIFEST_INVALID"


@given(st.binary(max_size=60), st.integers(0, 600))
def test_no_bytes_at_all_make_the_decoder_fail_otherwise(junk: bytes, position: int) -> None:
    good = manifest_of(CONTENTS)
    for data in (junk, good[:position] + junk + good[position + len(junk) :]):
        with contextlib.suppress(ProtocolRefused):
            assert isinstance(decode(data), Manifest)


def test_manifest_larger_than_its_limit() -> None:
    assert refused(b" " * (8 * 1024 * 1024 + 1)).code == "BUNDLE_TOO_LARGE"


def test_component_toml_is_a_manifest_without_files() -> None:
    file = File(path="b", size=1, sha256="0" * 64, mode="0644")
    manifest = with_files(describe(TOML), (file, msgspec.structs.replace(file, path="a")))
    assert manifest.bundle_name == "till-1.1.0.evb"
    assert [each.path for each in manifest.files] == ["a", "b"]


@pytest.mark.parametrize(
    ("field", "toml"),
    [
        ("component.toml", b"format ="),
        ("component.toml", b"\xff"),
        ("component.toml", b"a = " + b"[" * 5000),
        ("rollback_index", TOML.replace(b"rollback_index = 1", b"rollback_index = '1'")),
        ("manifest.json", TOML + b"files = []"),
    ],
)
def test_component_toml_is_refused_with_its_field(field: str, toml: bytes) -> None:
    with pytest.raises(ProtocolRefused) as refusal:
        describe(toml)
    assert (refusal.value.code, refusal.value.params["field"]) == ("MANIFEST_INVALID", field)


def test_unmet_requirements_are_listed() -> None:
    manifest = decode(
        manifest_json(
            [], requires=[{"component": "system", "versions": ">=2,<3"}, {"component": "printer"}, {"component": "vat"}]
        )
    )
    installed = {"system": Installed("module", "1.9"), "vat": Installed("params", "7")}
    assert unmet(manifest, installed) == [Requirement("system", ">=2,<3"), Requirement("printer")]
    assert (
        unmet(manifest, {**installed, "system": Installed("module", "2.1"), "printer": Installed("firmware", "K9")})
        == []
    )
