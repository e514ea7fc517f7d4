"""The new till or the supervisor killed at one of its operations: a seeded sample of the points that `make kill` runs in full."""

import pytest

from tests.journeys.kill.kills_beside import (
    kill_at_supervisor_operation,
    kill_at_till_operation,
    supervisor_operations,
    till_operations,
)
from tests.journeys.kill.points import SCENES, TILL_WORK, Command, Scene, SupervisorOperation, TillOperation
from tests.journeys.kill.sample import label, places

pytestmark = [pytest.mark.journey, pytest.mark.kill]


@pytest.mark.parametrize(("work", "share"), places([*TILL_WORK], 3, 2, "till"), ids=label)
def test_new_till_killed_at_work_has_not_passed_and_the_old_one_sells_with_every_sale(
    work: tuple[Command, int], share: float
) -> None:
    kill_at_till_operation(TillOperation(*work, 1 + int(share * len(till_operations(*work)))))


@pytest.mark.parametrize(("scene", "share"), places([*SCENES], 2, 2, "supervisor"), ids=label)
def test_supervisor_killed_at_work_changes_no_outcome_and_loses_no_sale(scene: Scene, share: float) -> None:
    kill_at_supervisor_operation(SupervisorOperation(scene, 1 + int(share * len(supervisor_operations(scene)))))
