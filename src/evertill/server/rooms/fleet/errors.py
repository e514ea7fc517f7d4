"""Refusals about terminals, models and device tokens."""

from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Conflict, Invalid, NotFound, Refused


class TerminalUnknown(NotFound):
    code = "TERMINAL_UNKNOWN"
    says = _("There is no terminal %(serial)s.")
    next_step = _("Check the serial on the device's label, or add it: evertill terminal add.")


class TerminalExists(Conflict):
    code = "TERMINAL_EXISTS"
    says = _("Terminal %(serial)s exists already, at %(node)s.")
    next_step = _("A serial belongs to one device; check the label.")


class TerminalRetired(Conflict):
    code = "TERMINAL_RETIRED"
    says = _("Terminal %(serial)s is retired.")
    next_step = _("Use the terminal that replaced it.")


class ModelUnknown(NotFound):
    code = "MODEL_UNKNOWN"
    says = _("There is no model %(model)s.")
    next_step = _("Add it first: evertill model add.")


class ModelExists(Conflict):
    code = "MODEL_EXISTS"
    says = _("Model %(model)s exists already.")
    next_step = _("Use it, or choose another name.")


class GatewayTokenUnknown(NotFound):
    code = "GATEWAY_TOKEN_UNKNOWN"
    says = _("There is no usable gateway token %(name)s.")
    next_step = _("Make one: evertill gateway-token create.")


class GatewayTokenExists(Conflict):
    code = "GATEWAY_TOKEN_EXISTS"
    says = _("A gateway token %(name)s exists already.")
    next_step = _("Revoke it first, or choose another name.")


class DeviceRefused(Refused):
    """Says nothing about which part was wrong: a stranger learns nothing."""

    code = "DEVICE_REFUSED"
    status = 401
    says = _("This token does not open this terminal's door.")
    next_step = _("Give the device its own token, or a gateway token where registration is on.")


class AttributesTooMany(Invalid):
    code = "ATTRIBUTES_TOO_MANY"
    status = 429  # hawkBit's answer to a quota (DDI facts §5)
    says = _("A terminal keeps at most %(most)s attributes; this would make %(count)s.")
    next_step = _("Remove attributes with mode remove first.")


class AttributeInvalid(Invalid):
    code = "ATTRIBUTE_INVALID"
    says = _("Attribute %(key)s cannot be kept: %(problem)s")
    next_step = _("Send texts: keys of 1 to 128 characters, values of at most 128.")
