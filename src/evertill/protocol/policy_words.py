"""The policy in words: each field's name and each value's, in 中文 and English, as every door prints them.

Rules kept here: the words of the glossary (更新方式, 升级时段, 推迟, 封网期); a value reads as a fact with its unit. A value is shown
from its JSON form, so that a field of a later version still shows, as it came. Not here: where a value comes from.
"""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evertill.protocol.errors import Language

Pair = tuple[str, str]

LABELS: Final[Mapping[str, Pair]] = MappingProxyType(
    {
        "mode": ("更新方式", "Update mode"),
        "window": ("升级时段", "Update window"),
        "opening_hours": ("营业时间", "Opening hours"),
        "closing_time": ("打烊升级", "Update at closing time"),
        "settle_before_install": ("安装前结算", "Settle before installing"),
        "download": ("下载", "Download"),
        "cellular_budget_mb": ("每月手机流量", "Mobile data a month"),
        "channel": ("渠道", "Channel"),
        "pin": ("固定版本", "Pinned version"),
        "poll_s": ("联系间隔", "Contact every"),
        "postpone_days": ("最多推迟", "Postpone at most"),
        "freeze": ("封网期", "Freeze"),
        "rate_limit_days": ("升级间隔", "Between updates"),
        "battery_floor_percent": ("电量下限", "Battery floor"),
        "peripherals": ("外接设备", "Connected devices"),
        "at_deadline": ("到期处理", "At the deadline"),
    }
)

_VALUES: Final[Mapping[str, Mapping[Any, Pair]]] = {
    "mode": {"automatic": ("自动", "automatic"), "manual": ("手动", "manual"), "never": ("永不", "never")},
    "closing_time": {"offered": ("打烊时提供", "offered"), "off": ("不提供", "off")},
    "download": {"any": ("任何网络", "any network"), "unmetered": ("只用 Wi-Fi 或网线", "unmetered networks only")},
    "channel": {"stable": ("正式", "stable"), "beta": ("抢先", "beta")},
    "peripherals": {"warn": ("提醒拔掉", "warn"), "ignore": ("不检查", "not checked")},
    "at_deadline": {
        "install_in_window": ("在升级时段安装", "install in the window"),
        "notify_only": ("只提醒", "notify only"),
    },
    "settle_before_install": {"ask": ("先问", "ask")},
    "window": {"00:00-24:00": ("任何时间", "any time"), None: ("未设置", "not set")},
    "opening_hours": {"00:00-24:00": ("全天", "all day"), None: ("未登记", "not stored")},
    "pin": {None: ("无", "none")},
}

_NEVER_BUT: Final[Pair] = ("永不（紧急安全修复除外）", "Never (except urgent security fixes)")


def label(field: str, language: Language) -> str:
    return _said(LABELS[field], language) if field in LABELS else field


def show(field: str, value: Any, language: Language) -> str:
    """A field's value from its JSON form."""
    if isinstance(value, str | None) and (pair := _VALUES.get(field, {}).get(value)):
        return _said(pair, language)
    if field in _FORMATS:
        return _FORMATS[field](value, language)
    return str(value)


def never_label(at_deadline: str, language: Language) -> str:
    """How the option reads: where the deadline may act, the option itself says so."""
    return _said(_NEVER_BUT if at_deadline == "install_in_window" else _VALUES["mode"]["never"], language)


def _said(pair: Pair, language: Language) -> str:
    return pair[language == "en"]


def _span(value: str, _: Language) -> str:
    return value.replace("-", "–")


def _settle(value: str, language: Language) -> str:
    return f"{value} 自动结算" if language == "zh" else f"automatic at {value}"


def _days(value: int, language: Language) -> str:
    return f"{value} 天" if language == "zh" else f"{value} day{'' if value == 1 else 's'}"


def _poll(value: int, language: Language) -> str:
    for seconds, zh, en in ((3600, "小时", "h"), (60, "分钟", "min")):
        if value % seconds == 0:
            return f"{value // seconds} {zh if language == 'zh' else en}"
    return f"{value} {'秒' if language == 'zh' else 's'}"


def _percent(value: int, language: Language) -> str:
    return f"{value}%，充电时也一样" if language == "zh" else f"{value} %, even on charger"


def _freeze(value: list[dict[str, str]], language: Language) -> str:
    ranges = [
        " – ".join(date.fromisoformat(each[end]).isoformat() for end in ("starts_on", "ends_on")) for each in value
    ]
    return ("；" if language == "zh" else "; ").join(ranges) or ("无" if language == "zh" else "none")


_FORMATS: Final[Mapping[str, Callable[[Any, Language], str]]] = {
    "window": _span,
    "opening_hours": _span,
    "settle_before_install": _settle,
    "cellular_budget_mb": lambda value, _: f"{value} MB",
    "poll_s": _poll,
    "postpone_days": _days,
    "rate_limit_days": _days,
    "battery_floor_percent": _percent,
    "freeze": _freeze,
}
