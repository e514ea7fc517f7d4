"""The first start of a terminal with a screen: the owner's PIN, further people, the recovery key shown once; then it is a terminal.

Rules kept here: no person and no PIN exists by default; each PIN is typed twice and held to the rules of `agent.people`; the recovery
key is on the screen once and nowhere else; `provision.json` is written last, so a first start that was cut off begins anew.
Ends by becoming the supervisor, which starts the screen again at the same address.
"""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.provision import Provision, parse_provision
from evertill.terminal.agent.clock import system_clock
from evertill.terminal.agent.people import check_name, check_pin
from evertill.terminal.agent.settings import Settings
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.locks import FileLock
from evertill.terminal.setup import DEFAULT_PERSON, begin, check_provision, complete, read_file
from evertill.terminal.shell import acting
from evertill.terminal.shell.acting import Act, Line
from evertill.terminal.shell.app import asset
from evertill.terminal.shell.cards import Problem
from evertill.terminal.shell.desk import Desk, go_to
from evertill.terminal.shell.guard import Guard
from evertill.terminal.shell.main import hosts_of, listen, server_of, tell_port
from evertill.terminal.shell.pages.menu import set_language
from evertill.terminal.shell.settings import set_screen_port
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Sessions, Visit, VisitRefused

if TYPE_CHECKING:
    import uvicorn


class Terminal(NamedTuple):
    """What is being set up."""

    home: Path
    provision: Provision
    port: int
    settings: Settings


@dataclass
class FirstStart:
    """What was typed so far: in this process's memory only."""

    terminal: Terminal
    desk: Desk
    done: Callable[[], None]
    person: str = DEFAULT_PERSON
    once: str = ""  # the PIN typed for the first time
    pins: dict[str, str] = field(default_factory=dict)
    recovery: str = ""
    finished: bool = False

    def show(self, visit: Visit) -> Response:
        """The next thing that is missing."""
        if self.finished:
            self.done()
            return self.desk.show(visit, "first_done.html")
        if "again" in visit.query:
            self.once = ""
        if self.recovery:
            return self.desk.show(visit, "first_key.html", recovery=self.recovery, unticked=False)
        return self._ask_pin(visit) if self.person else self._people(visit)

    def pin(self, visit: Visit) -> Response:
        """A key, or a PIN: the first time, then once more."""
        if not self.person or not acting.is_final(visit):
            return self.show(visit) if not self.person else self._ask_pin(visit)
        typed, say = visit.form.get("pin", ""), self.desk.say(visit)
        try:
            check_pin(typed)
        except TerminalRefused as refused:
            return self._ask_pin(visit, _problem(refused, say))
        if not self.once:
            self.once = typed
            return go_to("/")
        same, self.once = typed == self.once, ""
        if not same:
            return self._ask_pin(
                visit, Problem(say("The two PINs differ"), say("Begin again with the first."), "PIN_DIFFERS")
            )
        self.pins[self.person], self.person = typed, ""
        return go_to("/")

    def add(self, visit: Visit) -> Response:
        """One more person."""
        name = visit.form.get("name", "").strip()
        try:
            check_name(name, self.pins)
        except TerminalRefused as refused:
            return self._people(visit, _problem(refused, self.desk.say(visit)))
        self.person = name
        return go_to("/")

    def key(self, _visit: Visit) -> Response:
        """All people are there: make the keys and show the one that is shown once; a second tap makes no others."""
        if self.pins and not self.person and not self.recovery:
            self.recovery = begin(self.terminal.home)
        return go_to("/")

    def finish(self, visit: Visit) -> Response:
        """The key was written down: from here on this is a terminal."""
        if not self.recovery or self.finished:
            return go_to("/")
        if visit.form.get("tick") != "1":
            return self.desk.show(visit, "first_key.html", status=409, recovery=self.recovery, unticked=True)
        complete(self.terminal.home, self.terminal.provision, self.pins, self.terminal.settings)
        set_screen_port(self.terminal.home, self.terminal.port)
        self.finished = True
        return go_to("/")

    def _ask_pin(self, visit: Visit, problem: Problem | None = None) -> Response:
        say = self.desk.say(visit)
        typed = "" if problem or visit.path == "/" else acting.pressed(visit)
        act = _pin_act(self.person, say, again=bool(self.once))
        status = 409 if problem else 200
        facts = {"act": act, "people": [self.person], "person": self.person, "typed": typed, "problem": problem}
        return self.desk.show(visit, "act.html", status=status, **facts)

    def _people(self, visit: Visit, problem: Problem | None = None) -> Response:
        status = 409 if problem else 200
        return self.desk.show(visit, "first_people.html", status=status, people=list(self.pins), problem=problem)


PAGES: Final[tuple[tuple[str, str, Callable[[FirstStart, Visit], Response]], ...]] = (
    ("/", "GET", FirstStart.show),
    ("/pin", "POST", FirstStart.pin),
    ("/people", "POST", FirstStart.add),
    ("/key", "POST", FirstStart.key),
    ("/finish", "POST", FirstStart.finish),
    ("/language", "POST", lambda first, visit: set_language(first.desk, visit)),
)


def application(first: FirstStart, hosts: list[str]) -> Guard:
    sessions = Sessions()
    routes = [Route(path, _endpoint(first, sessions, page), methods=[method]) for path, method, page in PAGES]
    routes += [Route("/look/{name}", asset), Route("/{rest:path}", lambda _: RedirectResponse("/", 303))]
    return Guard(Starlette(routes=routes), hosts)


def _endpoint(
    first: FirstStart, sessions: Sessions, page: Callable[[FirstStart, Visit], Response]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            visit = sessions.open(request, await request.body())
        except VisitRefused as refused:
            visit = sessions.blank(request)
            response = first.desk.show(visit, "stale.html", status=403, code=refused.code)
        else:
            response = await run_in_threadpool(page, first, visit)
        visit.remember(response)
        return response

    return endpoint


def _pin_act(person: str, say: Say, *, again: bool) -> Act:
    rules = Line(
        "move",
        "lock",
        say("6 to 12 digits, not a run and not one digit repeated"),
        say("There is no default and nobody can look it up"),
    )
    once_more = Line("ask", "check", say("The same digits again"))
    return Act(
        title=say("Set up this terminal"),
        head=say("PIN of {person}, once more", person=say.person(person))
        if again
        else say("Choose a PIN for {person}", person=say.person(person)),
        lines=[once_more] if again else [rules],
        path="/pin",
        verb=say("Next"),
        leave=say("Begin again"),
        back="/?again",
    )


def _problem(refused: TerminalRefused, say: Say) -> Problem:
    return Problem(refused.text(say.language), refused.next_step(say.language), refused.code)


def serve(terminal: Terminal) -> int:
    """Serve until everything is there; 0 = the home is set up."""
    run = terminal.home / "run"
    for folder in (terminal.home, run):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    over: list[uvicorn.Server] = []
    desk = Desk(terminal.home, terminal.provision.serial, ZoneInfo(terminal.provision.time_zone), system_clock)
    with FileLock(run / "screen.lock") as lock, listen(run, terminal.port) as listener:
        if not lock.take_exclusive():
            return 1
        tell_port(run, listener)
        first = FirstStart(terminal, desk, lambda: setattr(over[0], "should_exit", True))
        over.append(server_of(application(first, hosts_of(listener))))
        over[0].run(sockets=[listener])
    return 0 if first.terminal.home.joinpath("provision.json").exists() else 1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="first-start")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--provision", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--simulated", action="store_true")
    options = parser.parse_args(arguments)
    try:
        provision = parse_provision(read_file(options.provision))
        check_provision(provision)
    except ProtocolRefused as refused:
        print(f"first start: {refused}", file=sys.stderr)  # noqa: T201
        return 1
    settings = Settings(sources="simulated" if options.simulated else "real")
    home = options.home.resolve()
    code = serve(Terminal(home, provision, options.port, settings))
    if code == 0:
        os.execv(sys.executable, [sys.executable, "-I", "-m", "evertill.terminal.supervisor", str(home)])  # noqa: S606
    return code


if __name__ == "__main__":
    sys.exit(main())
