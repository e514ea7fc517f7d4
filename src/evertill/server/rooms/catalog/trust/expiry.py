"""When each signature runs out, and which alarm that is: data for the console, the job and `keys status`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from evertill.server.rooms.catalog.trust.keys import public_name
from evertill.server.rooms.catalog.trust.repository import LIFETIMES

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.server.rooms.catalog.trust.folder import InForce

ALARM_DAYS: Final = (90, 30, 14, 7, 1)


@dataclass(frozen=True)
class Expiry:
    """`alarm` is the tightest alarm passed, in days (0 = expired); None while there is no need to act."""

    role: str
    version: int
    expires_at: datetime
    days_left: int
    alarm: int | None
    offline: bool  # only people with keys can renew it
    keys: list[str]  # what may sign it, by name


def expiries(state: InForce, now: datetime) -> list[Expiry]:
    """Every role in force, the one that ends first at the top."""
    online = {"snapshot": state.snapshot.signed, "timestamp": state.timestamp.signed}
    offline = {"root": state.root, **{role: metadata.signed for role, metadata in state.targets.items()}}
    found = [
        Expiry(
            role,
            signed.version,
            signed.expires,
            _days(signed.expires, now),
            None,
            offline=role in offline,
            keys=_key_names(state, role),
        )
        for role, signed in (online | offline).items()
    ]
    return sorted((_with_alarm(each, now) for each in found), key=lambda each: each.expires_at)


def _key_names(state: InForce, role: str) -> list[str]:
    delegator = state.root if role in state.root.roles else state.top
    return sorted(public_name(delegator.get_key(keyid)) for keyid in delegator.get_delegated_role(role).keyids)


def _with_alarm(expiry: Expiry, now: datetime) -> Expiry:
    # What the server renews daily is always young: there, only the last half of its life is an alarm.
    whole_days = LIFETIMES.get(expiry.role, LIFETIMES["targets"]).days
    passed = [days for days in ALARM_DAYS if days <= whole_days // 2 and expiry.days_left < days]
    return replace(expiry, alarm=0 if expiry.expires_at <= now else min(passed, default=None))


def _days(expires_at: datetime, now: datetime) -> int:
    return max(0, (expires_at - now).days)
