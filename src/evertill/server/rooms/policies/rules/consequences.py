"""What switching automatic updates off means for one terminal: open security holes, what it goes without, and the real dates.

Rules kept here: every line comes from this terminal's own releases and policy, as `decide` would treat them under "never"; a hole
whose closing nobody can date stays open, and says so; what a critical date installs is the security-only build of the terminal's
own version where one exists, else what comes along is named. Not here: the sentences of the page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evertill.protocol.policy import Mode
from evertill.protocol.versions import Relation, relation
from evertill.server.rooms.policies.rules.builds import is_security_only, security_build
from evertill.server.rooms.policies.rules.decide import decide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from evertill.server.rooms.policies.rules.inputs import Inputs, ReleaseFacts


@dataclass(frozen=True, slots=True)
class Hole:
    """One security release that would not install by itself any more.

    `closes_at`: when its date installs it all the same; None: it stays open until a person installs it. `brings`: the releases
    whose features come along then, none with a security-only build.
    """

    release: int
    version: str
    required_at: datetime | None
    closes_at: datetime | None
    days_open: int | None
    brings: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Missed:
    """One release without security in it that the terminal goes without."""

    release: int
    version: str


@dataclass(frozen=True, slots=True)
class Consequences:
    holes: tuple[Hole, ...]
    missed: tuple[Missed, ...]

    @property
    def next_install_at(self) -> datetime | None:
        """The first date on which something still installs by itself."""
        return min((hole.closes_at for hole in self.holes if hole.closes_at is not None), default=None)


def consequences_of_never(offered: Sequence[Inputs]) -> Consequences:
    """`offered`: the inputs of every release this terminal does not run and could get, all at one `now`."""
    fitting = [inputs for inputs in map(_never, offered) if _fits(inputs)]
    dated = [inputs for inputs in fitting if inputs.release.dated]
    others = [inputs for inputs in fitting if not inputs.release.dated]
    offered_releases = [inputs.release for inputs in dated]
    return Consequences(
        holes=tuple(
            _hole(inputs, others)
            for inputs in dated
            if security_build(inputs.release, inputs.terminal, offered_releases) is None
        ),
        missed=tuple(Missed(inputs.release.id, inputs.release.version) for inputs in others),
    )


def _never(inputs: Inputs) -> Inputs:
    # Without a person, a consent or an order by staff: the page tells what happens by itself.
    policy = replace(inputs.policy, mode=Mode.NEVER)
    return replace(inputs, policy=policy, presence=None, consented=False, postponement=None, forked=None)


def _fits(inputs: Inputs) -> bool:
    return not any(outcome.holds for outcome in decide(inputs).outcomes if outcome.number == 1)


def _hole(inputs: Inputs, others: Sequence[Inputs]) -> Hole:
    release = inputs.release
    closes_at = decide(inputs).next_try_at
    return Hole(
        release=release.id,
        version=release.version,
        required_at=release.required_at,
        closes_at=closes_at,
        days_open=None if closes_at is None else -((inputs.now - closes_at).days),
        brings=() if closes_at is None or is_security_only(release, inputs.terminal) else _brings(release, others),
    )


def _brings(release: ReleaseFacts, others: Sequence[Inputs]) -> tuple[int, ...]:
    return tuple(other.release.id for other in others if _contains(release, other.release))


def _contains(release: ReleaseFacts, other: ReleaseFacts) -> bool:
    """Whether installing one installs the other's features: each of its components, as new or newer."""
    pairs = [(release.components.get(name), component) for name, component in other.components.items()]
    return all(
        mine is not None and relation(mine.type, mine.version, theirs.version) in {Relation.SAME, Relation.NEWER}
        for mine, theirs in pairs
    )
