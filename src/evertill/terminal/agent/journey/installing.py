"""Step *installing*: the complete slot of the next generation, beside the running one.

An agent goes into its own A/B folders, not into the till's slot. What the release brings is unpacked; what it does not name is copied from the
running slot, never linked, so no file is shared between slots. A repair may copy the very same component from another generation, too. The slot appears under its name in one rename, after everything in it is durable and was compared with its manifest.
"""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from evertill.protocol.manifest import Installed, Manifest, unmet
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done, StepFailed
from evertill.terminal.durable import discard, sync_folder, sync_tree
from evertill.terminal.generations.contents import Content, digest_of, load_contents, save_contents, spare
from evertill.terminal.generations.folders import AGENT, TILL, GenerationFolders, SlotDamaged
from evertill.terminal.generations.slot import check_slot
from evertill.terminal.generations.unpack import unpack


class Installing:
    def __init__(
        self, generations: GenerationFolders, agents: GenerationFolders, bundle: Callable[[ReleaseComponent], Path]
    ) -> None:
        self._generations = generations
        self._agents = agents
        self._bundle = bundle

    def run(self, journey: Journey, _now: datetime) -> Done:
        agents = [part for part in journey.parts if part.type == AGENT]
        if journey.to_agent is not None:
            self._install(self._agents, journey.to_agent, lambda slot: self._unpack(agents, slot))
        self._install(self._generations, journey.to_generation, lambda slot: self._fill(slot, journey))
        self._generations.describe(journey.to_generation, self._release(journey))
        save_contents(self._generations.folder(journey.to_generation), self._contents(journey))
        return Done(journey)

    def _release(self, journey: Journey) -> int:
        """A repaired slot is of the release it was of, whichever action brought the files."""
        known = self._generations.release(journey.from_generation) if journey.from_generation is not None else None
        return known if journey.repair and known is not None else journey.release

    def _contents(self, journey: Journey) -> dict[str, Content]:
        """What the new slot was made of: kept components keep their origin, and so does what a repair brings again."""
        known = self._known(journey)
        slot = self._generations.slots(journey.to_generation)
        brought = {
            part.component: Content(journey.release, part, digest_of(slot / part.component))
            for part in journey.parts
            if part.type != AGENT
        }
        contents = {**known, **brought} if not journey.repair else {**brought, **known}
        return {name: content for name, content in contents.items() if (slot / name).is_dir()}

    def _known(self, journey: Journey) -> dict[str, Content]:
        kept_from = journey.from_generation if journey.back_to is None else journey.back_to
        return load_contents(self._generations.folder(kept_from)) if kept_from is not None else {}

    def _install(self, folders: GenerationFolders, number: int, fill: Callable[[Path], None]) -> None:
        slots = folders.slots(number)
        if _is_sound(slots):
            return
        discard(slots)
        part = slots.with_name("slot.part")
        discard(part)
        part.mkdir(mode=0o700, parents=True)
        fill(part)
        check_slot(part)
        sync_tree(part)
        part.rename(slots)
        sync_folder(slots.parent)
        sync_folder(folders.root)

    def _fill(self, slot: Path, journey: Journey) -> None:
        """The complete slot: what the release brings, and beside it what stays."""
        kept_from = journey.from_generation if journey.back_to is None else journey.back_to
        if journey.repair:
            self._again(journey, slot)
        elif journey.back_to is None:
            self._unpack([part for part in journey.parts if part.type != AGENT], slot)
        for folder in sorted(self._generations.slots(kept_from).iterdir()) if kept_from is not None else ():
            if not (slot / folder.name).exists():
                shutil.copytree(folder, slot / folder.name)
        _check_requirements(check_slot(slot))

    def _again(self, journey: Journey, slot: Path) -> None:
        """Each damaged component as it was: from its signed file where that lies here, else from another generation."""
        known = self._known(journey)
        others = [n for n in self._generations.numbers() if n not in {journey.from_generation, journey.to_generation}]
        for part in journey.parts:
            content = known.get(part.component)
            try:
                self._unpack([part], slot)
            except FileNotFoundError:
                source = spare(self._generations, others, content) if content is not None else None
                if source is None:
                    raise StepFailed(f"{part.component} {part.version} is nowhere here") from None
                shutil.copytree(source, slot / part.component)
            if content is None or digest_of(slot / part.component) != content.manifest:
                raise StepFailed(f"{part.component} {part.version} is not what was installed")

    def _unpack(self, parts: list[ReleaseComponent], slot: Path) -> None:
        for part in parts:
            with self._bundle(part).open("rb") as stream:
                unpack(stream, slot / part.component)


def _is_sound(slots: Path) -> bool:
    try:
        check_slot(slots)
    except SlotDamaged:
        return False
    return True


def _check_requirements(slot: dict[str, Manifest]) -> None:
    installed = {name: Installed(manifest.type, manifest.version) for name, manifest in slot.items()}
    for manifest in slot.values():
        for requirement in unmet(manifest, installed):
            raise StepFailed(f"{manifest.component} needs {requirement.component} {requirement.versions}".rstrip())
    if TILL not in slot:
        raise StepFailed("the slot has no till")
