"""What the demo tells whoever started it, in both languages: where everything is, how it ended, what one can try. Texts only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from evertill.sim.demo import cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evertill.sim.demo.stage import Stage
    from evertill.sim.demo.terminal import RealTerminal


# What was seen, by the observer's names for it.
SEEN: Final = {
    "selling": "用 {version} 收款 / sells with {version}",
    "verified": "{version} 已证实 / {version} is proven",
    "off": "已关闭，终端已确认 / off, confirmed by the terminal",
    "rolled_out": "升级计划 {number} 到了每一批 / rollout {number} reached group after group",
    "waits": "在等，服务器和后台都说原因 / waits; server and console say why: {code}",
    "says_itself": "它自己的屏幕也这么说 / its own screen says so too",
    "untouched": "{version} 一个字节没变 / {version} is untouched, byte for byte",
    "nothing_fetched": "更新数据一个字节也没收 / fetched not one byte",
    "dark": "已关机 / is switched off",
    "in_state": "新版本正在预演 / the new version is being rehearsed",
    "sold_meanwhile": "预演时收了一笔款 / took a sale meanwhile",
    "never_stopped": "收款一刻没停 / never stopped selling",
    "ended": "没升级成（{outcome}），{version} 照常收款 / no update ({outcome}); {version} sells on",
    "halted": "升级计划 {number} 自动暂停 / rollout {number} halted by itself",
    "sales": "{count} 笔都在，一分不差 / all {count} sales are there, to the fen",
}


def seen(what: str, words: dict[str, Any], after_s: float, *, observed: bool) -> str:
    """One line of the story: whether it was so, who, what, and how long it took."""
    mark, sentence = "✓" if observed else "✗ 没看到 / not seen:", SEEN[what].format(**words)
    return "  " + " ".join(filter(None, (mark, words.get("serial", ""), sentence, f"· {after_s} s")))


def addresses(stage: Stage, took_s: float) -> Iterator[str]:
    """Where to look, and what to sign in with."""
    office = stage.office
    yield f"演示已就绪 / The demo is ready ({took_s:.0f} s)"
    yield ""
    yield f"运营后台 / Console      {office.url}/"
    yield f"                        {cast.ADMIN}   {stage.passwords[cast.ADMIN]}"
    for terminal in stage.terminals.values():
        yield from _of_terminal(terminal)
    yield f"命令行 / Command line   . {stage.shell}; evertill terminal list"
    yield ""
    yield "故事正在上演：请看，先别动手，否则账对不上 / The story plays now: look, but do not touch yet, or its books will not balance"


def ending(took_s: float, *, observed: bool) -> Iterator[str]:
    what = "全部看到 / All of it was observed" if observed else "没有全部看到 / Not all of it was observed"
    yield f"{what} ({took_s:.0f} s)"


def invitation(stage: Stage) -> Iterator[str]:
    """What is worth a visit after the story."""
    off = stage.terminals[cast.OFF.serial]
    yield ""
    yield "现在可以自己动手 / Now it is yours to try:"
    yield "  · 后台：点任何一台终端的“为什么？”；看看自动暂停的升级计划 / Console: any terminal's “Why?”; the rollout that halted by itself"
    yield f"  · 终端 3 {_screen(off)}：设置 → 软件更新 → 现在就装，看它等什么；收款 → 结算，它就装 / Terminal 3: Settings, Software update, Install now, and see what it waits for; settle, and it installs"
    yield "  · 任何终端：把更新方式改成手动或永不，再看后台的这台终端 / Any terminal: set the update mode to manual or never, then look at it in the console"
    yield ""
    yield "演示一直运行，Ctrl-C 结束，什么也不留下 / The demo goes on running; Ctrl-C ends it and leaves nothing behind."


def _of_terminal(terminal: RealTerminal) -> Iterator[str]:
    cashier, supervisor, admin = terminal.cashier.pins.values()
    yield f"终端 / Terminal         {_screen(terminal)}   {terminal.serial}   {terminal.name}"
    yield f"                        店长密码 / owner's PIN {terminal.owner_pin}   收银员 / cashier 01: {cashier}   主管 / supervisor 00: {supervisor}   管理员 / admin 99: {admin}"


def _screen(terminal: RealTerminal) -> str:
    return f"http://127.0.0.1:{terminal.screen_port()}/"
