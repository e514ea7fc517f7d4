"""Refusals about people, roles and tokens."""

from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused


class PersonUnknown(NotFound):
    code = "PERSON_UNKNOWN"
    says = _("There is no person %(login)s.")
    next_step = _("Add the person first: evertill person add.")


class PersonExists(Conflict):
    code = "PERSON_EXISTS"
    says = _("%(login)s exists already.")
    next_step = _("Choose another login.")


class LastAdmin(Conflict):
    code = "LAST_ADMIN"
    says = _("%(login)s is the last one who may add people.")
    next_step = _("Give somebody else the role operator_admin first: evertill person grant.")


class TokenUnknown(NotFound):
    code = "TOKEN_UNKNOWN"
    says = _("There is no token %(token)s.")
    next_step = _("Look it up: evertill token list.")


class PasswordWeak(Invalid):
    code = "PASSWORD_WEAK"
    says = _("This password is too easy: %(problem)s")
    next_step = _("Choose another one.")


class NotAllowed(Forbidden):
    code = "NOT_ALLOWED"
    says = _("%(who)s may not do this at %(node)s (%(operation)s).")
    next_step = _("Ask somebody whose role covers it.")


class NeverNeedsMerchant(Forbidden):
    code = "NEVER_NEEDS_MERCHANT"
    says = _("Only the merchant can switch automatic updates off for good; %(who)s is not the merchant's owner.")
    next_step = _("The merchant can do it on the terminal (Settings, Software update, Never) or as merchant owner.")


class TokenRefused(Refused):
    code = "TOKEN_REFUSED"
    status = 401
    says = _("This token is unknown, expired or revoked.")
    next_step = _("Make a new one: evertill token create.")


class ScopeUnknown(Invalid):
    code = "SCOPE_UNKNOWN"
    says = _("There is no scope %(scope)s.")
    next_step = _("Use one of: %(known)s.")
