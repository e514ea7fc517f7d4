"""Every page of the screen in every state worth a look: name, address, what the agent says, and what a finger does first."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final, NamedTuple

from playwright.sync_api import Page

from evertill.protocol.reasons import TABLE, params_of
from evertill.terminal.errors import TerminalRefused
from tests.terminal.shell.scene import NOW, PIN, Agent, Scene, iso, journey, offer, past, policy, usual

SETTLE: Final = [{"code": "TILL_BATCH_UNSETTLED", "params": {"count": 17}}]
WINDOW: Final = [{"code": "WINDOW_CLOSED", "params": {"window": "03:00–05:00"}}]
NEVER_HOLDS: Final = [{"code": "MODE_NEVER", "params": {"version": "1.1.0"}}]
FROZEN: Final = [{"code": "FROZEN", "params": {"starts": "2026-11-18", "ends": "2026-12-02"}}]
UNSETTLED: Final = {"version": "1.0.0", "mode": "selling", "sale": False, "batch_count": 17}
REQUIRED: Final = iso(NOW + timedelta(days=20))
TOMORROW: Final = iso(NOW + timedelta(hours=13))
FINISHED: Final = [iso(NOW - timedelta(hours=26)), *(iso(NOW - timedelta(seconds=49 - 12 * n)) for n in range(5))]
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
ROLLED_BACK: Final = {
    "code": "ROLLED_BACK",
    "params": {"back": "1.1.0", "version": "1.2.0", "what": "start: the till ended before it was ready"},
}
REHEARSAL: Final = {
    "code": "REHEARSAL_FAILED",
    "params": {"version": "1.2.0", "what": "self-test: receipt_renders expected 12.50, found 12.5"},
}
UNSIGNED: Final = {"code": "TRUST_UNSIGNED", "params": {"detail": "targets: 1 of 2 signatures"}}
NO_CONTACT: Final = {
    "last_at": iso(NOW - timedelta(days=9)),
    "tried_at": iso(NOW),
    "trouble": {"code": "NO_CONTACT", "params": {"detail": "timeout"}},
}
NEVER_HEARD: Final = {"last_at": None, "tried_at": None, "trouble": None}
LOCK: Final = {"value": "automatic", "origin": "DEFAULT/agent/merchant", "mandated": True, "confirmed": True}
RESTARTS: Final = {
    "held": {},
    "done": [{"what": "restart_till", "person": "owner", "at": iso(NOW - timedelta(hours=2))}],
}
HELD: Final = {"held": {"reset_settings": [{"code": "RESET_UNSETTLED", "params": {"count": 17}}]}, "done": []}
ADVICE: Final = {
    "zh": "不要重复安装。\n收款照常；联系客服，报代码 E17。",
    "en": "Do not install it again.\nSelling goes on; ask support and name E17.",
}
NAMES: Final = ["owner", "王芳", "Alexandra Konstantinopolitanska"]
# What a fact of a sentence looks like, by its name.
FACTS: Final[dict[str, Any]] = {
    **dict.fromkeys(("count", "days", "minutes", "percent", "floor", "group", "failures", "tries_left"), 17),
    **dict.fromkeys(("until", "starts", "ends", "last"), REQUIRED),
    **dict.fromkeys(("need_bytes", "left_bytes", "free_bytes"), 96400000),
    **dict.fromkeys(("window", "hours"), "03:00–05:00"),
    **dict.fromkeys(("version", "build", "pin", "wanted", "have", "back"), "1.2.0"),
    "groups": 20,
    "names": ["扫码枪", "Barcode scanner"],
    "components": ["till", "agent"],
    "serial": "DEMO-SHOP-0002",
    "model": "demo-touch",
    "hardware": "B",
    "component": "till",
    "file": "till-1.2.0.evb",
    "field": "mode",
    "channel": "stable",
    "offered": "beta",
    "what": "start: the till ended before it was ready",
}


class Picture(NamedTuple):
    """`tap`: what is done on the page before it is looked at."""

    name: str
    path: str
    set: Callable[[Scene], None]
    tap: Callable[[Page], None] = lambda _: None


def says(**facts: Any) -> Callable[[Scene], None]:
    """A terminal like this; `agent_*`: what the agent answers to other questions; `sale`: of the till."""
    agent = {name.removeprefix("agent_"): facts.pop(name) for name in list(facts) if name.startswith("agent_")}
    sale = facts.pop("sale", False)

    def arrange(scene: Scene) -> None:
        fresh = Agent(usual(**facts), **agent)
        for name in ("status", "people", "operator", "consequences", "off", "restarts", "refuses"):
            setattr(scene.agent, name, getattr(fresh, name))
        scene.till.sale = sale

    return arrange


def types_pin(page: Page) -> None:
    """The six digits, then what the page is about."""
    for digit in PIN:
        page.locator(f'.key[value="{digit}"]').click()
    with page.expect_navigation():
        page.locator('[name="go"]').click()


def taps(button: str) -> Callable[[Page], None]:
    def tap(page: Page) -> None:
        with page.expect_navigation():
            page.locator(button).click()

    return tap


def travels(state: str, step: int, **changes: Any) -> Callable[[Scene], None]:
    """A journey in this state, with the moments of the steps behind it."""
    known = {"finished_at": FINISHED[: step - 1], "entered_at": iso(NOW - timedelta(seconds=1)), **changes}
    return says(offers=[offer()], journey=journey(state, step, **known))


def of_severity(severity: str, mode: str, **changes: Any) -> Callable[[Scene], None]:
    reasons = {"automatic": WINDOW, "manual": [{"code": "CONSENT_NEEDED", "params": {"version": "1.1.0"}}]}
    closes = {"required_at": REQUIRED, "cves": ["CVE-2026-0001"], "published_at": iso(NOW - timedelta(days=8))}
    dated = closes if severity in {"security", "critical"} else {}
    told = {"reasons": reasons.get(mode, NEVER_HOLDS), "severity": severity, **dated, **changes}
    acting = [{**HOLE, "release": 12, "version": "1.1.0", "closes_at": REQUIRED}] if severity == "critical" else []
    agent = {**(NEVER if mode == "never" else {}), "agent_consequences": {"holes": acting, "missed": []}}
    return says(**{**agent, "policy": policy(mode), "offers": [offer(**told)]})


NEVER: Final = {"policy": policy("never"), "agent_off": OFF, "agent_consequences": CONSEQUENCES}
MENUS: Final = (
    Picture("menu", "/", says()),
    Picture("menu-held", "/", says(journey=journey(held=SETTLE))),
    Picture("menu-updating", "/", travels("installing", 5)),
    Picture("menu-off", "/", says(**NEVER)),
    Picture("menu-your-turn", "/", of_severity("feature", "manual")),
    Picture("menu-planned", "/", of_severity("feature", "automatic")),
    Picture("menu-no-contact", "/", says(contact=NO_CONTACT)),
    Picture("menu-agent-away", "/", says(policy={})),
    Picture("settings", "/settings", says()),
    Picture("settings-off", "/settings", says(**NEVER)),
    Picture("restart", "/restart", says(agent_restarts=RESTARTS)),
    Picture("restart-till", "/restart/till", says()),
    Picture("restart-device", "/restart/device", says(agent_people=NAMES)),
    Picture("restart-settings", "/restart/settings", says()),
    Picture("restart-settings-held", "/restart/settings", says(agent_restarts=HELD)),
    Picture("support", "/support", says()),
    Picture("support-unverified", "/support", says(agent_operator=None)),
    Picture("support-unset", "/support", says(agent_operator={"name": {"zh": "演示收单机构"}, "contacts": []})),
)
IDLE: Final = (
    Picture("nothing", "/update", says(history=[past()])),
    Picture("nothing-manual", "/update", says(policy=policy("manual"))),
    Picture("nothing-off", "/update", says(**NEVER)),
    Picture("nothing-off-unheard", "/update", says(**{**NEVER, "contact": NEVER_HEARD})),
    Picture("nothing-no-till", "/update", says(till=None, components={}, generation=None)),
    Picture("checking", f"/update?asked={iso(NOW)[:-6]}Z", says()),
    Picture("checking-answered", f"/update?asked={iso(NOW - timedelta(hours=6))[:-6]}Z", says()),
    Picture("no-contact", "/update", says(contact=NO_CONTACT)),
    Picture("no-contact-off", "/update", says(**{**NEVER, "contact": NO_CONTACT})),
    Picture("never-heard", "/update", says(contact=NEVER_HEARD)),
    Picture("trust-trouble", "/update", says(trust={"verified_at": None, "trouble": UNSIGNED})),
    Picture("trouble-unknown", "/update", says(contact={**NO_CONTACT, "trouble": {"code": "FROM_THE_FUTURE"}})),
    Picture("modes", "/update/mode", says()),
    Picture("modes-manual", "/update/mode", says(policy=policy("manual"))),
    Picture("modes-off", "/update/mode", says(**NEVER)),
    Picture("modes-held", "/update/mode", says(policy=policy() | {"fields": policy()["fields"] | {"mode": LOCK}})),
    Picture("modes-forked", "/update/mode", says(policy=policy("manual") | {"forked": True})),
    Picture(
        "modes-notify-only",
        "/update/mode",
        says(policy=policy(at_deadline={"value": "notify_only", "origin": "DEFAULT/agent/merchant"})),
    ),
)
OFFERS: Final = (
    *(
        Picture(f"offer-{severity}-{mode}", "/update", of_severity(severity, mode))
        for severity in ("feature", "maintenance", "security", "critical")
        for mode in ("automatic", "manual", "never")
    ),
    Picture("offer-overdue", "/update", of_severity("critical", "never", required_at=iso(NOW - timedelta(days=1)))),
    Picture("offer-unticked", "/update/release/12/agree", of_severity("feature", "manual")),
    Picture(
        "offer-two",
        "/update",
        says(offers=[offer(reasons=WINDOW, severity="security", required_at=REQUIRED), offer(13, version="1.2.0")]),
    ),
    Picture("offer-frozen", "/update", says(offers=[offer(reasons=FROZEN, next_try_at=iso(NOW + timedelta(days=13)))])),
    Picture("offer-agreed", "/update", says(offers=[offer(acts={"consented_at": iso(NOW)})], policy=policy("manual"))),
    Picture(
        "offer-postponed",
        "/update",
        says(
            offers=[
                offer(
                    acts={"postponed_until": TOMORROW},
                    reasons=[{"code": "POSTPONED", "params": {"version": "1.1.0", "until": TOMORROW}}],
                    next_try_at=TOMORROW,
                )
            ]
        ),
    ),
    Picture(
        "offer-long",
        "/update",
        says(
            policy=policy("manual"),
            offers=[
                offer(version="2026.11.20.post1+demo.long.build", notes={"zh": "新功能，" * 60, "en": "More " * 80})
            ],
        ),
    ),
    Picture(
        "offer-unverified",
        "/update",
        says(offers=[{"release": 12, "refused": {"code": "REVOKED", "params": {"release": 12}}}]),
    ),
)
ACTS: Final = (
    Picture("agree", "/update/release/12/agree?tick=1", says(offers=[offer()])),
    Picture("now", "/update/release/12/now", says(offers=[offer()], till=UNSETTLED)),
    Picture("now-off", "/update/release/12/now", says(**NEVER, offers=[offer()])),
    Picture("postpone", "/update/release/12/postpone", says(offers=[offer()])),
    Picture("postpone-dated", "/update/release/12/postpone", of_severity("critical", "automatic")),
    Picture("automatic", "/update/mode/automatic", says(policy=policy("manual"))),
    Picture("manual", "/update/mode/manual", says(agent_consequences=CONSEQUENCES)),
    Picture("never", "/update/mode/never", says(agent_consequences=CONSEQUENCES)),
    Picture("never-quiet", "/update/mode/never", says()),
    Picture(
        "never-many",
        "/update/mode/never",
        says(
            agent_consequences={
                "holes": [HOLE, {**HOLE, "release": 21, "version": "2026.12", "closes_at": None, "days_open": None}],
                "missed": [{"release": number, "version": f"1.{number}.0"} for number in range(1, 7)],
            }
        ),
    ),
    Picture("never-people", "/update/mode/never", says(agent_people=NAMES)),
    Picture(
        "pin-wrong", "/update/mode/never", says(agent_refuses=TerminalRefused("PIN_WRONG", tries_left=3)), types_pin
    ),
    Picture(
        "pin-locked",
        "/update/mode/never",
        says(
            agent_refuses=TerminalRefused("PIN_LOCKED", failures=5, until=iso(NOW + timedelta(minutes=50))),
            agent_consequences=CONSEQUENCES,
        ),
        types_pin,
    ),
    Picture(
        "postponed-too-far",
        "/update/release/12/postpone",
        says(
            offers=[offer()],
            agent_refuses=TerminalRefused("POSTPONED_TOO_FAR", until=iso(NOW + timedelta(days=3))),
        ),
        types_pin,
    ),
    Picture("go-back", "/update/back", says(history=[past()])),
)
STEPS: Final = (
    Picture("step-begun", "/update", travels("offered", 0)),
    Picture(
        "step-downloading",
        "/update",
        travels("downloading", 1, download={"have_bytes": 6_000_000, "of_bytes": 18_400_000}),
    ),
    Picture("step-checking", "/update", travels("checking", 2)),
    Picture("waiting", "/update", travels("waiting", 3, held=SETTLE)),
    Picture("waiting-until", "/update", travels("waiting", 3, held=WINDOW, again_at=TOMORROW)),
    Picture("waiting-both", "/update", travels("waiting", 3, held=[*SETTLE, *WINDOW], again_at=TOMORROW)),
    Picture("step-backing-up", "/update", travels("backing_up", 4)),
    Picture("step-installing", "/update", travels("installing", 5)),
    Picture("step-rehearsing", "/update", travels("rehearsing", 6)),
    Picture("switching", "/update", travels("migrating", 7, forecast_s=1.4)),
    Picture("switching-overdue", "/update", travels("proving", 7, finished_at=[*FINISHED[:5], FINISHED[3]])),
    Picture("step-selling", "/update", travels("selling", 7)),
    Picture("going-back", "/update", travels("rolling_back", 7, forecast_s=1.4)),
    Picture("step-failed", "/update", travels("failed", 0, finished_at=FINISHED[:5])),
    Picture(
        "step-warned",
        "/update",
        travels(
            "waiting", 3, held=SETTLE, warnings=[{"code": "PERIPHERAL", "params": {"names": ["扫码枪", "Scanner"]}}]
        ),
    ),
)
PAST: Final = (
    Picture("off", "/update/off", says(**NEVER)),
    Picture("off-dateless", "/update/off", says(**{**NEVER, "agent_consequences": {"holes": [], "missed": []}})),
    Picture(
        "off-unheard", "/update/off", says(**{**NEVER, "agent_off": {**OFF, "agreed": False, "confirmed_at": None}})
    ),
    Picture("off-busy", "/update/off", says(**{**NEVER, "agent_off": {**OFF, "agreed": False}})),
    Picture("off-elsewhere", "/update/off", says(**{**NEVER, "agent_off": {**OFF, "way": "server", "person": ""}})),
    Picture("history", "/update/history", says(history=[past(), past("rolled_back", journey="action-3")])),
    Picture(
        "history-long",
        "/update/history",
        says(
            history=[
                past(
                    ("committed", "rolled_back", "failed")[number % 3],
                    journey=f"action-{number}",
                    version=f"1.{number}.0",
                    dropped=number == 5,
                    ended_at=iso(NOW - timedelta(days=number * 40)),
                )
                for number in range(10)
            ]
        ),
    ),
    Picture("history-empty", "/update/history", says()),
    Picture("result", "/update/history/action-4", says(history=[past()])),
    Picture("result-back", "/update/history/action-4", says(history=[past("rolled_back", failure=ROLLED_BACK)])),
    Picture(
        "result-failed",
        "/update/history/action-4",
        says(history=[past("failed", failure=REHEARSAL, without_till_s=None, recovery=ADVICE)]),
    ),
    Picture(
        "result-untrusted",
        "/update/history/action-4",
        says(history=[past("failed", failure=UNSIGNED, without_till_s=None)]),
    ),
    Picture(
        "result-cancelled",
        "/update/history/action-4",
        says(history=[past("failed", dropped=True, without_till_s=None)]),
    ),
)
CLOSING: Final = (
    Picture("closing", "/closing", says(offers=[offer(reasons=WINDOW)])),
    Picture("closing-unsettled", "/closing", says(offers=[offer(reasons=WINDOW)], till=UNSETTLED)),
    Picture("closing-nothing", "/closing", says()),
    Picture("closing-nothing-unsettled", "/closing", says(till=UNSETTLED)),
    Picture("closing-off", "/closing", says(**NEVER)),
    Picture("closing-wished", "/closing", says(offers=[offer(reasons=WINDOW)]), taps(".dock .main")),
    Picture("goodbye", "/closing", says(), taps(".dock .second")),
)
ENDS: Final = (
    Picture("sale", "/update", says(sale=True)),
    Picture("away", "/update", says(policy={})),
    Picture("broken", "/update", says(policy={**policy(), "fields": {}})),
    Picture("lost", "/nowhere", says()),
)
PICTURES: Final = (*MENUS, *IDLE, *OFFERS, *ACTS, *STEPS, *PAST, *CLOSING, *ENDS)


def reasons() -> Iterator[dict[str, Any]]:
    """Every reason this version knows, with facts like those of a shop, and one of a later version."""
    for code in TABLE:
        yield {"code": code, "params": {name: FACTS.get(name, "till") for name in params_of(code)}}
    yield {"code": "FROM_THE_FUTURE", "params": {}}


def reason_pictures() -> Iterator[Picture]:
    """The card of each reason, on the page of a journey it holds."""
    for reason in reasons():
        yield Picture(f"reason-{reason['code']}", "/update", travels("waiting", 3, held=[reason]))
