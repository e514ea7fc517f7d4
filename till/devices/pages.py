"""The devices page for the supervisor, and printing a receipt."""

from till.devices.attached import PRINTER, ROLES, Attached, attach, attached, candidates
from till.devices.port import READY, DeviceSilentError
from till.errors import Refused
from till.journal import receipts
from till.journal.receipts import Receipt
from till.pages import layout, receipt_pages
from till.pages.http import Response, go_to
from till.pages.icons import icon
from till.pages.markup import Markup, fill, join
from till.pages.paper import receipt_rows
from till.pages.visit import Visit
from till.texts import Say

CARD = """<section class="card device"><header class="row" data-state="{state}"><span class="glyph">{icon}</span><div><h2>{title}</h2>
<p class="small">{said}</p></div></header><ul class="rows">{choices}</ul></section>"""
CHOICE = """<li><form method="post" action="devices" class="row">{token}<input type="hidden" name="role" value="{role}">
<div><p class="strong">{text}</p><p class="small">{path}</p></div><span class="push">{act}</span></form></li>"""
ATTACH = '<button class="button second" name="path" value="{path}">{text}</button>'
IN_USE = '<span class="strong">{text}</span>'
PRINT = """<form method="post" action="print">{token}<input type="hidden" name="number" value="{number}">
<button class="button second wide">{icon}{text}</button></form>"""


def show(visit: Visit) -> Response:
    """Each role: what is attached, what it says, what could be attached."""
    say = visit.say
    return layout.show(visit, say("Devices"), join(_card(visit, role) for role in ROLES), back="menu")


def act(visit: Visit) -> Response:
    """Attaches what was chosen; only what is there can be."""
    role, path = visit.form.get("role", ""), visit.form.get("path", "")
    if role not in ROLES:
        raise Refused("DEVICE_UNKNOWN")
    chosen = next((one for one in candidates(role, visit.place.run) if one.path == path), None)
    if path and chosen is None:
        raise Refused("DEVICE_UNKNOWN")
    attach(visit.place.data, role, chosen)
    return go_to("devices")


def show_printing(visit: Visit) -> Response:
    """After a refusal: the receipt that was not printed."""
    return receipt_pages.show_one(visit)


def act_printing(visit: Visit) -> Response:
    """Prints a receipt."""
    with visit.counter.journal.reading() as db:
        receipt = receipts.load(db, visit.form.get("number", ""))
        rows = receipt_rows(db, visit.say, receipt, visit.features)
    found = attached(visit.place.data).get(PRINTER)
    if found is None:
        raise Refused("PRINTER_SILENT")
    device = found.reach()
    try:
        if device.state() != READY:
            raise Refused("PRINTER_SILENT")
        device.print([f"{label}: {value}" for label, value in rows])
    except DeviceSilentError as silent:
        raise Refused("PRINTER_SILENT", str(silent)) from silent
    return go_to(f"receipt?number={receipt.number}")


def print_button(visit: Visit, receipt: Receipt) -> Markup:
    """On a receipt, where a printer is attached."""
    try:
        if PRINTER not in attached(visit.place.data):
            return Markup()
    except Refused:
        return Markup()
    text = visit.say("Print")
    return fill(PRINT, token=layout.token(visit), number=receipt.number, icon=icon("printer"), text=text)


def _card(visit: Visit, role: str) -> Markup:
    say = visit.say
    try:
        current, damaged = attached(visit.place.data).get(role), False
    except Refused:
        current, damaged = None, True
    state, said = _said(say, current) if not damaged else ("need", say("The list of devices cannot be read."))
    options: list[Attached] = candidates(role, visit.place.run)
    if current and current not in options:
        options.insert(0, current)
    choices = [_choice(visit, role, one, current) for one in options]
    choices.append(_choice(visit, role, None, current))
    titles = {PRINTER: say("Receipt printer")}
    title = titles.get(role, say("Card and code reader"))
    return fill(CARD, state=state, icon=icon(state), title=title, said=said, choices=join(choices))


def _said(say: Say, current: Attached | None) -> tuple[str, str]:
    """The glyph and the sentence."""
    if current is None:
        return "ask", say("None attached.")
    try:
        state = current.reach().state()
    except DeviceSilentError:
        return "need", say("It does not answer. Check cable and power.")
    return ("good", say("Ready.")) if state == READY else ("need", _trouble(say, state))


def _trouble(say: Say, state: str) -> str:
    known = {"out of paper": say("Out of paper."), "offline": say("Offline: close its cover.")}
    return known.get(state, say("It says: {state}", state=state))


def _choice(visit: Visit, role: str, one: Attached | None, current: Attached | None) -> Markup:
    say = visit.say
    path = one.path if one else ""
    in_use = fill(IN_USE, text=say("In use"))
    return fill(
        CHOICE,
        token=layout.token(visit),
        role=role,
        text=path.rpartition("/")[2] if one else say("None"),
        path=path.rpartition("/")[0] if one else "",
        act=in_use if one == current else fill(ATTACH, path=path, text=say("Use this")),
    )
