"""Why something is not happening: one table from reason code to words, to whom it clears, and to whether time alone clears it.

Rules kept here: every door prints these sentences and no others, so a merchant and an operator read the same thing; codes are
for ever, sentences are free; each sentence is true as it stands ("what is so", then "what you can do"). A code this version
does not know (the other side is one version ahead) still renders, with its code. Moments travel as ISO 8601 in UTC.
Not here: which reason applies (the rules decide) and how a page is laid out (`explain`, look.md).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

from evertill.protocol.phrases import fill, placeholders
from evertill.protocol.reasons.breakage import BREAKAGE
from evertill.protocol.reasons.deciding import DECIDING
from evertill.protocol.reasons.meaning import CALL_SUPPORT, Clears, Glyph, Meaning
from evertill.protocol.reasons.restarting import RESTARTING
from evertill.protocol.reasons.switching import SWITCHING
from evertill.protocol.reasons.terminal import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from evertill.protocol.errors import Language

__all__ = ["TABLE", "Clears", "Glyph", "Meaning", "Param", "Reason", "Words", "meaning", "render"]

# Bounds, because reasons also come from devices.
_Text = Annotated[str, msgspec.Meta(max_length=256)]
Param = (
    Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)] | _Text | Annotated[list[_Text], msgspec.Meta(max_length=32)]
)


_UNKNOWN: Final = Meaning(
    "mute",
    "support",
    False,
    ("原因 {code}", "Reason {code}"),
    ("原因代码是 {code}，这个版本还没有它的说明", "The reason code is {code}; this version has no words for it yet"),
    CALL_SUPPORT,
)

TABLE: Final[Mapping[str, Meaning]] = MappingProxyType({**DECIDING, **TERMINAL, **BREAKAGE, **SWITCHING, **RESTARTING})


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
    params: Annotated[dict[str, Param], msgspec.Meta(max_length=16)] = {}

    @classmethod
    def of(cls, code: str, **params: Param | datetime | date) -> Reason:
        """A reason of this table. KeyError or TypeError when the code or its parameters are not the table's: a bug of the caller."""
        wanted = params_of(code)
        if params.keys() != wanted:
            raise TypeError(f"{code} takes {sorted(wanted)}, not {sorted(params)}")
        return cls(code, {name: _wire(value) for name, value in params.items()})


class Words(NamedTuple):
    head: str
    why: str
    can: str


@cache
def params_of(code: str) -> frozenset[str]:
    """Which parameters the sentences of a code name. KeyError for a code without a row."""
    row = TABLE[code]
    return frozenset().union(*map(placeholders, (*row.head, *row.why, *row.can)))


def meaning(reason: Reason) -> Meaning:
    """The table's row, or the one for a code of a later version."""
    return TABLE.get(reason.code, _UNKNOWN)


def render(reason: Reason, language: Language, zone: ZoneInfo, now: datetime | None = None) -> Words:
    """The sentences of this reason; with `now`, near days read "today" and "tomorrow", without it each date shows its year."""
    params: dict[str, Param] = {"code": reason.code, **reason.params}
    row, side = meaning(reason), 0 if language == "zh" else 1
    head, why, can = (fill(pair[side], params, language, zone, now) for pair in (row.head, row.why, row.can))
    return Words(head, why, can)


def _wire(value: Param | datetime | date) -> Param:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
