"""What a feature may bring along. Features are folders that `edition.py` names; a version without one does not contain
it.

The core knows features only by this shape, so it can be staged with any set of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import TYPE_CHECKING

from till.checks import Check
from till.pages.markup import Markup
from till.texts import Say

if TYPE_CHECKING:
    from till.journal.receipts import Receipt
    from till.pages.page import Page
    from till.pages.reasons import Words
    from till.pages.visit import Visit


@dataclass(frozen=True)
class Line:
    """One more line on a receipt or among the totals."""

    label: str
    fen: int


@dataclass(frozen=True)
class Entry:
    """One more row of the menu."""

    page: str
    icon: str
    text: Callable[[Say], str]
    supervisor: bool = False


@dataclass(frozen=True)
class Feature:
    """Everything one feature adds; what it leaves out it does not touch."""

    name: str
    checks: tuple[Check, ...] = ()
    pages: Mapping[str, "Page"] = field(default_factory=dict)
    words: Mapping[str, "Words"] = field(default_factory=dict)
    menu: tuple[Entry, ...] = ()
    tender_link: Callable[["Visit"], Markup] = lambda _visit: Markup()
    receipt_lines: Callable[[Connection, Say, int], list[Line]] = lambda _db, _say, _sale_id: []
    receipt_action: Callable[["Visit", "Receipt"], Markup] = lambda _visit, _receipt: Markup()
    day_lines: Callable[[Connection, Say, str], list[Line]] = lambda _db, _say, _day: []
