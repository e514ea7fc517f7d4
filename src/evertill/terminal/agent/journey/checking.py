"""Step *checking*: nothing is opened before the trust client vouched for it; then each bundle's own words are read.

The bundle must be the component its signed description names; whether the till's batch must be empty is the bundle's to say. Going back opens no
bundle: the slot that comes back must be as it was installed. Neither does a repair: what it brings must have the very manifest that was
installed before (`installing.py`), and nothing of it asks for an empty batch.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from evertill.protocol.archive import Bundle
from evertill.protocol.manifest import Manifest
from evertill.protocol.release import ReleaseComponent
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.agent.journey.step import Done, NotYet, Question, StepFailed
from evertill.terminal.generations.folders import GenerationFolders
from evertill.terminal.generations.slot import check_slot


class Checking:
    def __init__(
        self, generations: GenerationFolders, trusted: Question, bundle: Callable[[ReleaseComponent], Path]
    ) -> None:
        self._generations = generations
        self._trusted = trusted
        self._bundle = bundle

    def run(self, journey: Journey, now: datetime) -> Done | NotYet:
        held = self._trusted(journey, now)
        if held:
            return held
        if journey.repair:
            return Done(msgspec.structs.replace(journey, needs_empty_batch=False))
        if journey.back_to is None:
            manifests = [self._manifest(part) for part in journey.parts]
        else:
            manifests = [*check_slot(self._generations.slots(journey.back_to)).values()]
        needs_empty_batch = any(manifest.needs_empty_batch for manifest in manifests)
        return Done(msgspec.structs.replace(journey, needs_empty_batch=needs_empty_batch))

    def _manifest(self, part: ReleaseComponent) -> Manifest:
        with self._bundle(part).open("rb") as stream:
            manifest = Bundle(stream).manifest
        if (manifest.component, manifest.version, manifest.type) != (part.component, part.version, part.type):
            raise StepFailed(f"{part.component} {part.version} is in truth {manifest.component} {manifest.version}")
        return manifest
