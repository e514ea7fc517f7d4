"""What a terminal may be called, what it may say of itself, and how its success is proven."""

from __future__ import annotations

import re
from enum import StrEnum

SERIAL = re.compile(r"[A-Za-z0-9._-]{1,64}")

# hawkBit's quotas and column widths (DDI facts §5).
ATTRIBUTES_MOST = 100
ATTRIBUTE_KEY_MOST = 128
ATTRIBUTE_VALUE_MOST = 128
REVISION_MOST = 40


class Client(StrEnum):
    EVERTILL = "evertill"
    DDI = "ddi"


class State(StrEnum):
    ACTIVE = "active"
    LOCKED = "locked"
    RETIRED = "retired"


class ConfigMode(StrEnum):
    MERGE = "merge"
    REPLACE = "replace"
    REMOVE = "remove"


PROOFS = ("versions", "after_restart", "reported")
ATTRIBUTE_PROOF = "attribute:"


def is_serial(text: str) -> bool:
    return SERIAL.fullmatch(text) is not None


def is_proof(text: str) -> bool:
    return text in PROOFS or (text.startswith(ATTRIBUTE_PROOF) and len(text) > len(ATTRIBUTE_PROOF))


def default_proof(client: Client) -> str:
    """How success is proven where the model says nothing: our agent reports versions, a DDI client speaks again after its restart."""
    return "versions" if client is Client.EVERTILL else "after_restart"


def merged(known: dict[str, str], sent: dict[str, str], mode: ConfigMode) -> dict[str, str]:
    """The attributes after a configData request of this mode."""
    if mode is ConfigMode.REPLACE:
        return dict(sent)
    if mode is ConfigMode.REMOVE:
        return {key: value for key, value in known.items() if key not in sent}
    return known | sent
