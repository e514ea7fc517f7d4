"""Refusals of the console itself."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Forbidden


class NotStaff(Forbidden):
    code = "NOT_STAFF"
    says = _("%(login)s has no role in the operator's console.")
    next_step = _("Merchants use their terminal: Settings, Software update. Staff ask an administrator for a role.")
