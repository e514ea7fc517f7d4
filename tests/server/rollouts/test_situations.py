"""What a list is narrowed by says what the chip says, whatever a terminal reported."""

import pytest

from evertill.protocol.reasons import Reason
from evertill.server.rooms.rollouts import service
from evertill.server.rooms.rollouts.models import Situation
from tests.server.shop import Shop, report

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("code", ["SERVER_SILENT", "A_CODE_OF_A_LATER_VERSION"])
def test_reason_that_nobody_can_name_is_taken_and_shown_as_waiting(shop: Shop, code: str) -> None:
    till = shop.terminal("till-1", at=str(shop.store().address))
    action = service.assign(till.serial, shop.release().pk, shop.admin, shop.now)
    service.retrieve(till.pk, action.pk, shop.now)
    held = report("proceeding", state="waiting", step=3, reasons=[Reason(code)])
    service.feedback(till.pk, action.pk, held, shop.now)
    assert Situation.objects.get(terminal=till).state == "wait"
