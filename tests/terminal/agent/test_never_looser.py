"""The terminal's own check against the server's `decide()`, over policies and moments made at random: alone and offline it never permits what the server holds.

Compared is the terminal's own part: never, freeze, consent, postponement, opening hours and window. What only the server knows (turns, requirements, rate
limit, which minute of the window is whose) it keeps to itself, and both must agree.
"""

from dataclasses import replace

from hypothesis import given, settings

from evertill.protocol.policy import PRESENCE_LASTS, Client, Deadline, Mode, Snapshot
from evertill.protocol.release import Release
from evertill.protocol.windows import Share
from evertill.server.rooms.policies.rules import Inputs, decide
from evertill.server.rooms.policies.rules.inputs import Act, ActionFacts
from evertill.server.rooms.policies.rules.licences import deadline_of
from evertill.terminal.agent.acts import ReleaseActs
from evertill.terminal.agent.permission import TAP_FETCHES_FOR, Facts, own_permission
from tests.server.policies.rules.strategies import all_inputs

OWN = {"never", "freeze", "consent", "postponement", "opening_hours", "window"}
# So many tills that the first one's own minute is the first of the window: the terminal leaves the minute to the server.
ANY_MINUTE = Share(0, 1_000_000)


def known_to_both(made: Inputs) -> Inputs:
    """Without what a terminal offline cannot know: hawkBit's words on the action, and a waiver of a date that is not critical."""
    waiver = made.waiver if made.release.severity == "critical" and made.postponement is None else None
    terminal = replace(made.terminal, client=Client.EVERTILL)
    store = replace(made.store, share=ANY_MINUTE)
    return replace(made, action=ActionFacts(), waiver=waiver, terminal=terminal, store=store)


def facts_of(made: Inputs) -> Facts:
    """The same terminal at the same moment, as it knows itself."""
    release = made.release
    taps = {made.presence.act: made.presence.at} if made.presence is not None else {}
    required_at = release.required_at if release.dated else None
    deadline = Deadline(release.id, required_at, deadline_of(made).acts_at) if required_at else None
    return Facts(
        now=made.now,
        zone=made.terminal.zone,
        serial=made.terminal.serial,
        policy=made.policy,
        snapshot=Snapshot(1, {}, str(made.terminal.zone), [deadline] if deadline else []),
        mode_unconfirmed=False,
        release=Release(
            id=release.id,
            name="till",
            version=release.version,
            severity=release.severity,
            notes={"zh": "新", "en": "new"},
            minutes=int(release.estimate.total_seconds() // 60),
            components=[],
            published_at=made.now,
            required_at=required_at,
            emergency=release.emergency,
        ),
        acts=ReleaseActs(
            displayed_at=made.displayed_at,
            consented_at=made.now if made.consented else None,
            postponed_until=made.postponement.until if made.postponement else None,
            now_at=taps.get(Act.NOW),
            closing_at=taps.get(Act.CLOSING_TIME),
        ),
        offer=None,
    )


@settings(max_examples=1000)
@given(all_inputs().map(known_to_both))
def test_what_the_terminal_alone_would_install_the_server_does_not_hold(made: Inputs) -> None:
    if own_permission(facts_of(made)).install:
        holding = [outcome for outcome in decide(made).outcomes if outcome.rule in OWN and outcome.holds]
        assert holding == []


@settings(max_examples=500)
@given(all_inputs().map(known_to_both))
def test_what_the_terminal_alone_would_fetch_the_server_does_not_hold(made: Inputs) -> None:
    """But for a slow line: what a person wanted at once is fetched to its end, and then needs them again."""
    if made.presence is not None and PRESENCE_LASTS <= made.now - made.presence.at < TAP_FETCHES_FOR:
        return
    if own_permission(facts_of(made)).download:
        holding = [
            outcome for outcome in decide(made).outcomes if outcome.rule in {"never", "consent"} and outcome.holds
        ]
        assert holding == []


@given(all_inputs().map(known_to_both))
def test_both_can_say_yes(made: Inputs) -> None:
    """The comparison compares something: where nothing at all is set, both permit."""
    easy = replace(made, policy=replace(made.policy, mode=Mode.AUTOMATIC, window=None, opening_hours=None, freeze=()))
    easy = replace(easy, postponement=None)
    assert own_permission(facts_of(easy)).install
