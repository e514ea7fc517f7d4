"""(8) When nobody minds: closed hours, the window (or an action's own maintenance window), and the store's other tills.

A person before the terminal skips all of it: attended is not unattended, and who taps 现在就装 has chosen the moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol.reasons import Reason
from evertill.protocol.windows import Nights, quiet_time
from evertill.server.rooms.policies.rules.decision import PASS, Finding

if TYPE_CHECKING:
    from datetime import datetime

    from evertill.protocol.windows import Span, Window
    from evertill.server.rooms.policies.rules.inputs import Inputs, Maintenance


def opening_hours(inputs: Inputs) -> Finding:
    """The signed guardrail: nothing unattended inside stored opening hours, whatever window or maintenance says."""
    hours = inputs.policy.opening_hours
    if hours is None:
        return PASS
    quiet = quiet_time(hours, inputs.terminal.zone, inputs.release.estimate, inputs.now)
    if quiet is None:
        return Finding(Reason.of("NO_QUIET_TIME", hours=hours.shown))
    return _in(quiet, Reason.of("SHOP_OPEN", hours=hours.shown), inputs.now)


def window(inputs: Inputs) -> Finding:
    if inputs.action.maintenance is not None:
        return _maintenance(inputs, inputs.action.maintenance)
    wanted = inputs.policy.window
    if wanted is None or wanted.always:
        return PASS
    turn = _nights(inputs, wanted, inputs.policy.opening_hours).turn(inputs.now)
    if turn is None:
        return _no_turn(inputs, wanted)
    return _in(turn, Reason.of("WINDOW_CLOSED", window=wanted.shown), inputs.now)


def store_turn(inputs: Inputs) -> Finding:
    """One till after the other, the next only after the one before is verified. Foreign clients: where a window was set."""
    store = inputs.store
    if store.busy is None or inputs.policy.window is None:
        return PASS
    if store.busy_failed or store.busy_until is None or store.busy_until <= inputs.now:
        return Finding(Reason.of("STORE_HALTED", serial=store.busy))
    return Finding(Reason.of("STORE_TURN", serial=store.busy), until=store.busy_until, changes_at=store.busy_until)


def _nights(inputs: Inputs, wanted: Window, hours: Window | None) -> Nights:
    terminal = inputs.terminal
    return Nights(wanted, terminal.zone, terminal.serial, inputs.release.estimate, inputs.store.share, hours)


def _no_turn(inputs: Inputs, wanted: Window) -> Finding:
    """Never long enough: because of the opening hours, or by itself."""
    hours = inputs.policy.opening_hours
    if hours is not None and _nights(inputs, wanted, None).turn(inputs.now):
        return Finding(Reason.of("NO_QUIET_TIME", hours=hours.shown))
    minutes = int(inputs.release.estimate.total_seconds() // 60)
    return Finding(Reason.of("WINDOW_TOO_SHORT", version=inputs.release.version, window=wanted.shown, minutes=minutes))


def _maintenance(inputs: Inputs, maintenance: Maintenance) -> Finding:
    span = maintenance.span(inputs.now)
    if span is None:
        return Finding(Reason.of("MAINTENANCE_OVER", version=inputs.release.version))
    return _in(span, Reason.of("MAINTENANCE_CLOSED"), inputs.now)


def _in(span: Span, reason: Reason, now: datetime) -> Finding:
    if now in span:
        return Finding(changes_at=span.closes_at)
    return Finding(reason, until=span.opens_at, changes_at=span.opens_at)
