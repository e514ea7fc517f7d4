"""A reason as staff read it: the same facts as on every door, and what *they* can do where the merchant's own sentence would say "nothing to do".

Rules kept here: why it is so is never changed, only who is addressed; a code without advice keeps the sentence of the terminal, and says that it is that.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evertill.protocol import phrases
from evertill.protocol.explain import Row, headline
from evertill.protocol.reasons import TABLE, meaning
from evertill.server.doors.console.door import language

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from django.utils.functional import _StrPromise

    from evertill.protocol.explain import Explanation
    from evertill.protocol.reasons import Reason
    from evertill.server.rooms.catalog.models import Release

_LOOK: Final = gettext_lazy("Read what it reported. Correct the release, or assign this one again.")
_PLAN: Final = gettext_lazy("Look at the rollout, or assign the release to this terminal alone.")
_ROLLOUT: Final = gettext_lazy("Look at the rollout: resume it or stop it there.")
TODO: Final[dict[str, _StrPromise]] = {
    "RETIRED": gettext_lazy("Nothing: a retired terminal gets nothing any more. A new serial replaces it."),
    "LOCKED": gettext_lazy("Find out what happened to it before it is used again."),
    "CANCELLED": gettext_lazy("Nothing. To bring the release after all, assign it again."),
    "NOT_PUBLISHED": gettext_lazy("Publish the release with the keys."),
    "WITHDRAWN": gettext_lazy("Assign another release, if it should have one."),
    "REVOKED": gettext_lazy("Assign another release, if it should have one."),
    "CLIENT_MISMATCH": gettext_lazy("Assign a release that is packed for its updater."),
    "MODEL_MISMATCH": gettext_lazy("Assign a release that fits its model, or correct the model."),
    "PERIPHERAL_INCOMPATIBLE": gettext_lazy("Bring a release that supports the device."),
    "REQUIREMENT_MISSING": gettext_lazy("Bring the missing component first."),
    "STEPPING_STONE": gettext_lazy("Bring the version first that has to come before it."),
    "NOT_OFFERED": _PLAN,
    "ROLLOUT_NOT_STARTED": gettext_lazy("Start the rollout, or assign the release to this terminal alone."),
    "ROLLOUT_TURN": gettext_lazy("Wait for its group, or assign the release to this terminal alone."),
    "ROLLOUT_PAUSED": _ROLLOUT,
    "ROLLOUT_HALTED": _ROLLOUT,
    "ROLLOUT_STOPPED": _PLAN,
    "PINNED": gettext_lazy("Drop the pin in its policy, if the version need not stay."),
    "CHANNEL": gettext_lazy("Change the channel in its policy, or wait for the release on its own."),
    "MAINTENANCE_OVER": gettext_lazy("Assign it again with another maintenance window."),
    "STORE_HALTED": gettext_lazy("Look at the other till first; this one goes on when that one is settled."),
    "ARTIFACT_MISMATCH": gettext_lazy(
        "Compare the file on the server with what was signed; publish again if it differs."
    ),
    "TRUST_EXPIRED": gettext_lazy("Renew the signatures: evertill keys status says which."),
    "TRUST_NOT_INITIALISED": gettext_lazy("Set up the keys: evertill keys init."),
    "BACKUP_UNVERIFIED": gettext_lazy("Ask the shop for its log; nothing was installed, and it sells."),
    "SLOT_DAMAGED": gettext_lazy("Nothing yet: it is installed again. If it comes back, replace its storage."),
    "REHEARSAL_FAILED": _LOOK,
    "ROLLED_BACK": _LOOK,
    "UPDATE_TIMED_OUT": gettext_lazy("Call the shop: is it switched on and connected? A late report still counts."),
    "REPAIR_NEEDS_SERVER": gettext_lazy("Assign the version that it runs; that repairs it."),
}
# Headlines that speak to the merchant.
_HEADS: Final[dict[str, _StrPromise]] = {"CONSENT_NEEDED": gettext_lazy("Waits for the merchant")}


def head(code: str) -> str:
    """The headline of a reason; a code without words stands for itself."""
    row = TABLE.get(code)
    if row is None:
        return code
    return str(_HEADS[code]) if code in _HEADS else row.head[language() == "en"]


def for_staff(said: Explanation, reasons: Sequence[Reason], zone: ZoneInfo, now: datetime) -> Explanation:
    """The explanation of these reasons with what staff can do; of no reasons, as it is."""
    if not reasons:
        return said
    first = headline(reasons)
    can = Row(said.can.label, str(TODO[first.code])) if first.code in TODO else Row(_("At the terminal"), said.can.fact)
    following = said.next if said.next.detail else Row(said.next.label, _waits_for(first))
    why = msgspec.structs.replace(said.why, fact=_why(first, zone, now) or said.why.fact)
    heading = str(_HEADS.get(first.code, said.head))
    return msgspec.structs.replace(said, head=heading, why=why, can=can, next=following)


def of_publisher(release: Release) -> str:
    """What the release itself says to do when it goes wrong, in the reader's language where it has it; empty = nothing."""
    texts: dict[str, str] = release.recovery
    return texts.get(language()) or next(iter(texts.values()), "")


def _why(reason: Reason, zone: ZoneInfo, now: datetime) -> str:
    """Where the sentence speaks to the merchant; else empty."""
    if reason.code == "CONSENT_NEEDED":
        return _("%(version)s waits for the merchant's yes") % reason.params
    if reason.code == "POSTPONED":
        until = phrases.moment(datetime.fromisoformat(str(reason.params["until"])), language(), zone, now)
        return _("The merchant postponed %(version)s to %(until)s") % {**reason.params, "until": until}
    return ""


def _waits_for(reason: Reason) -> str:
    return {
        "merchant": _("Once the merchant has done that"),
        "support": _("Once somebody here has dealt with it"),
        "operator": _("Once somebody here has dealt with it"),
        "nobody": _("This version is not installed any more"),
        "time": _("By itself, once that is so"),
    }[meaning(reason).clears]
