"""What the protocol refuses: one exception, and one table that says each refusal in 中文 and English.

    Exception
    ├── ProtocolRefused   what came from outside breaks a rule of the protocol: a stable code and parameters
    └── (everything else) a bug

Rules kept here: a code without a row cannot be raised; codes are for ever, sentences are free; parameters come from outside, so
they are shown shortened and with anything unprintable escaped. Doors translate a refusal by `text` and `next_step`; nothing here
decides anything or knows an HTTP status.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from evertill.protocol.reasons.switching import SWITCHING

if TYPE_CHECKING:
    from collections.abc import Mapping

Language: TypeAlias = Literal["zh", "en"]

SHOWN_CHARACTERS: Final = 160


class Wording(NamedTuple):
    """One row: what is so and what to do next. `{name}` stands for a parameter of the refusal."""

    zh: str
    en: str
    next_zh: str
    next_en: str


class ProtocolRefused(Exception):
    """Something from outside breaks a rule of the protocol."""

    def __init__(self, code: str, **params: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.params = params
        self._wording = WORDINGS[code]

    def __str__(self) -> str:
        return f"{self.text('en')} ({self.code})"

    def text(self, language: Language) -> str:
        """What is so, without the code."""
        return self._filled(self._wording.zh if language == "zh" else self._wording.en)

    def next_step(self, language: Language) -> str:
        """What the reader can do now."""
        return self._filled(self._wording.next_zh if language == "zh" else self._wording.next_en)

    def _filled(self, sentence: str) -> str:
        return sentence.format_map({name: _shown(value) for name, value in self.params.items()})


def _shown(value: str | int) -> str:
    """Foreign text made safe for a screen or a log: short, and without control characters."""
    text = str(value)
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


_REBUILD: Final = ("请按说明重新制作安装包。", "Build the bundle again from a clean folder.")
_FETCH_AGAIN: Final = (
    "请重新下载或重新上传；仍然不行，请找发布方。",
    "Download or upload it again; if it stays, ask the publisher.",
)
_DISTRUST: Final = (
    "不要使用这个安装包；请向发布方核实来源。",
    "Do not use this bundle; ask the publisher where it comes from.",
)

_BUNDLE: Final[Mapping[str, Wording]] = {
    "BUNDLE_TRUNCATED": Wording(
        "安装包不完整：数据在中间断了。", "The bundle is incomplete: its data ends early.", *_FETCH_AGAIN
    ),
    "BUNDLE_CORRUPT": Wording(
        "安装包已损坏，或者不是 .evb 文件（{problem}）。",
        "The bundle is damaged, or no .evb file: {problem}.",
        *_FETCH_AGAIN,
    ),
    "BUNDLE_TRAILING_DATA": Wording(
        "安装包结尾之后还有多余的数据。", "There is more data after the end of the bundle.", *_DISTRUST
    ),
    "BUNDLE_FILE_MISMATCH": Wording(
        "安装包里的 {path} 与清单不符（{problem}）。",
        "{path} in the bundle is not what the manifest says: {problem}.",
        *_DISTRUST,
    ),
    "BUNDLE_PATH_ESCAPES": Wording(
        "文件名 {path} 指向组件文件夹之外。", "The file name {path} leads out of the component's folder.", *_DISTRUST
    ),
    "BUNDLE_PATH_INVALID": Wording(
        "文件名 {path} 不能用（{problem}）。",
        "The file name {path} cannot be used: {problem}.",
        "请改名后重新制作安装包。",
        "Rename the file and build the bundle again.",
    ),
    "BUNDLE_PATH_TOO_LONG": Wording(
        "文件名 {path} 超过 {limit_bytes} 字节。",
        "The file name {path} is longer than {limit_bytes} bytes.",
        "请缩短文件名后重新制作安装包。",
        "Shorten the name and build the bundle again.",
    ),
    "BUNDLE_DUPLICATE": Wording(
        "{path} 与 {other} 会落在同一个位置。",
        "{path} and {other} would land in the same place.",
        "请改掉其中一个名字后重新制作安装包。",
        "Rename one of the two and build the bundle again.",
    ),
    "BUNDLE_LINK": Wording(
        "{path} 是链接；安装包里只能有普通文件。",
        "{path} is a link; a bundle holds plain files only.",
        "请用文件本身代替链接，重新制作安装包。",
        "Put the file itself in place of the link and build the bundle again.",
    ),
    "BUNDLE_DEVICE": Wording(
        "{path} 是设备、管道或套接字；安装包里只能有普通文件。",
        "{path} is a device, pipe or socket; a bundle holds plain files only.",
        *_REBUILD,
    ),
    "BUNDLE_SETUID": Wording(
        "{path} 带有 setuid、setgid 或 sticky 权限位。",
        "{path} has a setuid, setgid or sticky bit.",
        "请去掉这个权限位（chmod u-s,g-s,-t），再重新制作。",
        "Take the bit away (chmod u-s,g-s,-t) and build again.",
    ),
    "BUNDLE_TOO_LARGE": Wording(
        "安装包太大（{what} 超过 {limit_bytes} 字节）。",
        "The bundle is too large: {what} is more than {limit_bytes} bytes.",
        "请把组件拆小，或删去不需要的文件。",
        "Split the component or leave out what it does not need.",
    ),
    "BUNDLE_TOO_MANY_FILES": Wording(
        "安装包里的文件或文件夹超过 {limit} 个。",
        "The bundle holds more than {limit} files or folders.",
        "请把组件拆小，或删去不需要的文件。",
        "Split the component or leave out what it does not need.",
    ),
    "BUNDLE_BOMB": Wording(
        "安装包解开后会膨胀到 {limit_ratio} 倍以上。",
        "The bundle unpacks to more than {limit_ratio} times its size.",
        *_DISTRUST,
    ),
    "BUNDLE_COMPILED": Wording(
        "{path} 是来历不明的编译文件；.pyc 只由制作工具从旁边的 .py 生成。",
        "{path} is compiled code of unknown origin; only the builder makes .pyc files, from the .py beside them.",
        "请删去这个文件，再重新制作。",
        "Remove the file and build again.",
    ),
    "BUNDLE_SOURCE_BROKEN": Wording(
        "{path} 第 {line} 行无法编译（{problem}）。",
        "{path} does not compile, line {line}: {problem}.",
        "请改正源代码，再重新制作。",
        "Correct the source and build again.",
    ),
    "BUNDLE_SOURCE_CHANGED": Wording(
        "制作期间 {path} 被改动了。",
        "{path} changed while the bundle was being built.",
        "请等文件不再变动，再重新制作。",
        "Build again when nobody writes to the folder.",
    ),
    "BUNDLE_SOURCE_UNREADABLE": Wording(
        "读不到 {path}（{problem}）。",
        "{path} cannot be read: {problem}.",
        "请检查文件夹和权限，再重新制作。",
        "Check the folder and its permissions and build again.",
    ),
    "BUNDLE_OUT_INSIDE_SOURCE": Wording(
        "输出文件夹 {path} 在组件文件夹里面，下次制作会把它也装进去。",
        "The output folder {path} lies inside the component's folder; the next build would pack it too.",
        "请换一个输出文件夹。",
        "Choose another output folder.",
    ),
    "BUNDLE_PYTHON_MISMATCH": Wording(
        "组件要 {wanted}，这里运行的是 {running}。",
        "The component asks for {wanted}; this is {running}.",
        "请用清单里写的 Python 版本制作。",
        "Build it with the Python that component.toml names.",
    ),
    "BUNDLE_DISK_FULL": Wording(
        "空间不够，放不下 {component} {version}；什么都没有改动。",
        "Not enough space for {component} {version}; nothing has changed.",
        "请清出空间，稍后会自动再试。",
        "Free some space; it is tried again later.",
    ),
    "MANIFEST_INVALID": Wording(
        "组件清单的 {field} 不能用（{problem}）。",
        "{field} of the component's manifest cannot be used: {problem}.",
        "请改正 component.toml，再重新制作。",
        "Correct component.toml and build again.",
    ),
    "VERSION_INVALID": Wording(
        "版本号 {version} 不能用（{problem}）。",
        "The version {version} cannot be used: {problem}.",
        "请用 1.2.0 或 1.2.0+x 这样的版本号（PEP 440）。",
        "Use a version like 1.2.0 or 1.2.0+x (PEP 440).",
    ),
    "REQUIREMENT_INVALID": Wording(
        "版本要求 {versions} 不能用。",
        "The version requirement {versions} cannot be used.",
        "请用 >=1.2,<2 这样的写法（PEP 440）。",
        "Write it like >=1.2,<2 (PEP 440).",
    ),
}

_RELEASE: Final[Mapping[str, Wording]] = {
    "DOCUMENT_FORMAT_UNKNOWN": Wording(
        "这份签名文件是第 {format} 版格式，本程序还不认识。",
        "This signed document has format {format}, which this program does not know yet.",
        "请先升级升级程序（agent）。",
        "Update the agent first.",
    ),
    "RELEASE_INVALID": Wording(
        "版本说明的 {field} 不能用：{problem}。",
        "{field} of the release cannot be used: {problem}.",
        "请改正后重新创建版本。",
        "Correct it and create the release again.",
    ),
    "FLOOR_INVALID": Wording(
        "撤销名单的 {field} 不能用：{problem}。",
        "{field} of the floor cannot be used: {problem}.",
        "请改正后重新签名。",
        "Correct it and sign it again.",
    ),
    "OPERATOR_INVALID": Wording(
        "机构信息的 {field} 不能用：{problem}。",
        "{field} of the operator's card cannot be used: {problem}.",
        "请改正后重新签名。",
        "Correct it and sign it again.",
    ),
    "GUARDRAILS_INVALID": Wording(
        "安全边界的 {field} 不能用：{problem}。",
        "{field} of the guardrails cannot be used: {problem}.",
        "请改正后重新签名。",
        "Correct it and sign it again.",
    ),
    "COMPONENT_WORDS_INVALID": Wording(
        "组件的签名说明里 {field} 不能用：{problem}。",
        "{field} of a component's signed words cannot be used: {problem}.",
        "不要使用这个版本；请向发布方核实。",
        "Do not use this release; ask the publisher about it.",
    ),
}

_PROVISION: Final[Mapping[str, Wording]] = {
    "PROVISION_INVALID": Wording(
        "开通文件不能用：{detail}。",
        "The provision file cannot be used: {detail}.",
        "请向收单机构要一份新的开通文件。",
        "Ask the operator for a new provision file.",
    ),
    "PROVISION_PLAIN_HTTP": Wording(
        "开通文件要用不加密的 http 连接 {host}。",
        "The provision file asks for an unencrypted http connection to {host}.",
        "请向收单机构要一份使用 https 的开通文件。",
        "Ask the operator for a provision file with https.",
    ),
}

_POLICY: Final[Mapping[str, Wording]] = {
    "POLICY_FIELD_UNKNOWN": Wording(
        "升级策略里没有 {field} 这一项。",
        "There is no policy field {field}.",
        "请用“升级策略”页上的名称。",
        "Use a name from the policy page.",
    ),
    "POLICY_VALUE_INVALID": Wording(
        "升级策略的 {field} 不能用这个值；可以用：{rule}。",
        "{field} cannot take this value; it takes {rule}.",
        "请改正后再保存。",
        "Correct it and save again.",
    ),
    "POLICY_NOT_HERE": Wording(
        "{field} 的这个值不能设在 {place} 这一级。",
        "This value of {field} cannot be set at a {place}.",
        "请在允许的层级设置。",
        "Set it at a level that allows it.",
    ),
    "POLICY_MANDATE_NOT_HERE": Wording(
        "{place} 这一级不能强制下级使用同一个值。",
        "A {place} cannot hold a value for everyone below it.",
        "只有收单机构和商户可以。",
        "Only the operator and the merchant can.",
    ),
    "POLICY_HELD": Wording(
        "{field} 由 {origin} 统一设置。",
        "{field} is held by {origin}.",
        "要改，请联系设置它的人。",
        "To change it, contact whoever set it.",
    ),
    "POLICY_GUARDRAIL": Wording(
        "{field} 不能低于签名的安全边界 {limit}。",
        "{field} cannot go below the signed guardrail of {limit}.",
        "请用不低于 {limit} 的值。",
        "Use {limit} or more.",
    ),
    "FREEZE_TOO_LONG": Wording(
        "这段封网期有 {days} 天，最长 {limit_days} 天。",
        "This freeze lasts {days} days; the longest is {limit_days}.",
        "请缩短后再保存。",
        "Shorten it and save again.",
    ),
    "FREEZE_TOO_CLOSE": Wording(
        "两段封网期之间只有 {days} 天，至少要隔 {limit_days} 天。",
        "Only {days} days lie between two freezes; at least {limit_days} must.",
        "请改日期后再保存。",
        "Change the dates and save again.",
    ),
    # The same sentence as the reason of this code: contracts name it there.
    "NEVER_NEEDS_MERCHANT": Wording(*SWITCHING["NEVER_NEEDS_MERCHANT"].why, *SWITCHING["NEVER_NEEDS_MERCHANT"].can),
}

WORDINGS: Final[Mapping[str, Wording]] = MappingProxyType({**_POLICY, **_BUNDLE, **_RELEASE, **_PROVISION})
