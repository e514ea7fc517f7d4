"""Refusals of the tree."""

from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Conflict, Invalid, NotFound


class NodeUnknown(NotFound):
    code = "NODE_UNKNOWN"
    says = _("There is no organisation %(address)s.")
    next_step = _("Look up its address in the tree; it reads OPERATOR/agent/merchant/store.")


class NodeExists(Conflict):
    code = "NODE_EXISTS"
    says = _("%(address)s exists already.")
    next_step = _("Choose another short name.")


class NodeMisplaced(Invalid):
    code = "NODE_MISPLACED"
    says = _("A %(kind)s cannot stand below a %(parent)s.")
    next_step = _("Order: operator, agent, merchant, store. Name a fitting node above it.")


class OperatorExists(Conflict):
    code = "OPERATOR_EXISTS"
    says = _("This installation serves %(address)s already; it serves one operator.")
    next_step = _("Use another data folder for another operator.")
