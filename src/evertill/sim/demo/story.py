"""The story of the demo, chapter by chapter: what people do, by commands and pages, and what the observer must then see.

The player only acts; whether it came true is the observer's word alone. A sight that does not come ends the story.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from evertill.sim.demo import cast, said
from evertill.sim.demo.chapters import CHAPTERS
from evertill.sim.demo.stage import far_window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evertill.sim.demo.stage import Stage

FIRST, GOOD, BAD1, BAD2 = "1.0.0", "1.1.0", "1.1.1+bad1", "1.1.2+bad2"
NOTES: Final = {
    FIRST: ("演示：第一版收款程序", "Demo: the first till"),
    GOOD: ("演示：新增打折", "Demo: adds discounts"),
    BAD1: ("演示：坏版本，自检会发现", "Demo: a bad build; its self-test finds it"),
    BAD2: ("演示：坏版本，第二次启动会发现", "Demo: a bad build; its second start finds it"),
}
SOON_S, LATER_S = 120.0, 240.0  # on a busy machine; on a quiet one nothing takes half a minute
AT_ONCE_S = 0.02  # how often to look where a person must act in time: a rehearsal takes half a second


class StoryBroken(Exception):
    """Something that was told was not seen."""


class Story:
    def __init__(self, stage: Stage, bundles: Path, tell: Callable[[str], None]) -> None:
        self._stage = stage
        self._office, self._watching = stage.office, stage.watching
        self._bundles = bundles
        self._tell = tell
        self._chapter = ""
        self._releases: dict[str, int] = {}
        self._automatic, self._unsettled, self._off, self._evening = (
            stage.terminals[till.serial] for till in cast.REAL
        )

    def play(self) -> None:
        """Every chapter in its order. Raises `StoryBroken`, `CommandRefused`, `PageRefused`, `ScreenRefused`."""
        chapters = {
            "opening": self._opening,
            "off": self._switched_off,
            "rollout": self._rolled_out,
            "settlement": self._waited_for_settlement,
            "evening": self._off_at_night,
            "rehearsal": self._stopped_at_rehearsal,
            "rollback": self._rolled_back,
            "books": self._counted,
        }
        for name, chapter in chapters.items():
            self._chapter = name
            self._tell(CHAPTERS[name])
            chapter()

    def _opening(self) -> None:
        """Four new terminals get their first till by an ordinary rollout, and open their shops."""
        real = self._serials_file("opening", *(till.serial for till in cast.REAL))
        self._roll_out(FIRST, "--file", real, "--success", "100")
        for version in (GOOD, BAD1, BAD2):
            self._publish(version)
        for number, terminal in enumerate(self._stage.terminals.values(), start=1):
            self._see("selling", LATER_S, serial=terminal.serial, version=FIRST)
            terminal.cashier.first_day()
            terminal.cashier.sign_in()
            terminal.cashier.sell(12_50 * number, 8_88)
            if terminal is not self._unsettled:
                terminal.cashier.settle()
        for terminal in self._stage.terminals.values():
            self._see("verified", LATER_S, serial=terminal.serial, version=FIRST)
        self._office.say("policy", "set", self._evening.serial, "window", far_window())
        self._watching.mark(*self._stage.terminals)

    def _switched_off(self) -> None:
        self._off.screen.switch_updates("never", self._off.owner_pin)
        self._see("off", SOON_S, serial=self._off.serial)
        self._watching.mark(self._off.serial)

    def _rolled_out(self) -> None:
        """In groups; the first terminal takes it by itself."""
        self._rollout = self._roll_out(
            GOOD, "--at", cast.OPERATOR, "--groups", "30,70", "--success", "50", "--error", "30"
        )
        self._see("verified", LATER_S, serial=self._automatic.serial, version=GOOD)
        self._see("rolled_out", LATER_S, number=self._rollout, verified=1 + len(cast.VIRTUAL))

    def _waited_for_settlement(self) -> None:
        self._see("waits", LATER_S, serial=self._unsettled.serial, code="TILL_BATCH_UNSETTLED")
        self._see("says_itself", SOON_S, serial=self._unsettled.serial, code="TILL_BATCH_UNSETTLED")
        self._see("untouched", SOON_S, serial=self._unsettled.serial, version=FIRST)
        self._unsettled.cashier.settle()
        self._see("verified", LATER_S, serial=self._unsettled.serial, version=GOOD)
        self._see("waits", SOON_S, serial=self._off.serial, code="MODE_NEVER")
        self._see("nothing_fetched", SOON_S, serial=self._off.serial)

    def _off_at_night(self) -> None:
        """Its window is twelve hours away and it would be switched off then."""
        terminal = self._evening
        self._see("waits", LATER_S, serial=terminal.serial, code="WINDOW_CLOSED")
        terminal.switch_off()
        self._see("dark", SOON_S, serial=terminal.serial)
        terminal.switch_on()
        self._see("selling", SOON_S, serial=terminal.serial, version=FIRST)
        self._watching.mark(terminal.serial)
        terminal.cashier.sign_in()
        terminal.cashier.sell(33_30)
        self._see("waits", SOON_S, serial=terminal.serial, code="WINDOW_CLOSED")
        self._see("untouched", SOON_S, serial=terminal.serial, version=FIRST)
        terminal.cashier.settle()
        terminal.screen.update_at_closing()
        self._see("dark", LATER_S, serial=terminal.serial)
        terminal.switch_on()
        self._see("selling", SOON_S, serial=terminal.serial, version=GOOD)
        self._see("verified", LATER_S, serial=terminal.serial, version=GOOD)

    def _stopped_at_rehearsal(self) -> None:
        """While the new till is rehearsed and refused, the old one takes money."""
        terminal = self._automatic
        terminal.cashier.sign_in()
        self._watching.mark(terminal.serial)
        rollout = self._roll_out(BAD1, "--file", self._serials_file("bad1", terminal.serial))
        states = ["backing_up", "installing", "rehearsing"]
        self._see("in_state", LATER_S, every_s=AT_ONCE_S, serial=terminal.serial, states=states)
        terminal.cashier.sell(21_00)
        self._see("ended", LATER_S, serial=terminal.serial, outcome="failed", version=GOOD)
        self._see("sold_meanwhile", SOON_S, serial=terminal.serial, first="backing_up", last="failed")
        self._see("never_stopped", SOON_S, serial=terminal.serial)
        self._see("halted", SOON_S, number=rollout, by="errors", opened=1)
        terminal.cashier.settle()

    def _rolled_back(self) -> None:
        """The first group finds out; the second never gets it."""
        terminal, behind = self._automatic, (self._unsettled, self._evening)
        self._watching.mark(terminal.serial, *(each.serial for each in behind))
        serials = self._serials_file("bad2", terminal.serial, *cast.BEHIND_BAD)
        rollout = self._roll_out(BAD2, "--file", serials, "--groups", "40,60")
        self._see("ended", LATER_S, serial=terminal.serial, outcome="rolled_back", version=GOOD)
        self._see("halted", SOON_S, number=rollout, by="errors", opened=1)
        for each in behind:
            self._see("untouched", SOON_S, serial=each.serial, version=GOOD)
            self._see("nothing_fetched", SOON_S, serial=each.serial)

    def _counted(self) -> None:
        """Each till takes one more sale, and every sale of the day is there."""
        for terminal in self._stage.terminals.values():
            terminal.cashier.sign_in()
            terminal.cashier.sell(6_60)
            taken = terminal.cashier.receipts_fen
            self._see("sales", SOON_S, serial=terminal.serial, total_fen=sum(taken), count=len(taken))
        self._see("untouched", SOON_S, serial=self._off.serial, version=FIRST)
        self._see("nothing_fetched", SOON_S, serial=self._off.serial)

    def _publish(self, version: str) -> int:
        """A signed release of one bundle; its number."""
        notes = ("--notes-zh", NOTES[version][0], "--notes-en", NOTES[version][1], "--severity", "feature")
        bundle = self._bundles / f"till-{version}.evb"
        made = self._office.ask(
            "release", "create", "--component", bundle, "--name", "till", "--version", version, *notes
        )
        self._office.say("release", "publish", made["id"])
        self._releases[version] = made["id"]
        return int(made["id"])

    def _roll_out(self, version: str, *words: str | Path) -> int:
        """A started rollout; its number."""
        release = self._releases.get(version) or self._publish(version)
        made = self._office.ask("rollout", "create", "--release", str(release), "--timeout", "10m", *words)
        self._office.say("rollout", "start", made["id"])
        return int(made["id"])

    def _serials_file(self, name: str, *serials: str) -> Path:
        file = self._stage.folder / f"serials-{name}"
        file.write_text("\n".join(serials) + "\n", encoding="ascii")
        return file

    def _see(self, what: str, within_s: float, **words: Any) -> None:
        seen = self._watching.see(self._chapter, what, within_s, **words)
        self._tell(said.seen(what, words, seen["after_s"], observed=seen["observed"]))
        if not seen["observed"]:
            about = " ".join(str(value) for value in words.values())
            why = ", ".join([seen["facts"]["trouble"], *(f"ended too early: {log}" for log in self._stage.gone())])
            raise StoryBroken(f"{self._chapter}: {what} {about} was not seen within {within_s:.0f} s: {why}")
