"""Texts in 中文 and English. The English text is the key; the Chinese one comes from a gettext catalogue beside this
file.

Catalogues (`locale/zh_Hans.mo`) are compiled from the .po files when a version is staged.
"""

from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

LANGUAGES = {"zh": "zh-Hans", "en": "en"}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Say:
    """One language; `say("{n} sales", n=3)`."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "zh"
        self._catalogue = NullTranslations() if self.language == "en" else _chinese()

    def __call__(self, text: str, **facts: object) -> str:
        """The text in this language, with its facts filled in."""
        return self._catalogue.gettext(text).format(**facts)

    @property
    def tag(self) -> str:
        """The language as HTML writes it."""
        return LANGUAGES[self.language]

    def day(self, moment: datetime) -> str:
        """11月20日 or 20 Nov, in the process's zone."""
        local = moment.astimezone()
        return f"{local.day} {MONTHS[local.month - 1]}" if self.language == "en" else f"{local.month}月{local.day}日"

    @staticmethod
    def clock(moment: datetime) -> str:
        """18:03, in the process's zone."""
        return moment.astimezone().strftime("%H:%M")

    @staticmethod
    def moment(moment: datetime) -> str:
        """2026-11-20 18:03:22 UTC+08:00, as a receipt needs it."""
        local = moment.astimezone()
        offset = local.isoformat()[-6:]  # "+08:00"; zone names are ambiguous (CST)
        return f"{local:%Y-%m-%d %H:%M:%S} UTC{offset}"


@cache
def _chinese() -> GNUTranslations:
    with (Path(__file__).parent / "locale" / "zh_Hans.mo").open("rb") as stream:
        return GNUTranslations(stream)
