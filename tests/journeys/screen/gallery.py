"""Every page of the screen in every state worth a look: name, address, and what the agent says."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, NamedTuple

from tests.terminal.shell.scene import NOW, Agent, Scene, iso, journey, offer, past, policy, usual

SETTLE: Final = [{"code": "TILL_BATCH_UNSETTLED", "params": {"count": 17}}]
WINDOW: Final = [{"code": "WINDOW_CLOSED", "params": {"window": "03:00–05:00"}}]
FROZEN: Final = [{"code": "FROZEN", "params": {"starts": "2026-11-18", "ends": "2026-12-02"}}]
UNSETTLED: Final = {"version": "1.0.0", "mode": "selling", "sale": False, "batch_count": 17}
HOLE: Final = {
    "release": 20,
    "name": "系统",
    "version": "2026.11",
    "published_at": iso(NOW - timedelta(days=8)),
    "closes_at": iso(NOW + timedelta(days=22)),
    "days_open": 22,
}
CONSEQUENCES: Final = {"holes": [HOLE], "missed": [{"release": 12, "version": "1.1.0"}]}
OFF: Final = {
    "since": iso(NOW - timedelta(minutes=4)),
    "way": "terminal",
    "person": "owner",
    "confirmed_at": iso(NOW - timedelta(minutes=3)),
    "revision": 42,
    "agreed": True,
    "payload_bytes": 0,
}
ROLLED_BACK: Final = {"code": "ROLLED_BACK", "params": {"back": "1.1.0", "version": "1.2.0", "what": "receipt_renders"}}
NO_CONTACT: Final = {
    "last_at": iso(NOW - timedelta(days=9)),
    "tried_at": iso(NOW),
    "trouble": {"code": "NO_CONTACT", "params": {"detail": "timeout"}},
}
LOCK: Final = {"value": "automatic", "origin": "DEFAULT/agent/merchant", "mandated": True, "confirmed": True}


class Picture(NamedTuple):
    name: str
    path: str
    set: Callable[[Scene], None]


def says(**facts: Any) -> Callable[[Scene], None]:
    """A terminal like this; `agent_*`: what the agent answers to other questions; `sale`: of the till."""
    agent = {name.removeprefix("agent_"): facts.pop(name) for name in list(facts) if name.startswith("agent_")}
    sale = facts.pop("sale", False)

    def arrange(scene: Scene) -> None:
        fresh = Agent(usual(**facts), **agent)
        for name in ("status", "people", "operator", "consequences", "off", "refuses"):
            setattr(scene.agent, name, getattr(fresh, name))
        scene.till.sale = sale

    return arrange


NEVER: Final = {"policy": policy("never"), "agent_off": OFF, "agent_consequences": CONSEQUENCES}
PICTURES: Final = (
    Picture("menu", "/", says()),
    Picture("menu-held", "/", says(journey=journey(held=SETTLE))),
    Picture("settings", "/settings", says()),
    Picture("support", "/support", says()),
    Picture("support-unverified", "/support", says(agent_operator=None)),
    Picture("nothing", "/update", says(history=[past()])),
    Picture("nothing-off", "/update", says(**NEVER)),
    Picture("no-contact", "/update", says(contact=NO_CONTACT)),
    Picture("offer", "/update", says(policy=policy("manual"), offers=[offer()])),
    Picture("offer-unticked", "/update/release/12/agree", says(policy=policy("manual"), offers=[offer()])),
    Picture(
        "offer-dated",
        "/update",
        says(
            offers=[
                offer(reasons=WINDOW, severity="security", required_at=iso(NOW + timedelta(days=20))),
                offer(13, version="1.2.0"),
            ]
        ),
    ),
    Picture("offer-frozen", "/update", says(offers=[offer(reasons=FROZEN, next_try_at=iso(NOW + timedelta(days=13)))])),
    Picture("offer-agreed", "/update", says(offers=[offer(acts={"consented_at": iso(NOW)})], policy=policy("manual"))),
    Picture(
        "offer-unverified",
        "/update",
        says(offers=[{"release": 12, "refused": {"code": "REVOKED", "params": {"release": 12}}}]),
    ),
    Picture("agree", "/update/release/12/agree?tick=1", says(offers=[offer()])),
    Picture("now", "/update/release/12/now", says(offers=[offer()], till=UNSETTLED)),
    Picture("postpone", "/update/release/12/postpone", says(offers=[offer()])),
    Picture("modes", "/update/mode", says()),
    Picture("modes-held", "/update/mode", says(policy=policy() | {"fields": policy()["fields"] | {"mode": LOCK}})),
    Picture("never", "/update/mode/never", says(agent_consequences=CONSEQUENCES)),
    Picture("never-people", "/update/mode/never", says(agent_people=["owner", "王芳"])),
    Picture("off", "/update/off", says(**NEVER)),
    Picture(
        "off-unheard", "/update/off", says(**{**NEVER, "agent_off": {**OFF, "agreed": False, "confirmed_at": None}})
    ),
    Picture("waiting", "/update", says(offers=[offer()], journey=journey(held=SETTLE))),
    Picture(
        "downloading",
        "/update",
        says(
            offers=[offer()],
            journey=journey("downloading", 1, download={"have_bytes": 6_000_000, "of_bytes": 18_400_000}),
        ),
    ),
    Picture("switching", "/update", says(offers=[offer()], journey=journey("migrating", 7, forecast_s=1.4))),
    Picture("going-back", "/update", says(journey=journey("rolling_back", 7, forecast_s=1.4))),
    Picture("history", "/update/history", says(history=[past(), past("rolled_back", journey="action-3")])),
    Picture("history-empty", "/update/history", says()),
    Picture("result", "/update/history/action-4", says(history=[past()])),
    Picture("result-back", "/update/history/action-4", says(history=[past("rolled_back", failure=ROLLED_BACK)])),
    Picture("go-back", "/update/back", says(history=[past()])),
    Picture("closing", "/closing", says(offers=[offer(reasons=WINDOW)], till=UNSETTLED)),
    Picture("closing-nothing", "/closing", says()),
    Picture("sale", "/update", says(sale=True)),
    Picture("away", "/update", says(policy={})),
    Picture("lost", "/nowhere", says()),
)
