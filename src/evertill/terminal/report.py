"""The command line's sentences: what a status says, in 中文 or English."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from evertill.protocol.errors import Language
from evertill.protocol.journey import STEPS
from evertill.protocol.phrases import moment, size
from evertill.protocol.reasons import Reason, render
from evertill.terminal.agent.backup import Contents
from evertill.terminal.errors import TerminalRefused

_MODES: Final = {"automatic": ("自动", "automatic"), "manual": ("手动", "manual"), "never": ("永不", "never")}


def set_up(serial: str, people: list[str], recovery: Path, language: Language) -> list[str]:
    if language == "zh":
        return [
            f"终端 {serial} 已开通；可以改设置的人：{'、'.join(people)}。",
            f"恢复密钥在 {recovery}，请离线保存，它不会再出现第二次。",
        ]
    return [
        f"Terminal {serial} is set up; people with a PIN: {', '.join(people)}.",
        f"The recovery key is in {recovery}. Keep it offline; it is never shown again.",
    ]


def status(found: dict[str, Any], language: Language, zone: ZoneInfo) -> list[str]:
    zh = language == "zh"
    components = ", ".join(f"{name} {version}" for name, version in found["components"].items())
    if found["generation"] is None:
        components += "，还没有装收款程序" if zh else "; no till yet"
    lines = [f"{found['serial']} · {components}", *_reasons(found["condition"]["reasons"], language, zone)]
    lines += mode(found["policy"], language, zone)
    lines += checked(found, language, zone)
    if journey := found["journey"]:
        step = _step_word(journey, language, zone)
        head = f"正在升级到 {journey['version']}：{step}" if zh else f"Updating to {journey['version']}: {step}"
        lines.append(f"{head} ({journey['step']}/{journey['of']})")
        lines += _reasons(journey["held"], language, zone)
    return lines


def _step_word(journey: dict[str, Any], language: Language, zone: ZoneInfo) -> str:
    """The step's name for the shop; a journey that waits is called by what it waits for."""
    if journey["held"]:
        return render(msgspec.convert(journey["held"][0], Reason), language, zone).head
    step = STEPS[max(int(journey["step"]), 1) - 1]
    return step.zh if language == "zh" else step.en


def checked(found: dict[str, Any], language: Language, zone: ZoneInfo) -> list[str]:
    """When it last spoke with the server, and what is offered."""
    zh, contact = language == "zh", found["contact"]
    last = moment(datetime.fromisoformat(contact["last_at"]), language, zone) if contact["last_at"] else None
    if last is None:
        lines = ["还没有联系上服务器。" if zh else "The server was not reached yet."]
    else:
        lines = [f"最后联系服务器：{last}。" if zh else f"Last contact with the server: {last}."]
    if contact["trouble"]:
        lines.append(_code("上次没有联系上" if zh else "The latest try did not succeed", contact["trouble"]["code"]))
    for offer in found["offers"]:
        lines += _offer(offer, language, zone)
    if not found["offers"] and last is not None:
        lines.append("没有可用更新。" if zh else "No update is offered.")
    return lines


def mode(policy: dict[str, Any], language: Language, zone: ZoneInfo) -> list[str]:
    """The update mode, whether the server has confirmed it, and the dates that stay."""
    zh, field = language == "zh", policy["fields"]["mode"]
    word = _MODES[field["value"]][not zh]
    confirmed = (
        ("已与服务器一致" if zh else "confirmed by the server")
        if field["confirmed"]
        else ("等服务器确认" if zh else "waiting for the server to confirm")
    )
    lines = [f"更新方式：{word}（{confirmed}）。" if zh else f"Update mode: {word} ({confirmed})."]
    for deadline in policy["deadlines"] if field["value"] == "never" else []:
        if acts_at := deadline.get("acts_at"):
            when = moment(datetime.fromisoformat(acts_at), language, zone)
            lines.append(
                f"版本 {deadline['release']} 仍会在 {when} 之后的升级时段安装。"
                if zh
                else f"Release {deadline['release']} still installs in the window after {when}."
            )
    return lines


def will_install(release: int, language: Language) -> list[str]:
    if language == "zh":
        return [f"收到：版本 {release} 会在收款程序空闲时马上安装。"]
    return [f"Heard: release {release} installs as soon as the till is free."]


def settled(batch: dict[str, Any] | None, language: Language) -> list[str]:
    if batch is None:
        return ["没有要结算的交易。" if language == "zh" else "There is nothing to settle."]
    count = batch.get("sale_count", 0) + batch.get("refund_count", 0)
    return [f"已结算 {count} 笔。" if language == "zh" else f"Settled {count} entries."]


def backups(notes: list[dict[str, Any]], language: Language, zone: ZoneInfo) -> list[str]:
    if not notes:
        return ["还没有备份。" if language == "zh" else "There is no backup yet."]
    return [
        f"{note['file']}  {moment(datetime.fromisoformat(note['made_at']), language, zone)}  {size(note['size_bytes'])}"
        for note in notes
    ]


def restored(ended: dict[str, Any], language: Language) -> list[str]:
    if ended["code"]:
        return [
            _code(
                "没有恢复，原来的数据照常使用"
                if language == "zh"
                else f"Not restored, the old data stay in use: {ended['detail']}",
                ended["code"],
            )
        ]
    return [f"已恢复 {ended['file']}，正在收款。" if language == "zh" else f"{ended['file']} is restored and selling."]


def unpacked(contents: Contents, folder: Path, language: Language, *, tested: bool) -> list[str]:
    rows, when = contents.survey.rows, contents.made_at.isoformat(timespec="minutes")
    if language == "zh":
        opened = "，收款程序能打开" if tested else ""
        return [f"{contents.serial} 在 {when} 的备份已恢复到 {folder}：{rows} 行，逐行核对一致{opened}。"]
    opened = ", and the till opens it" if tested else ""
    return [f"The backup of {contents.serial} from {when} is in {folder}: {rows} rows, each compared{opened}."]


def recovery_key(content: bytes, path: Path) -> str:
    """The identity in a recovery file. Raises TerminalRefused RECOVERY_KEY_INVALID."""
    for line in content.decode(errors="replace").splitlines():
        if line.startswith("AGE-SECRET-KEY-1"):
            return line.strip()
    raise TerminalRefused("RECOVERY_KEY_INVALID", file=path)


def _offer(offer: dict[str, Any], language: Language, zone: ZoneInfo) -> list[str]:
    zh = language == "zh"
    if refused := offer.get("refused"):
        return [
            _code(
                f"版本 {offer['release']} 不能核实" if zh else f"Release {offer['release']} cannot be verified",
                refused["code"],
            )
        ]
    head = f"{offer['name']} {offer['version']} [{offer['release']}] {size(offer['size_bytes'])}"
    return [("可用更新：" if zh else "Offered: ") + head, *_reasons(offer["reasons"], language, zone)]


def _reasons(reasons: list[dict[str, Any]], language: Language, zone: ZoneInfo) -> list[str]:
    now = datetime.now(zone)
    rendered = [render(msgspec.convert(reason, Reason), language, zone, now) for reason in reasons]
    return [f"  {words.why}{'。' if language == 'zh' else '. '}{words.can}" for words in rendered]


def _code(sentence: str, code: str) -> str:
    return f"{sentence} [{code}]"
