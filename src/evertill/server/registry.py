"""The explicit tables of an installation: event handlers, periodic jobs, queued work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.server.rooms.accounts import jobs as account_jobs
from evertill.server.rooms.catalog import jobs as catalog_jobs
from evertill.server.rooms.kernel import jobs as kernel_jobs
from evertill.server.rooms.policies import handlers as policies
from evertill.server.rooms.policies import jobs as policy_jobs
from evertill.server.rooms.rollouts import handlers as rollouts
from evertill.server.rooms.rollouts import jobs as rollout_jobs

if TYPE_CHECKING:
    from evertill.server.rooms.kernel.events import Handler
    from evertill.server.rooms.kernel.jobs import Job, PieceHandler

HANDLERS: tuple[Handler, ...] = (*policies.HANDLERS, *rollouts.HANDLERS)
JOBS: tuple[Job, ...] = (
    *kernel_jobs.JOBS,
    *account_jobs.JOBS,
    *catalog_jobs.JOBS,
    *policy_jobs.JOBS,
    *rollout_jobs.JOBS,
)
QUEUE: tuple[PieceHandler, ...] = (*policies.QUEUE, *rollouts.QUEUE)
