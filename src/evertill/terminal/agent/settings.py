"""What is particular about this very terminal and is nobody's policy: its sensors, which modems cost money, how slow it may be."""

from pathlib import Path
from typing import Literal

import msgspec

from evertill.protocol.provision import Provision, is_loopback
from evertill.terminal.agent.care.hanging import PATIENCE_S
from evertill.terminal.agent.preflight.real import RealSources
from evertill.terminal.agent.preflight.simulated import SimulatedSources
from evertill.terminal.agent.preflight.sources import Sources
from evertill.terminal.agent.records import Record


class Settings(msgspec.Struct, frozen=True):
    """`sources`: the real machine, or the scene in `state/scene.json`."""

    sources: Literal["real", "simulated"] = "real"
    cellular_interfaces: tuple[str, ...] = ()  # modems that look like network cards
    till_patience_s: float = PATIENCE_S  # a till silent for so long hangs


def load_settings(state: Path) -> Settings:
    """Raises TerminalRefused STATE_DAMAGED."""
    return Record(state / "settings.json", Settings).load() or Settings()


def save_settings(state: Path, settings: Settings) -> None:
    Record(state / "settings.json", Settings).save(settings)


def sources_of(settings: Settings, state: Path, provision: Provision) -> Sources:
    if settings.sources == "simulated":
        return SimulatedSources(state / "scene.json")
    local = is_loopback(provision.host)
    return RealSources(cellular_interfaces=settings.cellular_interfaces, local=local)
