"""升级并关机 with a real agent, a real supervisor and a recorder in the place of the power switch: installed, reported, then off."""

from datetime import UTC, datetime

from evertill.terminal.power import Power
from evertill.terminal.shell.agent_client import AgentClient
from evertill.terminal.shell.closing_down import ClosingDown
from tests.fakes.fake_server import FakeServer
from tests.fakes.rig import until
from tests.fakes.shop import Shop, settled


class Switch:
    """The power switch: what was true of the shop when it was pressed."""

    def __init__(self, shop: Shop) -> None:
        self._record = shop.folder / "switched-off"
        generations = shop.home / "generations"
        script = shop.folder / "poweroff"
        script.write_text(f"#!/bin/sh\ncat {generations}/current/committed >> {self._record}\n")
        script.chmod(0o700)
        power = Power(shop.home, "systemd", (str(script),))
        agent = AgentClient(shop.home / "run" / "agent.sock")
        self.closing = ClosingDown(shop.home, agent, power, lambda: datetime.now(UTC))

    def pressed(self) -> bool:
        self.closing.look()
        return self._record.exists()

    @property
    def was_committed(self) -> bool:
        return self._record.read_text() == "committed\n"


def test_machine_is_switched_off_after_the_update_was_installed_and_reported(shop: Shop, server: FakeServer) -> None:
    switch = Switch(shop)
    _release, files = shop.release()
    server.offer(5, 12, files)
    settled(lambda: shop.status()["offers"], "the release is offered")
    switch.closing.after(12)
    settled(switch.pressed, "the machine is switched off")
    assert switch.was_committed
    assert shop.rig.generations.current() == 2
    assert server.feedbacks(5)[-1]["status"]["result"]["finished"] == "success"
    until(lambda: shop.rig.processes() == [], "nothing is left")


def test_machine_stays_on_while_the_update_waits_for_the_shop(shop: Shop, server: FakeServer) -> None:
    switch = Switch(shop)
    shop.rig.tell_till(do="sale", key="unsettled", fen=100)
    _release, files = shop.release(needs_empty_batch=True)
    server.offer(5, 12, files)
    settled(lambda: (shop.status()["journey"] or {}).get("held"), "it waits for settlement")
    switch.closing.after(12)
    assert not switch.pressed()
    assert shop.cli("settle") == 0
    settled(switch.pressed, "settled, updated, off")
    assert switch.was_committed
