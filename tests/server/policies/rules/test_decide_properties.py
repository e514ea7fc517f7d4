"""What is true of every decision, whatever the inputs."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from evertill.protocol.policy import Mode
from evertill.server.rooms.policies.rules import Inputs, decide
from evertill.server.rooms.policies.rules.decision import Licence
from evertill.server.rooms.policies.rules.inputs import StoreTurn
from evertill.server.rooms.policies.rules.licences import deadline_of, terms
from tests.server.policies.rules.strategies import (
    HOLDS,
    Hold,
    all_inputs,
    cancelled,
    frozen_today,
    retired,
    withdrawn,
)

fractions = st.floats(0, 1, exclude_max=True)


def between(first: datetime, last: datetime, fraction: float) -> datetime:
    """A whole second before `last`."""
    return first + timedelta(seconds=int((last - first).total_seconds() * fraction))


def licences_on(made: Inputs) -> set[Licence]:
    return {term.licence for term in terms(made, deadline_of(made)) if term.is_on(made.now)}


@given(all_inputs())
def test_the_same_question_has_the_same_answer(made: Inputs) -> None:
    assert decide(made) == decide(replace(made))


@given(all_inputs())
def test_every_hold_has_a_reason_and_every_reason_holds_or_explains(made: Inputs) -> None:
    decision = decide(made)
    assert bool(decision.install) == (not decision.install.reasons)
    assert {reason.code for reason in decision.download.reasons} <= {reason.code for reason in decision.reasons}
    assert not (decision.install and decision.notes)


@given(all_inputs())
def test_what_may_be_installed_may_be_downloaded(made: Inputs) -> None:
    decision = decide(made)
    assert decision.download or not decision.install


@given(all_inputs())
def test_never_is_beaten_by_a_person_and_the_critical_date_alone(made: Inputs) -> None:
    never = replace(made, policy=replace(made.policy, mode=Mode.NEVER))
    if not licences_on(never) & {Licence.PERSON_NOW, Licence.DEADLINE}:
        decision = decide(never)
        assert not decision.download
        assert not decision.install


@given(all_inputs())
def test_a_freeze_is_skipped_by_nobody_but_the_critical_date(made: Inputs) -> None:
    frozen = frozen_today(made)
    if Licence.DEADLINE not in licences_on(frozen):
        assert not decide(frozen).install


@given(all_inputs(), st.sampled_from([retired, cancelled, withdrawn]))
def test_retired_cancelled_and_withdrawn_hand_out_nothing_to_anybody(made: Inputs, stop: Hold) -> None:
    decision = decide(stop(made))
    assert not decision.download
    assert not decision.install
    assert decision.next_try_at is None


@given(all_inputs(), st.sampled_from(HOLDS))
def test_a_hold_more_or_a_licence_less_never_permits_more(made: Inputs, hold: Hold) -> None:
    before, after = decide(made), decide(hold(made))
    assert before.download or not after.download
    assert before.install or not after.install


@given(all_inputs())
def test_the_next_try_is_the_first_moment_at_which_nothing_holds(made: Inputs) -> None:
    decision = decide(made)
    assert (decision.next_try_at == made.now) == bool(decision.install)
    if decision.next_try_at is not None:
        assert decision.next_try_at >= made.now
        # The sibling till is expected to be done by then.
        assert decide(replace(made, now=decision.next_try_at, store=StoreTurn(share=made.store.share))).install


@given(all_inputs(), fractions)
def test_nothing_is_allowed_before_the_next_try(made: Inputs, fraction: float) -> None:
    next_try_at = decide(made).next_try_at
    if next_try_at is not None and next_try_at > made.now:
        assert not decide(replace(made, now=between(made.now, next_try_at, fraction))).install


@given(all_inputs(), st.integers(0, 14 * 24 * 60))
def test_the_next_try_never_moves_forward_to_an_earlier_day(made: Inputs, minutes: int) -> None:
    made = replace(made, store=StoreTurn(share=made.store.share))
    first = decide(made).next_try_at
    second = decide(replace(made, now=made.now + timedelta(minutes=minutes))).next_try_at
    assert first is None or second is None or first <= second


@given(all_inputs(), fractions)
def test_nothing_changes_before_the_review(made: Inputs, fraction: float) -> None:
    decision = decide(made)
    horizon = decision.review_at or made.now + timedelta(days=30)
    assert horizon > made.now
    later = decide(replace(made, now=between(made.now, horizon, fraction)))
    assert (bool(later.download), bool(later.install)) == (bool(decision.download), bool(decision.install))
