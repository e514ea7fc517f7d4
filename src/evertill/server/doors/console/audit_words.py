"""The record in the reader's language: what was done, to what kind of thing, and its details as text. The code stands beside each word, for the export.

An act or a kind that has no word here is shown by its code: the record shows everything.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import _StrPromise

ACTS: Final[dict[str, _StrPromise]] = {
    "action.assign": gettext_lazy("assigned a release"),
    "action.cancel": gettext_lazy("cancelled an action"),
    "action.cancel-all": gettext_lazy("cancelled all its actions"),
    "action.cancel-rejected": gettext_lazy("went on with an action"),
    "action.canceled": gettext_lazy("stopped an action"),
    "action.canceling": gettext_lazy("asked to stop an action"),
    "action.confirmed": gettext_lazy("agreed to an update"),
    "action.denied": gettext_lazy("refused an update"),
    "action.error": gettext_lazy("reported a failure"),
    "action.finished": gettext_lazy("reported success"),
    "action.retrieved": gettext_lazy("fetched an update"),
    "action.started": gettext_lazy("began to install"),
    "action.start-not-permitted": gettext_lazy("started though the server would not have"),
    "action.cancel-unanswered": gettext_lazy("never answered that it was cancelled"),
    "action.timed-out": gettext_lazy("counted silence as failure"),
    "action.verified": gettext_lazy("proved an update"),
    "artifact.add": gettext_lazy("uploaded a file"),
    "artifact.remove": gettext_lazy("removed a file"),
    "console.open": gettext_lazy("opened a page"),
    "console.send": gettext_lazy("sent a form"),
    "gateway-token.create": gettext_lazy("made a gateway token"),
    "gateway-token.revoke": gettext_lazy("revoked a gateway token"),
    "keys.cancel": gettext_lazy("dropped a signing request"),
    "keys.import": gettext_lazy("brought signatures"),
    "keys.init": gettext_lazy("set up the keys"),
    "keys.renew": gettext_lazy("renewed signatures"),
    "keys.rotate": gettext_lazy("replaced a key"),
    "model.add": gettext_lazy("added a model"),
    "node.add": gettext_lazy("added a part of the tree"),
    "offer.closing_time": gettext_lazy("chose: at closing time"),
    "offer.consent": gettext_lazy("agreed to an update"),
    "offer.displayed": gettext_lazy("was shown an update"),
    "offer.now": gettext_lazy("chose: now"),
    "offer.postpone": gettext_lazy("postponed an update"),
    "person.add": gettext_lazy("added a person"),
    "person.close": gettext_lazy("closed a login"),
    "person.grant": gettext_lazy("gave a role"),
    "person.password": gettext_lazy("changed a password"),
    "person.sign-in": gettext_lazy("signed in"),
    "policy.change": gettext_lazy("switched a policy field"),
    "policy.set": gettext_lazy("set a policy field"),
    "policy.settle": gettext_lazy("decided between two values"),
    "policy.unset": gettext_lazy("gave a policy field back"),
    "policy.waive": gettext_lazy("waived a date"),
    "registration.set": gettext_lazy("changed the registration"),
    "release.create": gettext_lazy("made a release"),
    "release.publish": gettext_lazy("published a release"),
    "release.revoke": gettext_lazy("revoked a release"),
    "release.withdraw": gettext_lazy("withdrew a release"),
    "rollout.create": gettext_lazy("planned a rollout"),
    "rollout.finish": gettext_lazy("ended a rollout"),
    "rollout.halt": gettext_lazy("halted a rollout"),
    "rollout.open-group": gettext_lazy("opened a group"),
    "rollout.pause": gettext_lazy("paused a rollout"),
    "rollout.resume": gettext_lazy("resumed a rollout"),
    "rollout.start": gettext_lazy("started a rollout"),
    "rollout.stop": gettext_lazy("stopped a rollout"),
    "terminal.add": gettext_lazy("added a terminal"),
    "terminal.register": gettext_lazy("registered itself"),
    "terminal.retire": gettext_lazy("retired a terminal"),
    "terminal.revoke-tokens": gettext_lazy("revoked a terminal's tokens"),
    "terminal.rotate-token": gettext_lazy("replaced a terminal's token"),
    "token.create": gettext_lazy("made an API token"),
    "token.revoke": gettext_lazy("revoked an API token"),
}
KINDS: Final[dict[str, _StrPromise]] = {
    "action": gettext_lazy("action"),
    "artifact": gettext_lazy("file"),
    "conflict": gettext_lazy("conflict"),
    "gateway-token": gettext_lazy("gateway token"),
    "keys": gettext_lazy("keys"),
    "model": gettext_lazy("model"),
    "node": gettext_lazy("node"),
    "page": gettext_lazy("page"),
    "person": gettext_lazy("person"),
    "registration": gettext_lazy("registration"),
    "release": gettext_lazy("release"),
    "rollout": gettext_lazy("rollout"),
    "signing-request": gettext_lazy("signing request"),
    "terminal": gettext_lazy("terminal"),
    "token": gettext_lazy("API token"),
}
ACTORS: Final[dict[str, _StrPromise]] = {
    "person": gettext_lazy("person"),
    "token": gettext_lazy("API token"),
    "terminal": gettext_lazy("terminal"),
    "system": gettext_lazy("by itself"),
}


def act(code: str) -> str:
    return str(ACTS.get(code, code))


def kind(code: str) -> str:
    return str(KINDS.get(code, code))


def actor_kind(code: str) -> str:
    return str(ACTORS.get(code, code))


def details(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each; what is empty says nothing."""
    return [(name, _text(value)) for name, value in said.items() if value not in (None, "", [], {})]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
