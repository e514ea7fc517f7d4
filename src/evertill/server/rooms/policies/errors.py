"""Refusals about policies."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Conflict, Invalid, NotFound


class FieldNotSet(Conflict):
    code = "FIELD_NOT_SET"
    says = _("%(field)s is not set at %(target)s; it is inherited.")
    next_step = _("Look where it comes from: evertill policy show.")


class ReasonNeeded(Invalid):
    code = "REASON_NEEDED"
    says = _("Changing %(field)s needs a reason.")
    next_step = _("Write one sentence that the auditor will understand.")


class PostponedTooLong(Invalid):
    code = "POSTPONED_TOO_LONG"
    says = _("%(release)s can be postponed until %(latest)s at most.")
    next_step = _("Choose an earlier day, or install it now.")


class RevisionUnknown(Invalid):
    code = "REVISION_UNKNOWN"
    says = _("This terminal was never given policy revision %(revision)s; the newest is %(newest)s.")
    next_step = _("Fetch the policy again.")


class ConflictUnknown(NotFound):
    code = "CONFLICT_UNKNOWN"
    says = _("There is no open conflict %(conflict)s.")
    next_step = _("Look at the terminal again; somebody may have decided it.")
