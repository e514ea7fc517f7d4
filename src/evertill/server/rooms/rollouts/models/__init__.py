"""Tables of the rollouts room: actions and their history, standing, situations, rollouts and their groups."""

from evertill.server.rooms.rollouts.models.actions import Action, ActionStatus, OfferWord
from evertill.server.rooms.rollouts.models.rollouts import Rollout, RolloutGroup, RolloutMember
from evertill.server.rooms.rollouts.models.situations import Situation
from evertill.server.rooms.rollouts.models.standing import Standing

__all__ = ["Action", "ActionStatus", "OfferWord", "Rollout", "RolloutGroup", "RolloutMember", "Situation", "Standing"]
