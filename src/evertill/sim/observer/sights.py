"""What can be seen, by name. A sight answers the facts it rests on, or None as long as it is not so.

Rules kept here: a sight believes nobody who has an interest: a version is what the running process and the link say, a success is what the server says
*and* what sells, a sale is a row of the journal.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from evertill.sim.observer.pages import passage, screen_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from evertill.sim.observer.world import Terminal, World

Facts = dict[str, Any]
ENOUGH_REQUESTS: Final = 6
_TIME_OF_DAY: Final = re.compile(r"(?<!\d)\d{2}:\d{2}(?!\d)")
_NEVER_CONFIRMED: Final = {"zh": ("永不", "确认"), "en": ("never", "confirmed")}  # the words of both pages


def selling(world: World, serial: str, version: str) -> Facts | None:
    """This version sells: by its own page, by /proc and by the link with its mark."""
    seller, terminal = world.tills.seller(serial), world.terminals[serial]
    number = terminal.home.current()
    if seller is None or number is None or seller.version != version or terminal.home.version(number) != version:
        return None
    if f"/generations/{number}/" not in terminal.home.processes().get(seller.pid, ""):
        return None
    return {"version": version, "generation": number, "pid": seller.pid}


def verified(world: World, serial: str, version: str) -> Facts | None:
    """The server calls the update done and proven, and that version sells."""
    sold, number = selling(world, serial, version), world.last_action(serial)
    if sold is None or number is None:
        return None
    action = world.server.action(number)
    if action["state"] != "finished" or not action["verified"]:
        return None
    return {**sold, "action": number, **_quiet_time(world, serial)}


def waits(world: World, serial: str, code: str) -> Facts | None:
    """The server says, in both languages, that the terminal waits for this reason; the console's page of the terminal says it too."""
    said = {
        language: next((each for each in world.server.explanation(serial, language) if code in _codes(each)), None)
        for language in ("zh", "en")
    }
    if said["zh"] is None or said["en"] is None:
        return None
    shown = {language: _sentence(each) for language, each in said.items() if each is not None}
    page = world.console.page(f"/terminals/{serial}", "en")
    if said["en"]["explanation"]["why"]["fact"] not in unescape(page):
        return None
    reason = {"code": code, **shown}
    if reason not in world.terminals[serial].reasons:
        world.terminals[serial].reasons.append(reason)
    return {"reason": reason, "version": said["zh"]["version"]}


def says_itself(world: World, serial: str, code: str) -> Facts | None:
    """The terminal's own screen shows the merchant the same words that were read for this reason before, in both languages."""
    terminal = world.terminals[serial]
    port = terminal.home.screen_port()
    known = next((reason for reason in terminal.reasons if reason["code"] == code), None)
    if port is None or known is None:
        return None
    facts = {language: known[language].partition(". ")[2] for language in ("zh", "en")}
    pages = {language: unescape(screen_page(port, "/update", language)) for language in facts}
    return {"screen": facts} if all(facts[language] in pages[language] for language in facts) else None


def ended(world: World, serial: str, outcome: str, version: str) -> Facts | None:
    """The last update ended badly in this way, the server knows it and its console says why; the till of before sells from an untouched slot."""
    number = world.last_action(serial)
    if number is None or (sold := selling(world, serial, version)) is None:
        return None
    action = world.server.action(number)
    texts = [text for line in action["history"] for text in line["messages"]]
    if action["state"] != "error" or f"outcome: {outcome}" not in texts:
        return None
    shown = {language: _outcome(world, serial, language) for language in ("zh", "en")}
    if not untouched(world, serial, version) or not all(shown.values()):
        return None
    codes = world.traffic.of(serial).reports[-1].reasons
    world.terminals[serial].reasons += [{"code": code, **{k: v or "" for k, v in shown.items()}} for code in codes]
    return {**sold, "action": number, "shown": shown, **_quiet_time(world, serial)}


def in_state(world: World, serial: str, states: list[str]) -> Facts | None:
    """Since the mark, the terminal told the server that its update is in one of these states."""
    since_s = world.terminals[serial].marked_at_s
    told = [said.state for said in world.traffic.of(serial).reports if said.at_s > since_s]
    return {"state": told[-1]} if told and told[-1] in states else None


def off(world: World, serial: str) -> Facts | None:
    """永不, confirmed by the terminal at a time of day: as the console shows it to staff, and as the terminal's own screen shows it to the merchant."""
    port = world.terminals[serial].home.screen_port()
    if port is None:
        return None
    shown: Facts = {}
    for language, (never, confirmed) in _NEVER_CONFIRMED.items():
        console = world.console.page(f"/terminals/{serial}", language)
        proof = passage(console, '<p class="proof" data-state="good">', "</p>") or ""
        agreed = passage(screen_page(port, "/update/off", language), '<p class="agree">', "</p>") or ""
        if never not in proof or not _TIME_OF_DAY.search(proof) or confirmed not in proof or confirmed not in agreed:
            return None
        shown |= {f"console_{language}": proof, f"screen_{language}": agreed}
    return shown


def nothing_fetched(world: World, serial: str) -> Facts | None:
    """It talked with the server since the mark and got not one byte of payload; no deployment was even read."""
    wire, before = world.traffic.of(serial), world.terminals[serial].wire
    found = {
        "requests": wire.requests - before.requests,
        "payload_bytes": wire.payload_bytes - before.payload_bytes,
        "deployments_read": wire.deployments_read - before.deployments_read,
    }
    return (
        found
        if found["requests"] >= ENOUGH_REQUESTS and not found["payload_bytes"] + found["deployments_read"]
        else None
    )


def dark(world: World, serial: str) -> Facts | None:
    """No process of this terminal is left."""
    return {} if not world.terminals[serial].home.processes() else None


def sold_meanwhile(world: World, serial: str, first: str, last: str) -> Facts | None:
    """A sale was taken after the terminal had reported the state `first` of its last update, and before it reported `last`."""
    terminal, number = world.terminals[serial], world.last_action(serial)
    told = {said.state: said.at for said in world.traffic.of(serial).reports if said.action == number}
    if not {first, last} <= told.keys():
        return None
    new = [entry for key, entry in terminal.home.sales().items() if key not in terminal.sales]
    sold = [entry for entry in new if told[first] <= entry.at <= told[last]]
    return {"sale": sold[0].number, "total_fen": sold[0].total_fen} if sold else None


def never_stopped(world: World, serial: str) -> Facts | None:
    """The till sold all the time since the mark."""
    terminal = world.terminals[serial]
    gaps = world.tills.gaps_s(serial, terminal.marked_at_s)
    return {"without_till_s": 0.0} if not gaps else None


def halted(world: World, number: int, by: str, opened: int) -> Facts | None:
    """The rollout stopped by itself: only the first `opened` groups ever began, and nobody of the others read its deployment."""
    found = world.server.typed("rollout", "show", str(number))
    groups = found["groups"]
    unopened = [group for group in groups if group["opened_at"] is None]
    if (found["state"], found["halted_by"], len(groups) - len(unopened)) != ("halted", by, opened):
        return None
    return None if any(group["retrieved"] for group in unopened) else {"id": number, "halted_by": by, "groups": groups}


def sales(world: World, serial: str, total_fen: int, count: int) -> Facts | None:
    """Every sale ever seen is still there, to the fen, and together they are what was taken at the counter."""
    terminal = world.terminals[serial]
    now = terminal.home.sales()
    kept = all(now.get(number) == entry for number, entry in terminal.sales.items())
    found = {"count": len(now), "total_fen": sum(entry.total_fen for entry in now.values())}
    return found if kept and found == {"count": count, "total_fen": total_fen} else None


def rolled_out(world: World, number: int, verified: int) -> Facts | None:
    """All groups are open, one after the other, and so many terminals at least have proven the release."""
    found = world.server.typed("rollout", "show", str(number))
    opened = [group["opened_at"] for group in found["groups"]]
    count = sum(group["verified"] for group in found["groups"])
    if None in opened or opened != sorted(set(opened)) or count < verified:
        return None
    return {"id": number, "state": found["state"], "verified": count, "groups": found["groups"]}


def untouched(world: World, serial: str, version: str) -> Facts | None:
    """Same version, same generation, same bytes as at the mark, and still selling."""
    sold, terminal = selling(world, serial, version), world.terminals[serial]
    if sold is None or sold["generation"] != terminal.generation:
        return None
    return sold if terminal.home.fingerprint(sold["generation"]) == terminal.fingerprint else None


SIGHTS: Final[dict[str, Callable[..., Facts | None]]] = {
    "selling": selling,
    "verified": verified,
    "waits": waits,
    "says_itself": says_itself,
    "ended": ended,
    "in_state": in_state,
    "off": off,
    "nothing_fetched": nothing_fetched,
    "dark": dark,
    "sold_meanwhile": sold_meanwhile,
    "never_stopped": never_stopped,
    "halted": halted,
    "sales": sales,
    "rolled_out": rolled_out,
    "untouched": untouched,
}


def _quiet_time(world: World, serial: str) -> Facts:
    """How long the shop was without a till since the mark."""
    terminal: Terminal = world.terminals[serial]
    return {"without_till_s": round(sum(world.tills.gaps_s(serial, terminal.marked_at_s)), 2)}


def _outcome(world: World, serial: str, language: str) -> str | None:
    """What the console says came of the last update."""
    return passage(world.console.page(f"/terminals/{serial}", language), 'aria-labelledby="came">', "</article>")


def _codes(explained: dict[str, Any]) -> list[str]:
    codes: list[str] = explained["explanation"].get("codes", [])
    return codes


def _sentence(explained: dict[str, Any]) -> str:
    explanation = explained["explanation"]
    return f"{explanation['head']}. {explanation['why']['fact']}"
