"""Refusals about actions and rollouts."""

from django.utils.translation import gettext_lazy as _

from evertill.server.rooms.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused


class ActionUnknown(NotFound):
    """Also for an action of another terminal, one being cancelled, or one that waits: a device learns nothing more."""

    code = "ACTION_UNKNOWN"
    says = _("There is no action %(action)s to fetch here now.")
    next_step = _("Poll again; the links of the answer say what there is.")


class ActionClosed(Refused):
    code = "ACTION_CLOSED"
    status = 410  # DDI facts §1 row 3
    says = _("Action %(action)s is closed.")
    next_step = _("Poll again; nothing more is expected for this action.")


class NotCancelable(Refused):
    code = "NOT_CANCELABLE"
    status = 405  # DDI facts §1 row 5
    says = _("Action %(action)s is not being cancelled.")
    next_step = _("Poll again; the links of the answer say what there is.")


class CancelNotPossible(Conflict):
    code = "CANCEL_NOT_POSSIBLE"
    says = _("Action %(action)s is %(state)s already.")
    next_step = _("Use force to close an action whose device does not answer.")


class MessagesTooMany(Invalid):
    code = "MESSAGES_TOO_MANY"
    status = 429  # hawkBit's answer to a quota (DDI facts §5)
    says = _("One report carries at most %(most)s messages; this one has %(count)s.")
    next_step = _("Send them in several reports.")


class FileUnknown(NotFound):
    code = "FILE_UNKNOWN"
    says = _("This terminal has no such file to fetch: %(filename)s.")
    next_step = _("Poll again; fetch what the deployment lists.")


class DownloadRefused(Forbidden):
    """`reasons` are the codes of protocol.reasons that hold it."""

    code = "DOWNLOAD_REFUSED"
    says = _("This file may not be fetched now: %(reasons)s.")
    next_step = _("Poll again; the deployment is offered when nothing holds it any more.")


class StoreTurn(Conflict):
    """Not a no for good: the terminal asks again when its offers say so."""

    code = "STORE_TURN"
    says = _("%(serial)s in the same shop is being updated; its tills take turns.")
    next_step = _("Go on selling and poll again; the offers say when it is this till's turn.")


class StoreHalted(Conflict):
    code = "STORE_HALTED"
    says = _("%(serial)s in the same shop did not finish its update; the others wait.")
    next_step = _("Go on selling; the operator looks at that till first.")


class ReleaseNotAssignable(Conflict):
    code = "RELEASE_NOT_ASSIGNABLE"
    says = _("Release %(release)s is %(state)s and cannot be assigned.")
    next_step = _("Publish it first: evertill release publish.")


class OfferUnknown(NotFound):
    code = "OFFER_UNKNOWN"
    says = _("Release %(release)s is not offered to this terminal.")
    next_step = _("Fetch the offers again.")


class RolloutUnknown(NotFound):
    code = "ROLLOUT_UNKNOWN"
    says = _("There is no rollout %(rollout)s.")
    next_step = _("Look it up: evertill rollout show.")


class RolloutNotInState(Conflict):
    code = "ROLLOUT_NOT_IN_STATE"
    says = _("Rollout %(rollout)s is %(state)s; this needs %(wanted)s.")
    next_step = _("Look at it again; somebody else may have been faster.")


class RolloutEmpty(Invalid):
    code = "ROLLOUT_EMPTY"
    says = _("No terminal would take part.")
    next_step = _("Name a node with active terminals, or a file of serials.")


class SerialsUnknown(Invalid):
    code = "SERIALS_UNKNOWN"
    says = _("%(count)s serials are unknown, the first is %(first)s.")
    next_step = _("Correct the file; nothing was created.")
