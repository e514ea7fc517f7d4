"""What a generation's slot was made of: for each component the signed file it came from, and the words it was installed with.

Rules kept here: written once, before the generation is committed; missing or unreadable means "not known", never "nothing". It proves
nothing by itself: whoever repairs by it asks the signatures again. The supervisor does not need it.
"""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import msgspec

from evertill.protocol.manifest import MANIFEST_NAME
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.durable import write_atomic
from evertill.terminal.generations.folders import GenerationFolders, SlotDamaged
from evertill.terminal.generations.slot import check_component

_NAME: Final = "contents.json"


class Content(msgspec.Struct, frozen=True):
    """`release`: whose signed words named the file. `manifest`: the SHA-256 of the manifest in the slot."""

    release: int
    part: ReleaseComponent
    manifest: str


def load_contents(generation: Path) -> dict[str, Content]:
    """By component; empty where nothing is known (the till came with the terminal, or the record is damaged)."""
    try:
        return msgspec.json.decode((generation / _NAME).read_bytes(), type=dict[str, Content])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def save_contents(generation: Path, contents: Mapping[str, Content]) -> None:
    write_atomic(generation / _NAME, msgspec.json.encode(contents))


def digest_of(folder: Path) -> str:
    """Of a component's manifest, which says the hash of everything else in it; empty = it has none."""
    try:
        return hashlib.sha256((folder / MANIFEST_NAME).read_bytes()).hexdigest()
    except OSError:
        return ""


def damaged(slots: Path, contents: Mapping[str, Content]) -> tuple[str, ...]:
    """The components of a slot that are not as they were installed, by name; empty = it is sound."""
    present = {folder.name for folder in slots.iterdir()} if slots.is_dir() else set()
    wanted: Collection[str] = present | contents.keys()
    return tuple(name for name in sorted(wanted) if not is_sound(slots / name, contents.get(name)))


def is_sound(folder: Path, content: Content | None) -> bool:
    """Whether a component is whole, and the very one that was installed, as far as that is known."""
    if content is not None and digest_of(folder) != content.manifest:
        return False
    try:
        check_component(folder)
    except SlotDamaged:
        return False
    return True


def spare(generations: GenerationFolders, numbers: Collection[int], content: Content) -> Path | None:
    """The folder of the very same component, whole, in one of these generations."""
    for number in numbers:
        known = load_contents(generations.folder(number)).get(content.part.component)
        folder = generations.slot(number, content.part.component)
        if known is not None and known.part == content.part and is_sound(folder, content):
            return folder
    return None
