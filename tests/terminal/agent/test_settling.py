"""Settling by itself before an update: at the merchant's minute, and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.settling import TRIES_FOR, Settling
from evertill.terminal.till_client import Till, TillSilent

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE = 2 * 60 + 30
DUE = datetime(2026, 11, 20, 2, 30, tzinfo=ZONE).astimezone(UTC)
BATCH = (Reason.of("TILL_BATCH_UNSETTLED", count=17),)


class TillOnTheCounter:
    """Counts how often it was asked to settle."""

    def __init__(self, *, answers: bool = True) -> None:
        self.settled, self._answers = 0, answers

    def settle(self) -> dict[str, Any]:
        if not self._answers:
            raise TillSilent("no answer")
        self.settled += 1
        return {"sale_count": 17}


def settling(till: TillOnTheCounter) -> Settling:
    return Settling(cast("Till", till), ZONE)


def test_batch_is_settled_at_the_merchants_minute_in_the_terminals_zone() -> None:
    till = TillOnTheCounter()
    assert settling(till).settle_if_due(MINUTE, BATCH, DUE)
    assert till.settled == 1


@pytest.mark.parametrize("away", [timedelta(seconds=-1), TRIES_FOR, timedelta(hours=12)])
def test_nothing_is_settled_at_any_other_time(away: timedelta) -> None:
    till = TillOnTheCounter()
    assert not settling(till).settle_if_due(MINUTE, BATCH, DUE + away)
    assert till.settled == 0


def test_nothing_is_settled_for_a_merchant_who_set_no_minute() -> None:
    till = TillOnTheCounter()
    assert not settling(till).settle_if_due(None, BATCH, DUE)
    assert till.settled == 0


@pytest.mark.parametrize("held", [(), (Reason.of("TILL_SALE"),), (*BATCH, Reason.of("TILL_SALE"))])
def test_nothing_is_settled_while_something_else_holds_the_update(held: tuple[Reason, ...]) -> None:
    till = TillOnTheCounter()
    assert not settling(till).settle_if_due(MINUTE, held, DUE)
    assert till.settled == 0


def test_till_that_does_not_answer_is_asked_again_within_the_hour() -> None:
    silent, till = TillOnTheCounter(answers=False), TillOnTheCounter()
    assert not settling(silent).settle_if_due(MINUTE, BATCH, DUE)
    assert settling(till).settle_if_due(MINUTE, BATCH, DUE + TRIES_FOR - timedelta(seconds=1))
