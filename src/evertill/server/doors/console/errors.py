"""Refusals of the console itself."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Forbidden, Invalid, Refused


class NotStaff(Forbidden):
    code = "NOT_STAFF"
    says = _("%(login)s has no role in the operator's console.")
    next_step = _("Merchants use their terminal: Settings, Software update. Staff ask an administrator for a role.")


class MethodNotAllowed(Refused):
    code = "METHOD_NOT_ALLOWED"
    status = 405
    says = _("This address does not take %(method)s.")
    next_step = _("It takes %(allowed)s. Open it from the page that leads there.")


class FormStale(Forbidden):
    """Sent without the token of its page: too old, or from another site."""

    code = "FORM_STALE"
    says = _("This form is too old, or came from another site. Nothing was changed.")
    next_step = _("Open the page again and send the form once more. The browser must accept this site's cookies.")


class ValueUnreadable(Invalid):
    """The protocol's code, with the field's own name and the hint of its form in place of the protocol's words."""

    code = "POLICY_VALUE_INVALID"
    says = _("“%(label)s” cannot be set to “%(typed)s”.")
    next_step = "%(hint)s"
