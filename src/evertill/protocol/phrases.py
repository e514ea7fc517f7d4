"""Facts in words: fills a sentence's placeholders with days, times, sizes and lists, in 中文 or English, in the terminal's zone.

Rules kept here: times are the terminal's wall clock; near days read 今天 or "tomorrow" only when the reader's `now` is known,
otherwise every date carries its year; what is missing reads "unknown", never a dash; text from outside is shown short and
without control characters. A sentence names the kind of a fact after a colon: `{until:moment}`, `{need_bytes:size}`.
Not here: the sentences (`reasons`) and the zone's name, which a page shows once (`zone_name`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from string import Formatter
from typing import TYPE_CHECKING, Any, Final

from evertill.protocol.policy_words import label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from evertill.protocol.errors import Language

SHOWN_CHARACTERS: Final = 160
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_SPACE_INSIDE: Final = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")
_NEAR_DAYS: Final[Mapping[int, tuple[str, str]]] = {
    -1: ("昨天", "yesterday"),
    0: ("今天", "today"),
    1: ("明天", "tomorrow"),
}
# One wall clock for the whole country, by law; other zones are named by their place.
_ZONE_NAMES: Final[Mapping[str, tuple[str, str]]] = {"Asia/Shanghai": ("北京时间", "Beijing time")}


def fill(
    sentence: str, params: Mapping[str, object], language: Language, zone: ZoneInfo, now: datetime | None = None
) -> str:
    filled = _Filler(language, zone, now).vformat(sentence, (), params)
    # A space stands between 中文 and figures, not between 中文 and 中文 (look.md, "Writing").
    return _SPACE_INSIDE.sub("", filled) if language == "zh" else filled


def placeholders(sentence: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(sentence) if name is not None)


def zone_name(zone: ZoneInfo, language: Language) -> str:
    names = _ZONE_NAMES.get(zone.key)
    return names[language == "en"] if names else zone.key


def day(value: datetime | date, language: Language, zone: ZoneInfo, now: datetime | None = None) -> str:
    """12月12日, 今天, 2027年2月3日: the year only where the reader could take it for another."""
    local = value.astimezone(zone).date() if isinstance(value, datetime) else value
    today = now.astimezone(zone).date() if now else None
    if today and (near := _NEAR_DAYS.get((local - today).days)):
        return near[language == "en"]
    with_year = today is None or today.year != local.year
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日" if with_year else f"{local.month}月{local.day}日"
    return f"{local.day} {_MONTHS[local.month - 1]}" + (f" {local.year}" if with_year else "")


def moment(value: datetime, language: Language, zone: ZoneInfo, now: datetime | None = None) -> str:
    """Day and wall clock, rounded up to the minute: "from 03:24" is never told a second early."""
    local = (value.astimezone(UTC) + timedelta(seconds=59)).astimezone(zone)
    return f"{day(local, language, zone, now)}{' ' if language == 'zh' else ', '}{local:%H:%M}"


def size(value_bytes: int) -> str:
    """18.4 MB: decimal units, as on the packaging of memory cards."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if value_bytes >= factor:
            return f"{value_bytes / factor:.1f} {unit}"
    return f"{value_bytes} B"


def listed(values: Sequence[str], language: Language) -> str:
    if language == "zh":
        return "、".join(map(shown, values))
    *rest, last = map(shown, values)
    return f"{', '.join(rest)} and {last}" if rest else last


def shown(value: object) -> str:
    """Foreign text made safe for a screen or a log."""
    text = str(value)
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


@dataclass(frozen=True, slots=True)
class _Filler(Formatter):
    language: Language
    zone: ZoneInfo
    now: datetime | None

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:  # noqa: ARG002 - Formatter's signature
        return kwargs.get(str(key))

    def format_field(self, value: Any, format_spec: str) -> str:
        """A value of the wrong kind (the other side is another version) is shown as it came, not refused."""
        match format_spec, value:
            case (_, None | [] | ""):
                return "未知" if self.language == "zh" else "unknown"
            case "size", int():
                return size(value)
            case "list", list():
                return listed(value, self.language)
            case "field", str():
                return shown(label(value, self.language))
            case "day" | "moment", str():
                return self._dated(value, format_spec)
        return shown(value)

    def _dated(self, text: str, spec: str) -> str:
        try:
            value = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
        except ValueError:
            return shown(text)
        if isinstance(value, datetime) and value.tzinfo is None:
            return shown(text)
        if spec == "moment" and isinstance(value, datetime):
            return moment(value, self.language, self.zone, self.now)
        return day(value, self.language, self.zone, self.now)
