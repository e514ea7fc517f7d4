"""Use cases of the rollouts room: the only writers of its tables.

`assigning` brings actions about and cancels them, `deployments` hands them out, `reports` takes what devices answer, `proofs` decides when a result is
believed, `offers` is what a person at the terminal may do, `standing` keeps the row a poll reads, `groups` runs rollouts.
"""

from evertill.server.rooms.rollouts.service.assigning import AssignOptions, assign, cancel
from evertill.server.rooms.rollouts.service.deployments import (
    Deployment,
    Module,
    ModuleArtifact,
    cancellation,
    confirmation,
    download_started,
    installed,
    may_download,
    module_artifacts,
    retrieve,
)
from evertill.server.rooms.rollouts.service.groups import NewRollout
from evertill.server.rooms.rollouts.service.offers import act_on_offer, offers
from evertill.server.rooms.rollouts.service.reports import cancel_feedback, confirmation_feedback, feedback
from evertill.server.rooms.rollouts.service.standing import refresh

__all__ = [
    "AssignOptions",
    "Deployment",
    "Module",
    "ModuleArtifact",
    "NewRollout",
    "act_on_offer",
    "assign",
    "cancel",
    "cancel_feedback",
    "cancellation",
    "confirmation",
    "confirmation_feedback",
    "download_started",
    "feedback",
    "installed",
    "may_download",
    "module_artifacts",
    "offers",
    "refresh",
    "retrieve",
]
