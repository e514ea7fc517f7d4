"""What is wrong with the till of a terminal itself, outside any update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evertill.protocol.reasons.meaning import Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

BREAKAGE: Final[Mapping[str, Meaning]] = {
    "RUNNING_SLOT_DAMAGED": Meaning(
        "need",
        "time",
        False,
        ("程序文件损坏", "Program files damaged"),
        (
            "终端上 {components:list} 的文件和安装时不一样；账没有动",
            "Files of {components:list} on this terminal are not as they were installed; the sales are untouched",
        ),
        (
            "不用做什么；会自动修复成同一个版本，账都在",
            "Nothing to do. The same version is repaired by itself, and every sale is kept",
        ),
    ),
    "REPAIR_NEEDS_SERVER": Meaning(
        "need",
        "operator",
        False,
        ("程序文件损坏", "Program files damaged"),
        (
            "终端上 {components:list} 的文件和安装时不一样，这里没有可用的备份文件；账没有动",
            "Files of {components:list} are not as they were installed, and nothing here can replace them; the sales are untouched",
        ),
        (
            "请连上网络，联系客服重新下发现在的版本",
            "Connect to the network and ask support to send the present version again",
        ),
    ),
    "REPAIR_FAILED": Meaning(
        "need",
        "support",
        False,
        ("修复没有成功", "Not repaired"),
        ("{version} 没有修复成功（{what}）；账没有动", "{version} was not repaired ({what}); the sales are untouched"),
        (
            "会自动再试；收不了款，请联系客服，报终端序列号和这个代码",
            "It is tried again by itself. If the till stays away, contact support with the serial number and this code",
        ),
    ),
    "TILL_HANGS": Meaning(
        "need",
        "time",
        False,
        ("收款程序停住了", "The till hangs"),
        (
            "收款程序 {minutes} 分钟没有回应，没有在收款",
            "The till has not answered for {minutes} minutes; no sale is running",
        ),
        (
            "不用做什么；马上自动重新启动，账都在",
            "Nothing to do. It is started again by itself, and every sale is kept",
        ),
    ),
    "TILL_HANGS_IN_SALE": Meaning(
        "need",
        "merchant",
        False,
        ("收款中停住了", "The till hangs in a sale"),
        (
            "收款程序 {minutes} 分钟没有回应，有一笔还没收完",
            "The till has not answered for {minutes} minutes, and a sale is unfinished",
        ),
        (
            "可以输密码重新启动；出过小票的每一笔都在，没收完的那一笔要重新收",
            "Start it again with a PIN: every sale with a receipt is kept, the unfinished one has to be made again",
        ),
    ),
    "TILL_KEEPS_ENDING": Meaning(
        "need",
        "support",
        False,
        ("收款程序打不开", "The till does not stay up"),
        (
            "收款程序启动后又退出，已经 {count} 次；每次再试的间隔会变长",
            "The till has started and ended {count} times in a row; each next try waits longer",
        ),
        ("不用守着，会自动再试；一直打不开，请联系客服", "It tries again by itself. If it stays so, contact support"),
    ),
}
