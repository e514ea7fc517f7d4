"""What a terminal refuses: the terminal's own root beside the protocol's, and its table of sentences.

    ProtocolRefused           the world said no: a stable code, parameters, a sentence and a next step in 中文 and English
    └── TerminalRefused       … said by this terminal; its codes are in the table below
        └── ConnectionRefused   … of an answer, with what a retry must know (agent/connection.py)

Everything else is a bug. The command line, the control socket and the screen catch `ProtocolRefused` and show it as it is.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from evertill.protocol.errors import ProtocolRefused, Wording

_TRIES_AGAIN: Final = ("会自动再试，收款不受影响。", "It tries again by itself; selling goes on.")
_ASK_OPERATOR: Final = ("收款不受影响；请联系客服。", "Selling goes on; please ask support.")

_CONNECTION: Final[Mapping[str, Wording]] = {
    "NO_CONTACT": Wording(
        "联系不上服务器（{detail}）。",
        "The server cannot be reached ({detail}).",
        "请检查网络；连上后会自动继续，收款不受影响。",
        "Check the network; it goes on by itself once connected, and selling goes on.",
    ),
    "TLS_REFUSED": Wording(
        "服务器的证书不可信，没有发送任何数据（{detail}）。",
        "The server's certificate is not trusted; nothing was sent ({detail}).",
        "请检查终端时间和网络；仍然这样，请联系客服。",
        "Check the terminal's clock and network; if it stays, ask support.",
    ),
    "CA_UNUSABLE": Wording(
        "开通文件里的 CA 证书不能用：{detail}。",
        "The CA certificate in the provision file cannot be used: {detail}.",
        "请向收单机构要一份新的开通文件。",
        "Ask the operator for a new provision file.",
    ),
    "LINK_FOREIGN": Wording(
        "服务器给出的链接指向别处：{link}。",
        "The server's link leads elsewhere: {link}.",
        *_ASK_OPERATOR,
    ),
    "ANSWER_TIMEOUT": Wording("服务器没有及时答完。", "The server did not finish its answer in time.", *_TRIES_AGAIN),
    "ANSWER_TRUNCATED": Wording(
        "服务器的回答中途断了（{detail}）。", "The server's answer was cut off ({detail}).", *_TRIES_AGAIN
    ),
    "ANSWER_ENCODED": Wording(
        "服务器用了没有约定的编码。", "The server used an encoding nobody asked for.", *_TRIES_AGAIN
    ),
    "ANSWER_TOO_LARGE": Wording(
        "服务器的回答太大，已放弃。", "The server's answer is too large and was dropped.", *_TRIES_AGAIN
    ),
    "ANSWER_NOT_JSON": Wording(
        "收到的不是服务器的回答（{kind}），可能要先登录这个 Wi-Fi。",
        "That was no answer of the server ({kind}); this Wi-Fi may want a sign-in first.",
        "请换一个网络，或先登录 Wi-Fi；收款不受影响。",
        "Use another network or sign in to this Wi-Fi; selling goes on.",
    ),
    "ANSWER_WRONG_TYPES": Wording(
        "服务器的回答格式不对：{detail}。", "The server's answer has the wrong form: {detail}.", *_TRIES_AGAIN
    ),
    "ANSWER_UNEXPECTED": Wording(
        "服务器的回答不在约定之内。", "The server's answer is none that was agreed.", *_TRIES_AGAIN
    ),
    "SERVER_BUSY": Wording("服务器正忙。", "The server is busy.", *_TRIES_AGAIN),
    "SERVER_FAULT": Wording("服务器出了故障。", "The server has a fault.", *_TRIES_AGAIN),
    "SERVER_SAID_NO": Wording("服务器不接受这个请求。", "The server does not accept this request.", *_ASK_OPERATOR),
    "ACCESS_DENIED": Wording(
        "服务器不认这台终端的令牌。",
        "The server does not accept this terminal's token.",
        "收款不受影响；请联系客服重新开通。",
        "Selling goes on; ask support to provision this terminal again.",
    ),
}

_DOWNLOAD: Final[Mapping[str, Wording]] = {
    "ARTIFACT_MISMATCH": Wording(
        "{file} 和签名的内容不一样，已丢弃。",
        "{file} is not what was signed; it was thrown away.",
        "请不要强行安装；收款不受影响，我们在处理。",
        "Do not force it. Selling goes on; we are on it.",
    ),
    "DOWNLOAD_NOT_OFFERED": Wording(
        "服务器没有给出 {file} 的下载链接。", "The server gives no download link for {file}.", *_TRIES_AGAIN
    ),
    "DOWNLOAD_STOPPED": Wording(
        "下载按要求停下，已下的部分留着。", "The download was told to stop; what has arrived is kept.", *_TRIES_AGAIN
    ),
    "NETWORK_BUDGET": Wording(
        "本月的移动流量额度用完了，还差 {need_bytes} 字节。",
        "This month's mobile data are used up; {need_bytes} bytes are still to come.",
        "请连 Wi-Fi，或等到下个月；已下的部分留着。",
        "Join Wi-Fi, or wait until next month; what has arrived is kept.",
    ),
}

_BACKUP: Final[Mapping[str, Wording]] = {
    "BACKUP_UNVERIFIED": Wording(
        "备份没有通过恢复验证（{detail}），不会继续升级。",
        "The backup did not pass its restore check ({detail}); the update does not go on.",
        *_TRIES_AGAIN,
    ),
    "BACKUP_DAMAGED": Wording(
        "备份文件 {file} 已损坏（{detail}）。",
        "The backup {file} is damaged ({detail}).",
        "请改用另一份备份；现有数据没有改动。",
        "Use another backup; the present data were not changed.",
    ),
    "BACKUP_WRONG_KEY": Wording(
        "这把密钥打不开备份 {file}。",
        "This key does not open the backup {file}.",
        "请用开通时保存的恢复密钥，或做备份的那台终端。",
        "Use the recovery key saved at set-up, or the terminal that made the backup.",
    ),
    "BACKUP_NOT_FOUND": Wording(
        "没有备份 {file}。",
        "There is no backup {file}.",
        "运行 evertill-terminal backup --list 看看有哪些。",
        "See which ones there are with: evertill-terminal backup --list.",
    ),
    "BACKUP_BUSY": Wording(
        "正在做另一份备份。", "Another backup is being made.", "请稍等再试。", "Wait a moment and try again."
    ),
    "RESTORE_NEEDS_TILL": Wording(
        "这台终端还没有装收款程序，备份没有地方恢复。",
        "This terminal has no till yet, so there is nothing to restore into.",
        "先让终端装好收款程序，再恢复备份。",
        "Let the terminal install its till first, then restore.",
    ),
    "RESTORE_NOT_NOW": Wording(
        "现在不能恢复：{detail}。",
        "It cannot be restored now: {detail}.",
        "先结算、完成手上的收款和升级，再试一次。",
        "Settle, finish the sale and the update at hand, and try again.",
    ),
    "RECOVERY_KEY_INVALID": Wording(
        "文件 {file} 里没有恢复密钥。",
        "There is no recovery key in {file}.",
        "恢复密钥以 AGE-SECRET-KEY-1 开头。",
        "A recovery key starts with AGE-SECRET-KEY-1.",
    ),
}

_PEOPLE: Final[Mapping[str, Wording]] = {
    "PIN_TOO_SHORT": Wording(
        "密码要有 6 到 12 位数字。", "A PIN has 6 to 12 digits.", "请换一个密码。", "Choose another PIN."
    ),
    "PIN_TRIVIAL": Wording(
        "这个密码太容易猜到。", "This PIN is too easy to guess.", "请换一个密码。", "Choose another PIN."
    ),
    "PIN_WRONG": Wording(
        "密码不对，还可以试 {tries_left} 次。",
        "Wrong PIN, {tries_left} tries left.",
        "收款不受影响。忘了密码，请找客服。",
        "Selling goes on. Forgotten? Ask support.",
    ),
    "PIN_LOCKED": Wording(
        "密码连错 {failures} 次，{until} 以后再试。",
        "{failures} wrong PINs. Try again after {until}.",
        "收款不受影响。忘了密码，请找客服。",
        "Selling goes on. Forgotten? Ask support.",
    ),
    "PERSON_UNKNOWN": Wording(
        "这台终端没有人叫 {person}。",
        "Nobody on this terminal is called {person}.",
        "请核对名字，或由管理员添加。",
        "Check the name, or have it added.",
    ),
    "PERSON_INVALID": Wording(
        "名字 {person} 不能用。",
        "The name {person} cannot be used.",
        "用 1 到 32 个字母、数字或汉字。",
        "Use 1 to 32 letters, digits or Chinese characters.",
    ),
    "PERSON_EXISTS": Wording(
        "已经有人叫 {person}。", "There is already a person called {person}.", "请换一个名字。", "Choose another name."
    ),
}

_HOME: Final[Mapping[str, Wording]] = {
    "PORT_INVALID": Wording(
        "{port} 不是端口号。", "{port} is no port.", "请用 0 到 65535 的数。", "Use a number from 0 to 65535."
    ),
    "HOME_NOT_SET_UP": Wording(
        "{home} 还没有开通。",
        "{home} is not set up.",
        "先运行 evertill-terminal setup。",
        "Run evertill-terminal setup first.",
    ),
    "HOME_ALREADY_SET_UP": Wording(
        "{home} 已经开通为终端 {serial}。",
        "{home} is already set up as terminal {serial}.",
        "换一个文件夹，或者先退役这台终端。",
        "Use another folder, or retire this terminal first.",
    ),
    "FILE_UNREADABLE": Wording(
        "读不到文件 {file}：{detail}。",
        "The file {file} cannot be read: {detail}.",
        "请检查路径和权限。",
        "Check the path and its permissions.",
    ),
    "FILE_EXISTS": Wording(
        "{file} 已经存在，没有覆盖。",
        "{file} already exists and was not overwritten.",
        "请换一个文件名。",
        "Choose another file name.",
    ),
    "FILE_TOO_OPEN": Wording(
        "{file} 别人也能读。",
        "{file} can be read by others.",
        "运行 chmod 600 后再试。",
        "Run chmod 600 on it and try again.",
    ),
    "STATE_DAMAGED": Wording(
        "终端的记录 {file} 损坏了：{detail}。",
        "The terminal's record {file} is damaged: {detail}.",
        *_ASK_OPERATOR,
    ),
}

_CONTROL: Final[Mapping[str, Wording]] = {
    "AGENT_SILENT": Wording(
        "升级程序没有应答（{home}）。",
        "The update agent does not answer ({home}).",
        "先运行 evertill-terminal run；收款不受影响。",
        "Start it with evertill-terminal run; selling does not depend on it.",
    ),
    "REQUEST_UNKNOWN": Wording(
        "升级程序不认识这个请求：{detail}。",
        "The update agent does not know this request: {detail}.",
        "请核对命令和版本。",
        "Check the command and its version.",
    ),
    "RELEASE_NOT_OFFERED": Wording(
        "没有编号为 {release} 的可用更新。",
        "There is no offered release {release}.",
        "先检查更新，再试一次。",
        "Check for updates and try again.",
    ),
    "STEPPING_STONE": Wording(
        "装 {version} 之前要先装 {component} {wanted}，现在是 {have}。",
        "Before {version} comes {component} {wanted}; this terminal has {have}.",
        *_ASK_OPERATOR,
    ),
    "GO_BACK_TOO_LATE": Wording(
        "只能在升级后 7 天内换回，或者已经没有旧版本。",
        "Going back is possible for 7 days after an update, while the old version is still here.",
        "需要旧版本，请联系客服。",
        "If you need the old version, ask support.",
    ),
    "RESTART_NOT_NOW": Wording(
        "现在不能重启或恢复：{detail}。",
        "It cannot be restarted or reset now: {detail}.",
        "先收完这一笔，结算，等升级结束，再试一次。",
        "Finish the sale, settle, let the update end, and try again.",
    ),
    "DATE_INVALID": Wording(
        "日期 {date} 看不懂。", "The date {date} cannot be read.", "请写成 2026-12-24。", "Write it like 2026-12-24."
    ),
    "TIME_ZONE_UNKNOWN": Wording(
        "开通文件里的时区 {zone} 不认识。",
        "The time zone {zone} of the provision file is unknown.",
        "请向收单机构要一份新的开通文件。",
        "Ask the operator for a new provision file.",
    ),
    "PIN_FILE_WRONG": Wording(
        "密码文件第 {line} 行看不懂。",
        "Line {line} of the PIN file cannot be read.",
        "每行写“名字 密码”，或只写密码。",
        "One line a person: NAME PIN, or only the PIN.",
    ),
    "POSTPONED_TOO_FAR": Wording(
        "最晚只能推迟到 {until}。",
        "It can be postponed until {until} at most.",
        "请选早一点的日期。",
        "Choose an earlier date.",
    ),
    "TILL_SILENT": Wording(
        "收款程序没有应答。", "The till does not answer.", "请稍等再试。", "Wait a moment and try again."
    ),
    "TILL_ANSWERS": Wording(
        "收款程序有应答，不用重新启动。",
        "The till answers; there is nothing to start again.",
        "回到收款；不对劲，请联系客服。",
        "Go back to selling; if something is wrong, ask support.",
    ),
    "TILL_REFUSED": Wording(
        "收款程序现在不行：{detail}。",
        "The till says not now: {detail}.",
        "先完成手上的收款，再试一次。",
        "Finish the sale at hand and try again.",
    ),
}

_TRUST: Final[Mapping[str, Wording]] = {
    "TRUST_EXPIRED": Wording(
        "更新的签名已过期（{detail}），暂停升级。",
        "The signatures of updates have expired ({detail}); updating has stopped.",
        *_ASK_OPERATOR,
    ),
    "TRUST_UNSIGNED": Wording(
        "收到的更新信息没有可信的签名，已丢弃（{detail}）。",
        "What came lacks trusted signatures and was thrown away ({detail}).",
        *_ASK_OPERATOR,
    ),
    "TRUST_ROLLED_BACK": Wording(
        "收到的更新信息比已知的旧，已丢弃（{detail}）。",
        "What came is older than what is known already and was thrown away ({detail}).",
        *_ASK_OPERATOR,
    ),
    "TRUST_MIXED": Wording(
        "收到的更新信息互相对不上，已丢弃（{detail}）。",
        "What came does not belong together and was thrown away ({detail}).",
        *_ASK_OPERATOR,
    ),
    "TRUST_DAMAGED": Wording(
        "收到的更新信息读不懂，已丢弃（{detail}）。",
        "What came cannot be read and was thrown away ({detail}).",
        *_TRIES_AGAIN,
    ),
    "TRUST_TOO_LARGE": Wording(
        "收到的更新信息超出了上限，已丢弃（{path}）。",
        "What came is larger than allowed and was thrown away ({path}).",
        *_ASK_OPERATOR,
    ),
    "TRUST_INCOMPLETE": Wording("服务器上缺少已签名的 {path}。", "The server lacks the signed {path}.", *_TRIES_AGAIN),
    "NO_FRESH_TRUST": Wording(
        "这台终端还没有和服务器核对过签名。",
        "This terminal has not verified signatures with its server yet.",
        "请检查网络；连上后会自动继续，收款不受影响。",
        "Check the network; it goes on by itself once connected, and selling goes on.",
    ),
    "RELEASE_UNKNOWN": Wording("{path} 没有签名。", "{path} is not signed.", *_ASK_OPERATOR),
    "TARGET_UNKNOWN": Wording("{path} 没有签名。", "{path} is not signed.", *_ASK_OPERATOR),
    "TARGET_MISMATCH": Wording(
        "{path} 和签名的内容不一样，已丢弃。",
        "{path} is not what was signed; it was thrown away.",
        *_ASK_OPERATOR,
    ),
    "COMPONENT_SWAPPED": Wording(
        "{path} 不是这个版本所写的那个组件，已拒绝。",
        "{path} is not the component that this release names; it was refused.",
        *_ASK_OPERATOR,
    ),
    "MODEL_MISMATCH": Wording(
        "组件 {component} 不适用于本机（{model}，{revision}）。",
        "The component {component} is not for this terminal ({model}, {revision}).",
        *_ASK_OPERATOR,
    ),
    "ROLLBACK_INDEX_LOW": Wording(
        "{component} {version} 已被禁止再安装（序号低于 {least}）。",
        "{component} {version} must not be installed any more (below index {least}).",
        *_ASK_OPERATOR,
    ),
    "REVOKED": Wording("版本 {release} 已被撤销。", "Release {release} was revoked.", *_ASK_OPERATOR),
    "WITHDRAWN": Wording("版本 {release} 已被撤回。", "Release {release} was withdrawn.", *_ASK_OPERATOR),
    "FOREIGN_MERCHANT": Wording(
        "{path} 是别的商户的软件，已拒绝。",
        "{path} is another merchant's software; it was refused.",
        *_ASK_OPERATOR,
    ),
}

WORDINGS: Final[Mapping[str, Wording]] = MappingProxyType(
    {**_CONNECTION, **_DOWNLOAD, **_BACKUP, **_PEOPLE, **_HOME, **_CONTROL, **_TRUST}
)


class TerminalRefused(ProtocolRefused):
    """This terminal says no, with a code of the table above."""

    def __init__(self, code: str, **params: object) -> None:
        Exception.__init__(self, code)
        self.code = code
        self.params = {name: value if isinstance(value, int) else str(value) for name, value in params.items()}
        self._wording = WORDINGS[code]
