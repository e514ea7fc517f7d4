"""The terminal's own checks, its till gate, and what can happen on the journey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evertill.protocol.reasons.meaning import CALL_SUPPORT, NOTHING, ONLINE, WE_LOOK, Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

TERMINAL: Final[Mapping[str, Meaning]] = {
    "TILL_SILENT": Meaning(
        "need",
        "merchant",
        False,
        ("收银程序没有回应", "The till does not answer"),
        ("收银程序没有回应，不知道有没有在收款", "The till does not answer, so nobody knows whether a sale is running"),
        ("打开收银程序；打不开，请联系客服", "Open the till; if it does not open, contact support"),
    ),
    "TILL_SALE": Meaning(
        "wait",
        "merchant",
        False,
        ("正在收款", "A sale is running"),
        ("这台终端正在收款", "This terminal is taking a payment"),
        ("收完这一笔，或取消它", "Finish this sale, or cancel it"),
    ),
    "TILL_BATCH_UNSETTLED": Meaning(
        "wait",
        "merchant",
        False,
        ("等待结算", "Waiting for settlement"),
        (
            "有 {count} 笔交易还没结算；为了账不出错，结算前不安装",
            "{count} sales are not settled; to keep the books right, nothing installs before",
        ),
        ("打烊后结算，晚上插着电源", "Settle after closing and leave it plugged in"),
    ),
    "TILL_PENDING": Meaning(
        "wait",
        "merchant",
        False,
        ("有交易没结果", "A result is missing"),
        ("有 {count} 笔冲正或结果未知的交易", "{count} reversals or payments have no final result"),
        ("连上网络，在收款页查清这几笔的结果", "Connect to the network and clear them at the till"),
    ),
    "TILL_QUEUE": Meaning(
        "wait",
        "merchant",
        False,
        ("离线交易没上送", "Offline sales waiting"),
        ("有 {count} 笔离线交易还没上送", "{count} offline sales are not sent yet"),
        ("连上网络，在收款页上送这几笔", "Connect to the network and send them from the till"),
    ),
    "STORAGE": Meaning(
        "need",
        "merchant",
        False,
        ("空间不够", "Not enough space"),
        ("要 {need_bytes:size}，还有 {free_bytes:size}", "It needs {need_bytes:size}; {free_bytes:size} are free"),
        (
            "缓存已经清过，账和备份不会删；请联系客服",
            "Caches are cleaned already; sales and backups are never deleted. Please ask support",
        ),
    ),
    "BATTERY": Meaning(
        "wait",
        "merchant",
        False,
        ("电量不够", "Battery low"),
        ("电量 {percent}%，到 {floor}% 才安装", "Battery {percent} %; it installs from {floor} %"),
        ("请插上电源，到 {floor}% 自动继续", "Plug it in; it goes on by itself at {floor} %"),
    ),
    "POWER_UNKNOWN": Meaning(
        "ask",
        "merchant",
        False,
        ("请确认电源", "Check the power"),
        ("这台终端读不到电量", "This terminal cannot read its power"),
        ("请插好电源，点“电源已接好”", 'Plug it in and tap "Power is connected"'),
    ),
    "NETWORK_BUDGET": Meaning(
        "wait",
        "merchant",
        False,
        ("等 Wi-Fi", "Waiting for Wi-Fi"),
        (
            "下载要 {need_bytes:size}，本月流量还剩 {left_bytes:size}",
            "The download is {need_bytes:size}; {left_bytes:size} of this month's data are left",
        ),
        ("请连 Wi-Fi，或等到下个月", "Join Wi-Fi, or wait until next month"),
    ),
    "NETWORK_METERED": Meaning(
        "wait",
        "merchant",
        False,
        ("等 Wi-Fi", "Waiting for Wi-Fi"),
        ("设置了不用手机流量下载", "Downloads over mobile data are switched off"),
        ("请连 Wi-Fi 或网线", "Join Wi-Fi or plug in a cable"),
    ),
    "PERIPHERAL": Meaning(
        "ask",
        "merchant",
        False,
        ("请拔掉外接设备", "Unplug a device"),
        ("安装前要拔掉 {names:list}", "{names:list} must be unplugged before installing"),
        ("拔掉它们，再点“继续”；电源和网线不用拔", 'Unplug them and tap "Continue"; leave power and network in'),
    ),
    "SERVER_SILENT": Meaning(
        "mute",
        "time",
        False,
        ("没有联系上", "No contact"),
        ("联系不上服务器", "The server does not answer"),
        ONLINE,
    ),
    "SERVER_BUSY": Meaning(
        "wait",
        "time",
        True,
        ("服务器忙", "Server busy"),
        ("服务器忙，{until:moment} 再试", "The server is busy; next try {until:moment}"),
        NOTHING,
    ),
    "DOWNLOAD_INTERRUPTED": Meaning(
        "wait",
        "time",
        False,
        ("下载中断", "Download interrupted"),
        ("下载中断，已有的部分保留", "The download was interrupted; what is there is kept"),
        ONLINE,
    ),
    "ARTIFACT_MISMATCH": Meaning(
        "need",
        "operator",
        False,
        ("安装包不对", "Wrong package"),
        ("{file} 和签名的内容不一样，已丢弃", "{file} is not what was signed; it was thrown away"),
        WE_LOOK,
    ),
    "TRUST_EXPIRED": Meaning(
        "need",
        "operator",
        False,
        ("签名过期", "Signatures expired"),
        ("更新的签名已过期，暂停升级", "The signatures of updates have expired; updating has stopped"),
        WE_LOOK,
    ),
    "TRUST_NOT_INITIALISED": Meaning(
        "need",
        "operator",
        False,
        ("还没有签名密钥", "No signing keys"),
        ("还没有建立签名密钥，不能发布", "There are no signing keys yet, so nothing can be published"),
        ("运行 evertill keys init", "Run evertill keys init"),
    ),
    "NO_FRESH_TRUST": Meaning(
        "wait",
        "time",
        False,
        ("等联系服务器", "Waiting for contact"),
        (
            "安装前要和服务器核对一次，现在联系不上",
            "It checks with the server right before it installs, and cannot reach it now",
        ),
        ONLINE,
    ),
    "BACKUP_UNVERIFIED": Meaning(
        "need",
        "support",
        False,
        ("备份没通过", "Backup not verified"),
        (
            "升级前的备份试恢复没有成功，没有安装",
            "The backup before the update could not be restored on trial; nothing was installed",
        ),
        CALL_SUPPORT,
    ),
    "SLOT_DAMAGED": Meaning(
        "need",
        "operator",
        False,
        ("备用槽位损坏", "Spare slot damaged"),
        ("备用槽位里的文件不完整，会重新安装", "Files in the spare slot are not complete; it is installed again"),
        WE_LOOK,
    ),
    "REHEARSAL_FAILED": Meaning(
        "need",
        "operator",
        False,
        ("没有安装", "Not installed"),
        (
            "{version} 自检没通过（{what}），没有安装",
            "{version} did not pass its self-test ({what}) and was not installed",
        ),
        WE_LOOK,
    ),
    "ROLLED_BACK": Meaning(
        "need",
        "operator",
        False,
        ("已换回原版本", "Previous version is back"),
        (
            "已换回 {back}，账都在；{version} 自检没通过（{what}）",
            "{back} is back and every sale is kept; {version} did not pass its self-test ({what})",
        ),
        WE_LOOK,
    ),
    "INSTALLED_UNVERIFIED": Meaning(
        "wait",
        "time",
        False,
        ("等终端报告", "Waiting for its report"),
        (
            "{version} 已安装，等终端报告新版本",
            "{version} is installed; the terminal has not reported the new version yet",
        ),
        ("请开机、连网", "Keep it on and connected"),
    ),
    "UPDATE_TIMED_OUT": Meaning(
        "need",
        "operator",
        False,
        ("没有结果", "No result"),
        ("{version} 在 {minutes} 分钟内没有报告结果", "{version} reported no result within {minutes} minutes"),
        ONLINE,
    ),
}
