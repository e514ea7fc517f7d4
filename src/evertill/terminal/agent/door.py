"""The agent's own door, `run/agent.sock`: what the screen and the command line of this terminal may ask and order.

Rules kept here: only our own user and root get an answer; whoever changes something is named and gives their PIN with the very
request; a refusal is a code with both languages; nothing here waits for the network. One table says all there is.
"""

import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from evertill.protocol.ddi import Id, Name
from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.policy import Mode
from evertill.terminal.agent.acts import Acts
from evertill.terminal.agent.board import Board
from evertill.terminal.agent.care.hanging import Hanging
from evertill.terminal.agent.clock import Clock
from evertill.terminal.agent.confirmations import Confirmations, Matter
from evertill.terminal.agent.consequences import consequences_of_never
from evertill.terminal.agent.orders import Orders
from evertill.terminal.agent.people import People
from evertill.terminal.agent.permissions import Permissions
from evertill.terminal.agent.policy import PolicyStore
from evertill.terminal.agent.poll import PollLoop
from evertill.terminal.agent.restarting import FRESH_STARTS, FreshStart, Restarting
from evertill.terminal.agent.restoring import Restoring
from evertill.terminal.agent.status import Status
from evertill.terminal.agent.switched_off import SwitchedOff
from evertill.terminal.agent.trust import TrustClient
from evertill.terminal.errors import TerminalRefused
from evertill.terminal.line_server import LineServer
from evertill.terminal.till_client import Till, TillRefused, TillSilent

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Pin = Annotated[str, msgspec.Meta(max_length=64)]


class Nothing(msgspec.Struct, frozen=True):
    """A request without words."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    person: Name
    pin: Pin


class SetField(Person, frozen=True, kw_only=True):
    field: Name
    value: Any
    risk_text: Annotated[str, msgspec.Meta(max_length=64)] = ""
    ends_at: Moment | None = None


class Say(Person, frozen=True, kw_only=True):
    release: Id
    components: Annotated[list[Name], msgspec.Meta(max_length=64)] = []
    text_version: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Postpone(Person, frozen=True, kw_only=True):
    release: Id
    until: Moment


class Restore(Person, frozen=True, kw_only=True):
    file: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    identity: Annotated[str, msgspec.Meta(max_length=256)] = ""  # empty = this terminal's own key


class OfRelease(msgspec.Struct, frozen=True, kw_only=True):
    release: Id


class Confirm(msgspec.Struct, frozen=True, kw_only=True):
    matter: Matter


class Rooms(NamedTuple):
    """Whom the door leads to."""

    status: Status
    polls: PollLoop
    board: Board
    people: People
    policy: PolicyStore
    permissions: Permissions
    acts: Acts
    orders: Orders
    restoring: Restoring
    confirmations: Confirmations
    till: Till
    clock: Clock
    trust: TrustClient
    off: SwitchedOff
    hanging: Hanging
    restarting: Restarting
    installed: Callable[[], dict[str, str]]


Handler = Callable[[Rooms, Any], dict[str, Any]]


def _check(rooms: Rooms, _request: Nothing) -> dict[str, Any]:
    """Ask the server now. The answer shows in `status`, as soon as `contact.tried_at` is later than this one."""
    asked_at = rooms.clock()
    rooms.polls.check()
    return {"asked_at": msgspec.to_builtins(asked_at)}


def _set(rooms: Rooms, request: SetField) -> dict[str, Any]:
    rooms.people.verify(request.person, request.pin)
    change = rooms.policy.change(
        request.field,
        request.value,
        rooms.permissions.guardrails(),
        person=request.person,
        risk_text=request.risk_text,
        ends_at=request.ends_at,
    )
    if request.field == "mode" and request.value == Mode.NEVER:
        rooms.acts.withdraw_all()
    rooms.off.observe(rooms.policy.effective())
    rooms.polls.check()
    rooms.board.poke()
    return {"uuid": change.uuid}


def _consent(rooms: Rooms, request: Say) -> dict[str, Any]:
    _verify_about(rooms, request, request.release)
    rooms.acts.consent(
        request.release, person=request.person, components=request.components, text_version=request.text_version
    )
    return _heard(rooms)


def _now(rooms: Rooms, request: Say) -> dict[str, Any]:
    _verify_about(rooms, request, request.release)
    rooms.acts.now(
        request.release, person=request.person, components=request.components, text_version=request.text_version
    )
    return _heard(rooms)


def _postpone(rooms: Rooms, request: Postpone) -> dict[str, Any]:
    """In manual mode a release can wait for ever, so there is no latest day."""
    _verify_about(rooms, request, request.release)
    policy = rooms.permissions.effective().policy
    latest = timedelta(days=policy.postpone_days) if policy.mode is Mode.AUTOMATIC else None
    rooms.acts.postpone(request.release, request.until, person=request.person, latest=latest)
    return _heard(rooms)


def _displayed(rooms: Rooms, request: OfRelease) -> dict[str, Any]:
    rooms.acts.displayed(_offered(rooms, request.release))
    return {}


def _closing_time(rooms: Rooms, request: OfRelease) -> dict[str, Any]:
    rooms.acts.at_closing_time(_offered(rooms, request.release))
    return _heard(rooms)


def _confirm(rooms: Rooms, request: Confirm) -> dict[str, Any]:
    rooms.confirmations.confirm(request.matter, rooms.clock())
    rooms.board.poke()
    return {}


def _settle(rooms: Rooms, _request: Nothing) -> dict[str, Any]:
    try:
        batch = rooms.till.settle()
    except TillSilent as silent:
        raise TerminalRefused("TILL_SILENT") from silent
    except TillRefused as refused:
        raise TerminalRefused("TILL_REFUSED", detail=refused.code) from refused
    rooms.board.poke()
    return {"batch": batch}


def _go_back(rooms: Rooms, request: Person) -> dict[str, Any]:
    rooms.people.verify(request.person, request.pin)
    order = rooms.orders.go_back(request.person, rooms.clock())
    return {"journey": order.id, "version": order.version}


def _end_till(rooms: Rooms, request: Person) -> dict[str, Any]:
    """The till hangs, perhaps in a sale: who stands before it sees more than any machine. It is started again at once."""
    rooms.people.verify(request.person, request.pin)
    rooms.hanging.ask_to_end(request.person)
    return {}


def _restart(what: FreshStart) -> Handler:
    def restart(rooms: Rooms, request: Person) -> dict[str, Any]:
        rooms.people.verify(request.person, request.pin)
        rooms.restarting.begin(what, request.person)
        rooms.board.poke()
        return {}

    return restart


def _restarts(rooms: Rooms, _request: Nothing) -> dict[str, Any]:
    """What holds each way of starting again, and the latest ones."""
    held = {what: rooms.restarting.held(what) for what in FRESH_STARTS}
    return {"held": msgspec.to_builtins(held), "done": msgspec.to_builtins(rooms.restarting.done[:10])}


def _restore(rooms: Rooms, request: Restore) -> dict[str, Any]:
    """Begins as soon as no update is under way; how it went shows in `status`."""
    rooms.people.verify(request.person, request.pin)
    rooms.restoring.wish(Path(request.file), request.identity)
    rooms.board.poke()
    return {}


def _operator(rooms: Rooms, _request: Nothing) -> dict[str, Any]:
    """Whose signature counts here, and how to reach them: as signed."""
    card = rooms.trust.operator()
    return {"name": card.name, "licence": card.licence, "contacts": msgspec.to_builtins(card.contacts)}


def _consequences(rooms: Rooms, _request: Nothing) -> dict[str, Any]:
    """What switching off would mean for this terminal, from what is signed, offered and in force."""
    offered = []
    for offer in rooms.board.offers:
        with suppress(ProtocolRefused):  # what cannot be vouched for would not install either way
            offered.append(rooms.permissions.facts(rooms.trust.release(offer.release)))
    found = consequences_of_never(offered, rooms.installed())
    return {"holes": msgspec.to_builtins(found.holes), "missed": msgspec.to_builtins(found.missed)}


def _switched_off(rooms: Rooms, _request: Nothing) -> dict[str, Any]:
    busy = rooms.board.journey_action is not None or rooms.board.linked is not None
    return rooms.off.told(busy=busy)


def _verify_about(rooms: Rooms, person: Person, release: int) -> None:
    _offered(rooms, release)
    rooms.people.verify(person.person, person.pin)


def _offered(rooms: Rooms, release: int) -> int:
    if rooms.board.offer(release) is None:
        raise TerminalRefused("RELEASE_NOT_OFFERED", release=release)
    return release


def _heard(rooms: Rooms) -> dict[str, Any]:
    """The server opens what a person asked for, so ask it, and let a waiting journey look again."""
    rooms.polls.check()
    rooms.board.poke()
    return {}


REQUESTS: Final[dict[tuple[Literal["ask", "do"], str], tuple[type[msgspec.Struct], Handler]]] = {
    ("ask", "status"): (Nothing, lambda rooms, _: rooms.status.whole()),
    ("ask", "policy"): (Nothing, lambda rooms, _: msgspec.to_builtins(rooms.status.policy())),
    ("ask", "offers"): (Nothing, lambda rooms, _: {"offers": msgspec.to_builtins(rooms.status.offers())}),
    ("ask", "operator"): (Nothing, _operator),
    ("ask", "consequences"): (Nothing, _consequences),
    ("ask", "switched_off"): (Nothing, _switched_off),
    ("ask", "restarts"): (Nothing, _restarts),
    ("ask", "people"): (Nothing, lambda rooms, _: {"people": rooms.people.names()}),
    ("do", "check"): (Nothing, _check),
    ("do", "set"): (SetField, _set),
    ("do", "consent"): (Say, _consent),
    ("do", "now"): (Say, _now),
    ("do", "postpone"): (Postpone, _postpone),
    ("do", "displayed"): (OfRelease, _displayed),
    ("do", "closing_time"): (OfRelease, _closing_time),
    ("do", "confirm"): (Confirm, _confirm),
    ("do", "settle"): (Nothing, _settle),
    ("do", "go_back"): (Person, _go_back),
    ("do", "restore"): (Restore, _restore),
    ("do", "end_till"): (Person, _end_till),
    ("do", "restart_till"): (Person, _restart("restart_till")),
    ("do", "restart_device"): (Person, _restart("restart_device")),
    ("do", "reset_settings"): (Person, _restart("reset_settings")),
}


def answer(rooms: Rooms, request: dict[str, Any]) -> dict[str, Any]:
    """What one request gets: `{"ok": true, …}` or a refusal in both languages."""
    try:
        kind: Literal["ask", "do"] = "do" if "do" in request else "ask"
        found = REQUESTS.get((kind, str(request.get(kind))))
        if found is None:
            raise TerminalRefused("REQUEST_UNKNOWN", detail=str(request.get(kind)))
        words, handler = found
        return {"ok": True, **handler(rooms, msgspec.convert(request, words))}
    except msgspec.ValidationError as error:
        return _refusal(TerminalRefused("REQUEST_UNKNOWN", detail=error))
    except ProtocolRefused as refused:
        return _refusal(refused)


def _refusal(refused: ProtocolRefused) -> dict[str, Any]:
    chinese = {"text": refused.text("zh"), "next": refused.next_step("zh")}
    english = {"text": refused.text("en"), "next": refused.next_step("en")}
    return {"error": refused.code, "params": refused.params, "zh": chinese, "en": english}


class Door:
    """Listens until `stop`; runs in a thread of its own."""

    def __init__(self, path: Path, rooms: Rooms) -> None:
        self._selector = selectors.DefaultSelector()
        self._awake, self._wake = socket.socketpair()
        self._selector.register(self._awake, selectors.EVENT_READ, self._leave)
        self._open = True
        LineServer(path, self._selector, lambda _, request: answer(rooms, request), lambda _: None)

    def run(self) -> None:
        while self._open:
            for key, _ in self._selector.select():
                key.data()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._wake.close()

    def stop(self) -> None:
        self._wake.send(b"x")

    def _leave(self) -> None:
        self._open = False
