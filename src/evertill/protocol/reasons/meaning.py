"""What a reason code means: one row of the table, and the phrases several rows share."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

# look.md, "States": colour and outline of the headline.
Glyph: TypeAlias = Literal["good", "move", "wait", "ask", "need", "off", "mute"]
# Who makes it go away; `nobody` = final, it is not tried again by itself or by anybody's tap.
Clears: TypeAlias = Literal["merchant", "operator", "support", "time", "nobody"]


class Meaning(NamedTuple):
    """One row. `head` is the headline (and the word on a chip), `why` the reason, `can` what the reader can do."""

    glyph: Glyph
    clears: Clears
    time_bound: bool
    head: tuple[str, str]
    why: tuple[str, str]
    can: tuple[str, str]


NOTHING: Final = ("不用做什么", "Nothing to do")
ASK_OPERATOR: Final = ("想早点用，请联系收单机构", "To have it sooner, contact your acquirer")
CALL_SUPPORT: Final = (
    "收款照常；请联系客服，报终端序列号和这个代码",
    "Selling goes on. Contact support with the serial number and this code",
)
WE_LOOK: Final = ("不用做什么；收款照常，我们在处理", "Nothing to do. Selling goes on; we are on it")
TAP_NOW: Final = ("不用守着；想早点，点“现在就装”", 'No need to wait here. Sooner? Tap "Install now"')
ONLINE: Final = ("请开机、插电、连 Wi-Fi，它会接着升级", "Switch on, plug in, join Wi-Fi; it carries on")
