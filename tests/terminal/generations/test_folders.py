"""Generations as folders: link, mark, entry points."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evertill.terminal.generations.folders import MANIFEST, GenerationFolders, SlotDamaged

if TYPE_CHECKING:
    from evertill.terminal.generations.port import Generations


@pytest.fixture
def generations(tmp_path: Path) -> GenerationFolders:
    made = GenerationFolders(tmp_path / "generations")
    for number in (1, 2, 10):
        made.slots(number).mkdir(parents=True)
    return made


def test_folders_keep_the_port(generations: GenerationFolders) -> None:
    port: Generations = generations
    assert port.current() is None
    assert port.newest_committed() is None
    port.commit(2)
    port.commit(10)
    port.flip(2)
    assert (port.current(), port.is_committed(2), port.is_committed(1), port.newest_committed()) == (2, True, False, 10)
    port.flip(None)
    assert port.current() is None


def test_terminal_without_generations_has_none(tmp_path: Path) -> None:
    assert GenerationFolders(tmp_path / "nothing").numbers() == []


def test_what_is_no_number_is_no_generation(generations: GenerationFolders) -> None:
    (generations.root / ".3.doomed").mkdir()
    (generations.root / "notes").write_text("")
    (generations.root / "current").symlink_to("elsewhere")
    assert generations.numbers() == [1, 2, 10]
    assert generations.current() is None


def test_prepared_flip_needs_nothing_new(generations: GenerationFolders) -> None:
    generations.prepare_flip(1)
    generations.prepare_flip(1)
    before = sorted(entry.name for entry in generations.root.iterdir())
    generations.flip(1)
    assert generations.current() == 1
    assert len(before) == len(list(generations.root.iterdir()))


def test_discarded_generation_leaves_no_trace(generations: GenerationFolders) -> None:
    generations.prepare_flip(10)
    generations.discard(10)
    generations.discard(10)
    assert sorted(entry.name for entry in generations.root.iterdir()) == ["1", "2"]


def test_half_discarded_generation_is_finished_off(generations: GenerationFolders) -> None:
    (generations.root / ".10.doomed").mkdir()
    (generations.root / ".10.doomed" / "old").write_text("")
    generations.discard(10)
    assert generations.numbers() == [1, 2]
    assert not (generations.root / ".10.doomed").exists()


def test_entry_point_is_filled_in_once(generations: GenerationFolders) -> None:
    slot = generations.slot(1, "till")
    slot.mkdir()
    argv = ["{python}", "{slot}/main.py", "--data={data}", "{unknown}", "{run}"]
    (slot / MANIFEST).write_text(json.dumps({"version": "1", "entry_points": {"start": argv}}))
    command = generations.command(1, "till", "start", python="/py", data="/d/{run}", run="/r")
    assert command == ["/py", f"{slot}/main.py", "--data=/d/{run}", "{unknown}", "/r"]


@pytest.mark.parametrize(
    "manifest", [None, b"", b"{", b"[]", b"{}", b'{"entry_points": {"start": "sh"}}', b'{"entry_points": 1}']
)
def test_unusable_manifest_is_a_damaged_slot(generations: GenerationFolders, manifest: bytes | None) -> None:
    generations.slot(1, "till").mkdir()
    if manifest is not None:
        (generations.slot(1, "till") / MANIFEST).write_bytes(manifest)
    with pytest.raises(SlotDamaged):
        generations.command(1, "till", "start")


def test_versions_tell_what_can_be_told(generations: GenerationFolders) -> None:
    for name, content in (("till", b'{"version": "1.0.0"}'), ("params", b"rubbish")):
        generations.slot(1, name).mkdir()
        (generations.slot(1, name) / MANIFEST).write_bytes(content)
    assert generations.versions(1) == {"params": "", "till": "1.0.0"}
    assert generations.versions(99) == {}


def test_release_of_a_generation_is_remembered(generations: GenerationFolders) -> None:
    assert generations.release(1) is None
    generations.describe(1, 7)
    assert generations.release(1) == 7
