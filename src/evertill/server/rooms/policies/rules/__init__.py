"""When and whether, decided without a database: `decide` over `Inputs`, and what a terminal's policy resolves to.

Everything here is pure: no Django, no clock, no files (see the wall in pyproject). The services above fill `Inputs` and keep `Decision`s.
"""

from evertill.server.rooms.policies.rules.decide import RULES, decide
from evertill.server.rooms.policies.rules.decision import Decision, Permission
from evertill.server.rooms.policies.rules.inputs import Inputs

__all__ = ["RULES", "Decision", "Inputs", "Permission", "decide"]
