"""Texts in 中文 and English. The English text is the key; the Chinese one comes from the gettext catalogue `terminal/locale`.

Rules kept here: a text without a translation is a bug that a test finds; moments are told in the terminal's own zone, near days as
今天 or "tomorrow". Not here: the sentences of reasons and refusals, which both sides share (`protocol.reasons`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from evertill.protocol import phrases
from evertill.protocol.errors import Language

CATALOGUE: Final = Path(__file__).parent.parent / "locale" / "zh_Hans.mo"
TAGS: Final[dict[Language, str]] = {"zh": "zh-Hans", "en": "en"}
_MORNING: Final = range(4, 10)


@dataclass(frozen=True)
class Say:
    """One language, one zone, one moment; `say("{n} sales", n=3)`."""

    language: Language
    zone: ZoneInfo
    now: datetime

    def __call__(self, text: str, **facts: object) -> str:
        catalogue = NullTranslations() if self.language == "en" else _chinese()
        return phrases.fill(catalogue.gettext(text), facts, self.language, self.zone, self.now)

    @property
    def tag(self) -> str:
        return TAGS[self.language]

    @property
    def zone_name(self) -> str:
        return phrases.zone_name(self.zone, self.language)

    def day(self, moment: datetime) -> str:
        return phrases.day(moment, self.language, self.zone, self.now)

    def moment(self, moment: datetime) -> str:
        """When something happened: to the minute, rounded down."""
        return phrases.moment(moment - timedelta(seconds=59), self.language, self.zone, self.now)

    def start(self, moment: datetime) -> str:
        """From when something can happen: never told a second early."""
        return phrases.moment(moment, self.language, self.zone, self.now)

    def time(self, moment: datetime) -> str:
        """When something happened, as short as can be: the wall clock today, else the day with it."""
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone).date()
        return f"{local:%H:%M}" if local.date() == today else self.moment(moment)

    def clock(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%H:%M:%S}"

    def size(self, size_bytes: int) -> str:
        if not size_bytes:
            return self("0 bytes")
        return phrases.size(size_bytes)

    def person(self, name: str) -> str:
        """The one every terminal starts with has a name in both languages."""
        return self("owner") if name == "owner" else name

    def pick(self, texts: dict[str, str]) -> str:
        """The signed text in this language, else in any."""
        wanted = ("zh-Hans", "zh", "zh-CN") if self.language == "zh" else ("en", "en-US")
        found = next((texts[tag] for tag in wanted if tag in texts), None)
        return found if found is not None else next(iter(texts.values()), "")


@cache
def _chinese() -> GNUTranslations:
    with CATALOGUE.open("rb") as stream:
        return GNUTranslations(stream)
