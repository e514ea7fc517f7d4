"""hawkBit's maintenance window takes the window's place, for whoever it was assigned to."""

from dataclasses import dataclass
from datetime import datetime

from evertill.protocol.policy import Mode
from evertill.protocol.windows import Span, Window
from evertill.server.rooms.policies.rules import decide
from evertill.server.rooms.policies.rules.inputs import ActionFacts
from tests.server.policies.rules.making import NOON, codes, held, inputs, local, policy


@dataclass(frozen=True)
class Once:
    opens_at: datetime
    closes_at: datetime

    def span(self, now: datetime) -> Span | None:
        return Span(self.opens_at, self.closes_at) if now < self.closes_at else None


AFTERNOON = ActionFacts(maintenance=Once(local(20, "14:00"), local(20, "15:00")))


def test_before_it_the_action_waits_for_it_and_not_for_the_night() -> None:
    decision = decide(inputs(NOON, action=AFTERNOON))
    assert codes(decision) == ["MAINTENANCE_CLOSED"]
    assert decision.next_try_at == local(20, "14:00")


def test_inside_it_installs_outside_the_window() -> None:
    decision = decide(inputs(local(20, "14:30"), action=AFTERNOON))
    assert decision.install
    assert decision.review_at == local(20, "15:00")


def test_it_replaces_the_window_and_nothing_else() -> None:
    assert held(local(20, "14:30"), action=AFTERNOON, policy=policy(mode=Mode.NEVER)) == ["MODE_NEVER"]


def test_stored_opening_hours_stay_a_bound_even_there() -> None:
    hours = policy(opening_hours=Window.parse("09:00-22:00"))
    assert held(local(20, "14:30"), action=AFTERNOON, policy=hours) == ["SHOP_OPEN"]
