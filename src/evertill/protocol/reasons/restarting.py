"""Why a terminal, its till or its settings cannot be started again by hand just now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evertill.protocol.reasons.meaning import Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

RESTARTING: Final[Mapping[str, Meaning]] = {
    "UPDATE_RUNNING": Meaning(
        "move",
        "time",
        False,
        ("正在升级", "An update is under way"),
        ("升级正在进行，这时不能重启或重置", "An update is under way; nothing is restarted or reset meanwhile"),
        ("不用守着，等它结束再来", "No need to wait here; come back when it has ended"),
    ),
    "RESET_UNSETTLED": Meaning(
        "wait",
        "merchant",
        False,
        ("等待结算", "Waiting for settlement"),
        ("有 {count} 笔交易还没结算，结算前不重置", "{count} sales are not settled; nothing is reset before"),
        ("先结算，再来重置；重启不用等", "Settle first, then reset; restarting need not wait"),
    ),
}
