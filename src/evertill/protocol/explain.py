"""The explanation every door prints: a headline and 原因 / 您可以 / 下次, from reasons and the time of the next try.

Rules kept here: of several reasons the headline is the one that makes the others pointless, else the one a person can clear first;
the others stand below it by name; "next" is a moment in the terminal's zone, or the person it waits for; it is never empty and
never a guess. Server doors and the terminal render the same structure. Not here: colours and boxes (look.md), and deciding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from evertill.protocol.phrases import moment, zone_name
from evertill.protocol.reasons import Glyph, meaning, render
from evertill.protocol.reasons.deciding import FINAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from evertill.protocol.errors import Language
    from evertill.protocol.reasons import Clears, Reason

_LABELS: Final = {"zh": ("原因", "您可以", "下次"), "en": ("Why", "What to do", "Next try")}

# Whom a person can do something about first: themselves, then somebody they can call, then only time.
_FIRST: Final[tuple[Clears, ...]] = ("merchant", "support", "operator", "nobody", "time")

_WAITS_FOR: Final[dict[Clears, tuple[str, str]]] = {
    "merchant": ("您处理以后", "Once you have done that"),
    "support": ("客服处理以后", "Once support has dealt with it"),
    "operator": ("收单机构处理以后", "Once your acquirer has dealt with it"),
    "nobody": ("这个版本不再安装", "This version is not installed any more"),
    "time": ("条件满足后自动继续", "It goes on by itself once that is so"),
}
_NOTHING_HOLDS: Final = {
    "zh": ("可以安装", "没有什么拦着它", "不用做什么", "现在"),
    "en": ("Ready to install", "Nothing holds it back", "Nothing to do", "Now"),
}


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact, and one line below it."""

    label: str
    fact: str
    detail: str = ""


class Explanation(msgspec.Struct, frozen=True):
    state: Glyph
    head: str
    why: Row
    can: Row
    next: Row
    codes: list[str] = []

    def as_text(self) -> str:
        """For a command line."""
        rows = (
            f"{row.label}: {row.fact}" + (f" ({row.detail})" if row.detail else "")
            for row in (self.why, self.can, self.next)
        )
        return "\n".join((self.head, *rows, *self.codes))


def explain(
    reasons: Sequence[Reason], next_try_at: datetime | None, language: Language, zone: ZoneInfo, now: datetime
) -> Explanation:
    """The explanation of these reasons; without any, of nothing holding."""
    why, can, following = _LABELS[language]
    if not reasons:
        head, fact, todo, at_once = _NOTHING_HOLDS[language]
        return Explanation("move", head, Row(why, fact), Row(can, todo), Row(following, at_once))
    first = headline(reasons)
    words = render(first, language, zone, now)
    others = [render(reason, language, zone, now).head for reason in reasons if reason is not first]
    return Explanation(
        meaning(first).glyph,
        words.head,
        Row(why, words.why, _also(others, language)),
        Row(can, words.can),
        _next(following, first, next_try_at, language, zone, now),
        [reason.code for reason in reasons],
    )


def headline(reasons: Sequence[Reason]) -> Reason:
    """The reason a screen leads with."""
    return min(reasons, key=lambda reason: (reason.code not in FINAL, _FIRST.index(meaning(reason).clears)))


def _also(heads: Sequence[str], language: Language) -> str:
    if not heads:
        return ""
    return f"另外：{'、'.join(heads)}" if language == "zh" else f"Also: {'; '.join(heads)}"


def _next(
    label: str, first: Reason, next_try_at: datetime | None, language: Language, zone: ZoneInfo, now: datetime
) -> Row:
    if next_try_at is None:
        return Row(label, _WAITS_FOR[meaning(first).clears][language == "en"])
    return Row(label, moment(next_try_at, language, zone, now), zone_name(zone, language))
