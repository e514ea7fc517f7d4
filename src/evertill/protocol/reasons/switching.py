"""Switching automatic updates off, and who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evertill.protocol.reasons.meaning import Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

SWITCHING: Final[Mapping[str, Meaning]] = {
    "NEVER_NEEDS_MERCHANT": Meaning(
        "need",
        "merchant",
        False,
        ("要商户本人", "The merchant decides"),
        (
            "“永不”只能由商户设置，或由客服核验商户身份后代设",
            '"Never" is set by the merchant, or by support after verifying the merchant',
        ),
        (
            "请商户在终端或手机上设置，或先完成身份核验",
            "Let the merchant set it on the terminal or phone, or verify the caller first",
        ),
    ),
    "PIN_LOCKED": Meaning(
        "wait",
        "time",
        True,
        ("密码已锁定", "PIN locked"),
        ("密码连错 {count} 次，{until:moment} 以后再试", "{count} wrong PINs; try again after {until:moment}"),
        ("收款不受影响；忘了密码，请联系客服", "Selling goes on. Forgotten? Contact support"),
    ),
}
