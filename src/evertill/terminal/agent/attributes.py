"""What the terminal says about itself (configData): the versions that really run, read from the running generation."""

from collections.abc import Callable

from evertill.protocol.ddi import MAX_ATTRIBUTE_VALUE_CHARS
from evertill.protocol.provision import Provision
from evertill.terminal.agent.place import Place
from evertill.terminal.agent.restarting import LAST


class Attributes:
    def __init__(
        self,
        provision: Provision,
        place: Place,
        policy_revision: Callable[[], int],
        troubles: Callable[[], list[str]],
        restarted: Callable[[], str],
    ) -> None:
        """`troubles`: the codes of what is wrong with the till here; `restarted`: the latest restart or reset by hand."""
        self._provision = provision
        self._place = place
        self._policy_revision = policy_revision
        self._troubles = troubles
        self._restarted = restarted

    def __call__(self) -> dict[str, str]:
        """Only a committed generation counts: what is still on trial was not installed."""
        generations = self._place.generations
        current = generations.current()
        number = current if current is not None and generations.is_committed(current) else 0
        found = {
            **{f"component.{name}": version for name, version in self._place.installed().items()},
            "generation": str(number),
            "slot": "BA"[number % 2] if number else "",
            "hardware.model": self._provision.model,
            "hardware.revision": self._provision.hardware_revision,
            "time_zone": self._provision.time_zone,
            "policy.revision": str(self._policy_revision()),
            "till.trouble": " ".join(self._troubles()),
            LAST: self._restarted(),
        }
        return {name: value[:MAX_ATTRIBUTE_VALUE_CHARS] for name, value in found.items()}
