"""An installed slot judged against the manifests in it: every file there, whole, of its mode, and nothing else.

A slot is checked before it is started for the first time and before the link is pointed at it. It is never repaired in place.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.manifest import MANIFEST_NAME, File, Manifest, decode
from evertill.terminal.generations.folders import SlotDamaged


def check_slot(slots: Path) -> dict[str, Manifest]:
    """The manifests of a sound slot, by component.

    Raises:
        SlotDamaged: with the first thing that is not as it was installed.
    """
    folders = sorted(slots.iterdir()) if slots.is_dir() else []
    if not folders:
        raise SlotDamaged(f"{slots.parent.name}: the slot is empty")
    return {folder.name: check_component(folder) for folder in folders}


def check_component(folder: Path) -> Manifest:
    """Raises SlotDamaged, like `check_slot`."""
    try:
        manifest = decode((folder / MANIFEST_NAME).read_bytes())
    except (OSError, ProtocolRefused) as error:
        raise SlotDamaged(f"{folder.name}: {error}") from error
    expected = {file.path for file in manifest.files}
    present = set(_files(folder)) - {MANIFEST_NAME}
    if manifest.component != folder.name or present != expected:
        raise SlotDamaged(f"{folder.name}: {sorted(present ^ expected)[:3]}")
    for file in manifest.files:
        if not _as_installed(folder / file.path, file):
            raise SlotDamaged(f"{folder.name}: {file.path} was changed")
    return manifest


def _as_installed(path: Path, file: File) -> bool:
    """Compared without following a link: what a link leads to is not in the slot."""
    try:
        with open(path, "rb", opener=_no_link) as content:
            found = content.read()
            mode = os.fstat(content.fileno()).st_mode & 0o777
    except OSError:
        return False
    return (len(found), hashlib.sha256(found).hexdigest(), mode) == (file.size, file.sha256, int(file.mode, 8))


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(folder).as_posix()
