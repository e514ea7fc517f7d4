"""What may stand below what in the tree, and which names and zones are allowed."""

from __future__ import annotations

import re
from enum import StrEnum
from zoneinfo import available_timezones

DEFAULT_TIME_ZONE = "Asia/Shanghai"
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class Kind(StrEnum):
    OPERATOR = "operator"
    AGENT = "agent"
    MERCHANT = "merchant"
    STORE = "store"


# An agent may stand below an agent (agents have sub-agents); a small merchant may have its terminals without a store.
PARENTS: dict[Kind, frozenset[Kind]] = {
    Kind.OPERATOR: frozenset(),
    Kind.AGENT: frozenset({Kind.OPERATOR, Kind.AGENT}),
    Kind.MERCHANT: frozenset({Kind.OPERATOR, Kind.AGENT}),
    Kind.STORE: frozenset({Kind.MERCHANT}),
}


def may_stand_below(kind: Kind, parent: Kind) -> bool:
    return parent in PARENTS[kind]


def is_slug(text: str) -> bool:
    return SLUG.fullmatch(text) is not None


def is_time_zone(text: str) -> bool:
    return text in available_timezones()
