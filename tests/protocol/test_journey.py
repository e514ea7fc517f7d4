"""The words of a journey: every state is shown as one of seven steps, and only an end closes an action."""

import pytest

from evertill.protocol.journey import STEP_OF, STEPS, Outcome, State, execution_of, step_of

WAY = [
    State.OFFERED,
    State.CONSENT,
    State.PREFLIGHT1,
    State.DOWNLOADING,
    State.CHECKING,
    State.WAITING,
    State.PREFLIGHT2,
    State.BACKING_UP,
    State.INSTALLING,
    State.REHEARSING,
    State.REFRESHING,
    State.QUIESCING,
    State.MIGRATING,
    State.SWITCHING,
    State.PROVING,
    State.COMMITTED,
    State.SELLING,
]


def test_every_state_has_a_step() -> None:
    assert set(STEP_OF) == set(State)


def test_steps_never_count_backwards_on_the_way_forward() -> None:
    numbers = [STEP_OF[state] for state in WAY]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(STEPS) + 1))


def test_the_shop_sees_seven_steps_in_its_own_words() -> None:
    assert [step.zh for step in STEPS] == [
        "下载",
        "核对签名",
        "等待结算",
        "备份数据",
        "安装到备用槽位",
        "自检",
        "启用新版本",
    ]


def test_rolling_back_is_shown_as_what_it_is() -> None:
    assert step_of(State.ROLLING_BACK) not in STEPS
    assert step_of(State.REPORTED) is None


@pytest.mark.parametrize("state", list(State))
def test_no_state_closes_an_action_by_itself(state: State) -> None:
    assert execution_of(state)[0] not in {"closed", "canceled", "rejected"}


@pytest.mark.parametrize(
    ("outcome", "finished"),
    [(Outcome.COMMITTED, "success"), (Outcome.ROLLED_BACK, "failure"), (Outcome.FAILED, "failure")],
)
def test_only_a_committed_journey_is_a_success(outcome: Outcome, finished: str) -> None:
    assert execution_of(State.REPORTED, outcome) == ("closed", finished)
