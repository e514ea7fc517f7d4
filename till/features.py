"""What a feature may bring along. Features are folders that `edition.py` names; a version without one does not contain
it.

The core knows features only by this shape, so it can be staged with any set of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sqlite3 import Connection
from typing import TYPE_CHECKING

from till.checks import Check
from till.texts import Say

if TYPE_CHECKING:
    from till.pages.markup import Markup
    from till.pages.page import Page
    from till.pages.reasons import Words
    from till.pages.visit import Visit


@dataclass(frozen=True)
class Line:
    """One more line on a receipt or among the totals."""

    label: str
    fen: int


@dataclass(frozen=True)
class Feature:
    """Everything one feature adds."""

    name: str
    checks: tuple[Check, ...]
    pages: Mapping[str, "Page"]
    words: Mapping[str, "Words"]
    tender_link: Callable[["Visit"], "Markup"]
    receipt_lines: Callable[[Connection, Say, int], list[Line]]
    day_lines: Callable[[Connection, Say, str], list[Line]]
