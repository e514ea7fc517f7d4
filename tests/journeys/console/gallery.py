"""Every page of the console in every state it can show: a fleet in all of them, and the address of each page by what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from evertill.protocol.ddi import PolicyChangeReport, TillReport
from evertill.protocol.policy import FIELDS
from evertill.protocol.reasons import Reason
from evertill.server.rooms.catalog.models import Release
from evertill.server.rooms.fleet import service as fleet
from evertill.server.rooms.fleet.models import Terminal
from evertill.server.rooms.fleet.rules import Client
from evertill.server.rooms.organisations import queries as tree
from evertill.server.rooms.organisations.models import Node
from evertill.server.rooms.organisations.rules import Kind
from evertill.server.rooms.policies import queries as policy_queries
from evertill.server.rooms.policies import service as policies
from evertill.server.rooms.policies.models import Conflict
from evertill.server.rooms.rollouts import service
from evertill.server.rooms.rollouts.models import Action, Rollout
from evertill.server.rooms.rollouts.service import NewRollout, groups
from tests.server.shop import Shop, report

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.accounts.access import Identity

BOARDS = 24
LONG_NOTES = {
    "zh": "新增：按商品打折。\n修复：连续两次点“结算”时，第二次会等很久。\n" + "说明：这一行很长，" * 20,
    "en": "New: discounts by article.\nFixed: a second tap on “Settle” waited for long.\n"
    + "A long line of notes. " * 20,
}


@dataclass
class Gallery:
    """Made once per test; `pages` is by what each shows."""

    shop: Shop
    owner: Identity
    store: Node
    pages: dict[str, str] = field(default_factory=dict)
    serials: list[str] = field(default_factory=list)
    at: datetime = field(init=False)

    def hang(self) -> dict[str, str]:
        self._names()
        self._terminals()
        self._releases()
        self._rollouts()
        self._policies()
        self._rest()
        return self.pages

    def _names(self) -> None:
        for address, chinese, english in (
            (self.store.address, "演示门店一", "Demo store one"),
            (self.store.get_parent().address, "演示商户", "Demo merchant"),
        ):
            Node.objects.filter(address=address).update(name_zh=chinese, name_en=english)

    @property
    def now(self) -> datetime:
        return self.shop.now

    def _terminal(
        self, serial: str, name: str, release: Release | None, **words: Any
    ) -> tuple[Terminal, Action | None]:
        """One of the store's tills that was heard from just now, with an open action of that release."""
        terminal = self.shop.terminal(serial, at=self.store.address, **words)
        Terminal.objects.filter(pk=terminal.pk).update(name=name)
        self.shop.says(terminal, component__till="1.0.0", slot="A", generation="3")
        fleet.note_seen([(terminal.pk, self.now, None)])
        self.pages[name] = f"/terminals/{serial}"
        if release is None:
            return terminal, None
        action = service.assign(serial, release.pk, self.shop.admin, self.now)
        Action.objects.filter(pk=action.pk).update(retrieved_at=self.now)
        return terminal, action

    def _tells(self, terminal: Terminal, action: Action | None, reason: Reason, *, failed: bool = False) -> None:
        words: dict[str, Any] = {
            "state": "reported" if failed else "waiting",
            "step": 7 if failed else 3,
            "reasons": [reason],
            "till": TillReport(sale=False, batch_count=17, pending=0),
        }
        told = report("closed", "failure", "reader silent", **words) if failed else report("proceeding", **words)
        assert action is not None
        service.feedback(terminal.pk, action.pk, told, self.now + timedelta(minutes=1))

    def _terminals(self) -> None:
        fleet.add_model("演示机型 D10", ["B"], self.shop.admin, self.now)
        till = self.shop.release("1.1.0")
        verified, action = self._terminal("DEMO-0001", "up to date", till)
        assert action is not None
        service.feedback(verified.pk, action.pk, report("closed", "success", "installed"), self.now)
        self.shop.says(verified, component__till="1.1.0", slot="B", generation="4")
        waiting, action = self._terminal("DEMO-0002", "waiting", till, model="演示机型 D10")
        for _ in range(3):
            self._tells(waiting, action, Reason.of("TILL_BATCH_UNSETTLED", count=17))
        for serial, name in (("DEMO-0003", "off and confirmed"), ("DEMO-0004", "off, not confirmed")):
            off, _action = self._terminal(serial, name, None)
            policies.set_field(off, "mode", "never", self.owner, self.now, reason="demo: the owner wants quiet")
        failed, action = self._terminal("DEMO-0005", "failed", till)
        self._tells(failed, action, Reason.of("REHEARSAL_FAILED", version="1.1.0", what="reader silent"), failed=True)
        back, action = self._terminal("DEMO-0006", "rolled back", till)
        undone = Reason.of("ROLLED_BACK", version="1.1.0", back="1.0.0", what="reader silent")
        self._tells(back, action, undone, failed=True)
        self.shop.terminal("DEMO-0007", at=self.store.address)
        self.pages["never seen"] = "/terminals/DEMO-0007"
        silent, _action = self._terminal("DEMO-0008", "silent", till)
        fleet.note_seen([(silent.pk, self.now - timedelta(days=9), None)])
        asks, action = self._terminal("DEMO-0009", "waits for a yes", till)
        assert action is not None
        Action.objects.filter(pk=action.pk).update(retrieved_at=None)
        policies.set_field(asks, "mode", "manual", self.shop.admin, self.now, reason="demo: asked for by phone")
        self._terminal("DEMO-0010", "retired", None)
        fleet.retire("DEMO-0010", self.shop.admin, self.now)
        forked, _action = self._terminal("DEMO-0011", "changed in two places", till)
        self._fork(forked)
        self._terminal("DEMO-0012", "a name so long that it has to be broken somewhere or cut, " * 2, None)
        self.pages["action"] = f"/actions/{action.pk}"
        self.pages["cancelling"] = f"/actions/{action.pk}/cancel"
        self.pages["assigning"] = f"/terminals/DEMO-0001/assign?release={till.pk}"
        self.pages["assigning, nothing chosen"] = "/terminals/DEMO-0001/assign"

    def _fork(self, terminal: Terminal) -> None:
        before = policy_queries.revision_of(terminal.pk).revision
        policies.set_field(terminal, "mode", "manual", self.shop.admin, self.now, reason="demo")
        said = PolicyChangeReport(
            uuid=str(uuid4()),
            base_revision=before,
            field="mode",
            value="never",
            way="terminal",
            person="demo cashier",
            risk_text="never-1",
            made_at=self.now,
        )
        policies.receive_changes(terminal.pk, [said], self.now)
        assert Conflict.objects.filter(terminal=terminal, settled_at=None).exists()

    def _releases(self) -> None:
        for state in ("draft", "awaiting_signatures", "withdrawn", "revoked"):
            release = self.shop.release("1.0.9", component="other", state=state)
            moments = {"withdrawn_at": self.now, "revoked_at": self.now if state == "revoked" else None}
            if state in {"withdrawn", "revoked"}:
                Release.objects.filter(pk=release.pk).update(**moments)
            else:
                Release.objects.filter(pk=release.pk).update(published_at=None)
            self.pages[f"release, {state}"] = f"/releases/{release.pk}"
            self.pages[f"withdrawing, {state}"] = f"/releases/{release.pk}/withdraw"
        long = self.shop.release(
            "1.2.0",
            component="till-with-a-long-name-of-its-own",
            notes=LONG_NOTES,
            severity="critical",
            required_at=self.now + timedelta(days=22),
            cves=["CVE-2026-0001", "CVE-2026-0002"],
        )
        self.pages["release, long notes"] = f"/releases/{long.pk}"
        self.pages["withdrawing"] = f"/releases/{long.pk}/withdraw"
        self.pages["releases"] = "/releases"
        self.pages["releases, none fits"] = "/releases?state=draft&before=1"

    def _rollouts(self) -> None:
        self.serials = [f"BOARD-{number:02}" for number in range(BOARDS)]
        models = ("演示机型 T5", "演示机型 D20")
        for model in models:
            fleet.add_model(model, ["A"], self.shop.admin, self.now)
        for serial in self.serials:
            self.shop.terminal(serial, client=Client.DDI, model=models[serial >= self.serials[BOARDS // 2]])
        ends = {
            "paused": self._pause,
            "stopped": self._stop,
            "done": self._finish,
            "halted, too few": self._too_few,
            "halted": self._halt,
        }
        self.at, halted = self.now - timedelta(hours=5), 0
        draft = self._rollout("2.0.0", started=False)
        self.pages["rollout, draft"] = f"/rollouts/{draft.pk}"
        for number, (name, end) in enumerate(ends.items(), start=1):
            rollout = self._rollout(f"2.{number}.0", started=True)
            end(rollout)
            self.pages[f"rollout, {name}"] = f"/rollouts/{rollout.pk}"
            halted = rollout.pk
        self.pages["rollout's numbers"] = f"/rollouts/{halted}/numbers?group=1"
        self.pages["rollout's members"] = f"/rollouts/{halted}/members"
        self.pages["rollout's members, nobody"] = f"/rollouts/{halted}/members?group=7"
        self.pages["stopping"] = f"/rollouts/{halted}/stop"
        self.pages["starting what runs"] = f"/rollouts/{halted}/start"
        self.pages["rollouts"] = "/rollouts"
        self.pages["planning"] = "/rollouts/new"
        running = self._rollout("3.0.0", started=True, error_percent=90)
        self.pages["rollout, running"] = f"/rollouts/{running.pk}"

    def _rollout(self, version: str, *, started: bool, error_percent: int = 20) -> Rollout:
        self._later(20)
        image = self.shop.release(version, passthrough=True, component=f"board-{version}")
        plan = NewRollout(image.pk, serials=self.serials, groups="50,50", error_percent=error_percent)
        rollout = groups.create(plan, self.shop.admin, self.at)
        return groups.start(rollout.pk, self.shop.admin, self.at) if started else rollout

    def _later(self, minutes: int) -> None:
        self.at += timedelta(minutes=minutes)

    def _pause(self, rollout: Rollout) -> None:
        groups.pause(rollout.pk, self.shop.admin, self.at)

    def _stop(self, rollout: Rollout) -> None:
        groups.stop(rollout.pk, self.shop.admin, self.at)

    def _finish(self, rollout: Rollout) -> None:
        for _group in (1, 2):
            for action in self._open(rollout):
                self._later(1)
                self._ends(action, well=True)
            groups.tick(self.at)
        groups.tick(self.at)

    def _halt(self, rollout: Rollout) -> None:
        """The boards of one model fail, and the last two say nothing yet."""
        for number, action in enumerate(self._open(rollout)[:-2]):
            self._later(3)
            self._ends(action, well=number < 2 or action.terminal.serial < self.serials[BOARDS // 2])
        groups.tick(self.at)

    def _too_few(self, rollout: Rollout) -> None:
        Rollout.objects.filter(pk=rollout.pk).update(success_percent=100, error_percent=50)
        for number, action in enumerate(self._open(rollout)):
            self._later(2)
            self._ends(action, well=number > 0)
        groups.tick(self.at)

    def _open(self, rollout: Rollout) -> list[Action]:
        mine = Action.objects.select_related("terminal", "release").filter(rollout=rollout, closed_at=None)
        return list(mine.order_by("terminal__serial"))

    def _ends(self, action: Action, *, well: bool) -> None:
        service.retrieve(action.terminal_id, action.pk, self.at)
        self.shop.says(action.terminal, self.at)
        told: dict[str, Any] = {
            "state": "reported",
            "step": 7,
            "reasons": [Reason.of("REHEARSAL_FAILED", version=action.release.version, what="reader silent")],
        }
        words = report("closed", "success", "done") if well else report("closed", "failure", "reader silent", **told)
        service.feedback(action.terminal_id, action.pk, words, self.at)

    def _policies(self) -> None:
        root = tree.operator()
        policies.set_field(root, "battery_floor_percent", 60, self.shop.admin, self.now, mandated=True)
        freeze = [{"starts_on": "2027-01-30", "ends_on": "2027-02-12"}]
        policies.set_field(
            self.store.get_parent(), "freeze", freeze, self.shop.admin, self.now, reason="demo: new year"
        )
        off = Terminal.objects.get(serial="DEMO-0003")
        policies.acknowledge(off.pk, policy_queries.revision_of(off.pk).revision, self.now, self.now)
        self.pages["policy of the operator"] = "/policies/DEFAULT"
        self.pages["policy of the store"] = f"/policies/{self.store.address}"
        self.pages["policy of a terminal"] = "/terminals/DEMO-0002/policy"
        self.pages["policy with a conflict"] = "/terminals/DEMO-0011/policy"
        self.pages["policy, mode of a terminal"] = "/terminals/DEMO-0002/policy?field=mode"
        self.pages["policy, held above"] = "/terminals/DEMO-0002/policy?field=battery_floor_percent"
        for name in FIELDS:
            self.pages[f"policy, {name}"] = f"/policies/{self.store.address}?field={name}"

    def _rest(self) -> None:
        path = "DEFAULT"
        for level in range(1, 6):
            path = f"{path}/agent-{level}"
            self.shop.node(path, Kind.AGENT)
        self.shop.node(f"{path}/deep-merchant", Kind.MERCHANT)
        deep = self.shop.node(f"{path}/deep-merchant/deep-store", Kind.STORE)
        for number in range(4):
            self.shop.node(f"DEFAULT/agent-1/merchant-{number}", Kind.MERCHANT)
        self.shop.terminal("DEMO-DEEP", at=deep.address)
        self.pages |= {
            "terminals": "/",
            "terminals, one state": "/?update=need",
            "terminals, one reason": "/?reason=TILL_BATCH_UNSETTLED",
            "terminals, every filter": "/?q=DEMO&update=wait&reason=TILL_BATCH_UNSETTLED&at=DEFAULT&client=evertill&state=active",
            "terminals, silent": "/?update=mute",
            "search, many": "/?q=BOARD",
            "search, none": "/?q=nowhere",
            "terminals, second page": "/?after=DEMO-0005",
            "tree": "/tree/DEFAULT",
            "tree, agent": "/tree/DEFAULT/agent-1",
            "tree, deep": f"/tree/{deep.address}",
            "terminal, deep": "/terminals/DEMO-DEEP",
            "audit": "/audit",
            "audit, narrowed": "/audit?kind=terminal&actor=demo-admin",
            "audit, none fits": "/audit?ref=nowhere",
            "refused: no such terminal": "/terminals/NOWHERE",
            "no such address": "/nowhere",
            "signing out": "/sign-out/",
        }
