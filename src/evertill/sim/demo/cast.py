"""Who is in the demo: a small tree of plainly invented shops, four real terminals and nine virtual ones. Data only.

The serials of the real terminals are chosen: hash(serial, rollout) then puts the first one into the first group of each rollout, so that the story can be
told in the order of its chapters. If it did not, the observer would see another story and say so.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Organisation(NamedTuple):
    path: str
    kind: str
    zh: str
    en: str


class Till(NamedTuple):
    """A terminal: real ones run the product's own agent, virtual ones only talk."""

    serial: str
    node: str
    name: str


OPERATOR: Final = "DEMO"
OPERATOR_NAMES: Final = ("演示收单机构", "Demo Acquirer")
MODEL: Final = "demo-till"
VIRTUAL_MODEL: Final = "demo-virtual"
HARDWARE: Final = "A"

TREE: Final = (
    Organisation("DEMO/east", "agent", "演示东区代理", "Demo East Agency"),
    Organisation("DEMO/east/tea", "merchant", "演示茶饮", "Demo Tea"),
    Organisation("DEMO/east/noodles", "merchant", "演示面馆", "Demo Noodles"),
    Organisation("DEMO/east/books", "merchant", "演示书店", "Demo Books"),
    Organisation("DEMO/east/tea/riverside", "store", "江边店", "Riverside"),
    Organisation("DEMO/east/tea/station", "store", "车站店", "Station"),
    Organisation("DEMO/east/noodles/market", "store", "市场店", "Market"),
    Organisation("DEMO/east/noodles/evening", "store", "夜市店", "Evening"),
    Organisation("DEMO/east/books/north", "store", "城北店", "North"),
    Organisation("DEMO/east/books/south", "store", "城南店", "South"),
    Organisation("DEMO/east/books/west", "store", "城西店", "West"),
)

AUTOMATIC: Final = Till("DEMO-1022", "DEMO/east/tea/riverside", "演示 1 自动 · Automatic")
UNSETTLED: Final = Till("DEMO-1006", "DEMO/east/tea/station", "演示 2 未结算 · Unsettled")
OFF: Final = Till("DEMO-1008", "DEMO/east/noodles/market", "演示 3 永不 · Never")
EVENING: Final = Till("DEMO-1009", "DEMO/east/noodles/evening", "演示 4 夜里关机 · Off at night")
REAL: Final = (AUTOMATIC, UNSETTLED, OFF, EVENING)

VIRTUAL: Final = tuple(
    Till(f"DEMO-V{shop}{number}", f"DEMO/east/books/{slug}", "演示 虚拟 · Virtual")
    for shop, slug in enumerate(("north", "south", "west"), start=1)
    for number in (1, 2, 3)
)

# Offered the second bad build after the first terminal, in the second group: it must never reach them.
BEHIND_BAD: Final = (UNSETTLED.serial, EVENING.serial, VIRTUAL[0].serial, VIRTUAL[1].serial)

# The owners of the two merchants whose tills are real.
OWNERS: Final = {"demo-tea-owner": "DEMO/east/tea", "demo-noodles-owner": "DEMO/east/noodles"}
ADMIN: Final = "demo-admin"
