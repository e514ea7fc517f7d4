"""客服: the operator's signed contacts, this terminal's serial, and what to think of a call about an "upgrade"."""

from starlette.responses import Response

from evertill.protocol.release import Contact
from evertill.terminal.shell.agent_client import AgentAway
from evertill.terminal.shell.desk import Desk
from evertill.terminal.shell.facts import OperatorCard
from evertill.terminal.shell.texts import Say
from evertill.terminal.shell.visit import Visit


def show(desk: Desk, visit: Visit) -> Response:
    """Never without the serial: it is what support asks for first."""
    say = desk.say(visit)
    card = _card(desk)
    contacts = [(_label(contact, say), contact.value) for contact in card.contacts] if card else []
    return desk.show(visit, "support.html", card=card, contacts=contacts)


def _card(desk: Desk) -> OperatorCard | None:
    try:
        return desk.agent.operator()
    except AgentAway:
        return None


def _label(contact: Contact, say: Say) -> str:
    labels = {
        "phone": say("Phone"),
        "email": say("E-mail"),
        "web": say("Web"),
        "address": say("Address"),
        "hours": say("Hours"),
    }
    return labels[contact.kind]
