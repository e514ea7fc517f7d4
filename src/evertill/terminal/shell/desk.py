"""What every page works with: the agent, the till's folder, the zone and the clock, and how a page is put on the screen.

Rules kept here: pages about updates are shown between sales only (`SaleRunning` otherwise); every page is shown in the visit's
language and colours; what is put into a page is escaped. Not here: what a page says.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse, RedirectResponse, Response

from evertill.terminal.power import Power
from evertill.terminal.shell.agent_client import AgentClient
from evertill.terminal.shell.closing_down import ClosingDown
from evertill.terminal.shell.facts import Facts
from evertill.terminal.shell.looks import assets, environment, icon
from evertill.terminal.shell.notices import Notices
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit
from evertill.terminal.till_client import Till, TillRefused, TillSilent


class SaleRunning(Exception):
    """A sale is in progress: no page about updates covers it."""


@dataclass(frozen=True)
class Desk:
    home: Path
    serial: str
    zone: ZoneInfo
    clock: Callable[[], datetime]
    power: str = "none"  # as the provision file says
    agent: AgentClient = field(init=False)
    closing: ClosingDown = field(init=False)
    notices: Notices = field(init=False)

    def __post_init__(self) -> None:
        agent = AgentClient(self.home / "run" / "agent.sock")
        object.__setattr__(self, "agent", agent)
        closing = ClosingDown(self.home, agent, Power(self.home, self.power), self.clock)
        object.__setattr__(self, "closing", closing)
        object.__setattr__(self, "notices", Notices(self.home, self.zone))

    @property
    def till_run(self) -> Path:
        return self.home / "run" / "till"

    def say(self, visit: Visit) -> Say:
        return Say(visit.language, self.zone, self.clock())

    def facts(self) -> Facts:
        """How the terminal is, for a page about updates.

        Raises:
            SaleRunning: the till says so itself; an agent that is slow or away must not cover a sale.
            AgentAway: there is nobody to ask.
        """
        try:
            if Till(self.till_run).state().sale:
                raise SaleRunning
        except (TillSilent, TillRefused):
            pass  # no till, no sale: the page about updates may say why
        return self.agent.facts()

    def show(self, visit: Visit, template: str, *, status: int = 200, **facts: Any) -> Response:
        say = self.say(visit)
        common = {"_": say, "say": say, "visit": visit, "serial": self.serial, "icon": icon, "assets": assets()}
        html = environment().get_template(template).render({**common, **facts})
        return HTMLResponse(html, status)


def go_to(target: str) -> Response:
    """After something was done: look at the result (303, so that a reload repeats nothing)."""
    return RedirectResponse(target, 303)
