"""Settling by itself before an update, at the minute the merchant set (policy `settle_before_install`): once a day, and only then.

The till decides whether it can: a sale in progress refuses, and the next look asks again within the hour. Without a minute
set, nothing is ever settled for anybody.
"""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from evertill.protocol.reasons import Reason
from evertill.terminal.till_client import Till, TillRefused, TillSilent

TRIES_FOR: Final = timedelta(hours=1)


class Settling:
    def __init__(self, till: Till, zone: ZoneInfo) -> None:
        self._till = till
        self._zone = zone

    def settle_if_due(self, minute: int | None, held: tuple[Reason, ...], now: datetime) -> bool:
        """Settle when the merchant's minute has come and only the open batch stands in the way; True = it was settled."""
        if minute is None or {reason.code for reason in held} != {"TILL_BATCH_UNSETTLED"}:
            return False
        local = now.astimezone(self._zone)
        due = datetime.combine(local.date(), time(minute // 60, minute % 60), self._zone)
        if not timedelta(0) <= local - due < TRIES_FOR:
            return False
        try:
            return self._till.settle() is not None
        except (TillSilent, TillRefused):
            return False
