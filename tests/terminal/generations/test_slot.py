"""A slot is sound or it is not used."""

from pathlib import Path

import pytest

from evertill.terminal.generations.folders import MANIFEST, SlotDamaged
from evertill.terminal.generations.slot import check_slot
from tests.fakes.components import put_in_slot, stage_params, stage_till


@pytest.fixture
def slots(tmp_path: Path) -> Path:
    put_in_slot(stage_till(tmp_path / "till"), tmp_path / "1" / "slot")
    put_in_slot(stage_params(tmp_path / "params"), tmp_path / "1" / "slot")
    return tmp_path / "1" / "slot"


def test_sound_slot_tells_its_components(slots: Path) -> None:
    assert {name: manifest.version for name, manifest in check_slot(slots).items()} == {"till": "1.0.0", "params": "1"}


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def link_elsewhere(path: Path) -> None:
    copy = path.with_name("elsewhere")
    path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent.parent / "elsewhere")
    assert not copy.exists()


@pytest.mark.parametrize("damage", [Path.unlink, truncate, flip_a_bit, link_elsewhere, lambda path: path.chmod(0o755)])
@pytest.mark.parametrize("name", ["main.py", "traits.json"])
def test_damaged_file_is_found(slots: Path, name: str, damage: object) -> None:
    assert callable(damage)
    damage(slots / "till" / name)
    with pytest.raises(SlotDamaged, match="till"):
        check_slot(slots)


@pytest.mark.parametrize("damage", [Path.unlink, truncate])
def test_damaged_manifest_is_found(slots: Path, damage: object) -> None:
    assert callable(damage)
    damage(slots / "params" / MANIFEST)
    with pytest.raises(SlotDamaged, match="params"):
        check_slot(slots)


def test_file_nobody_installed_is_found(slots: Path) -> None:
    (slots / "till" / "sitecustomize.py").write_text("")
    with pytest.raises(SlotDamaged, match="sitecustomize"):
        check_slot(slots)


def test_component_under_a_wrong_name_is_found(slots: Path) -> None:
    (slots / "params").rename(slots / "fees")
    with pytest.raises(SlotDamaged):
        check_slot(slots)


def test_empty_or_absent_slot_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "slot").mkdir()
    for folder in (tmp_path / "slot", tmp_path / "nothing"):
        with pytest.raises(SlotDamaged, match="empty"):
            check_slot(folder)
