"""What a release may be made of and become, and what its files are called. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,159}")
ARTIFACT_MOST_BYTES: Final = 1024**3  # hawkBit's quota for one artifact (DDI facts §5)


class State(StrEnum):
    """draft → awaiting_signatures → published → withdrawn | revoked; a change that is cancelled goes back to draft."""

    DRAFT = "draft"
    AWAITING = "awaiting_signatures"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"


class ArtifactKind(StrEnum):
    BUNDLE = "bundle"
    PASSTHROUGH = "passthrough"


MAY_BECOME: Final[dict[State, frozenset[State]]] = {
    State.DRAFT: frozenset({State.AWAITING, State.PUBLISHED}),
    State.AWAITING: frozenset({State.DRAFT, State.PUBLISHED}),
    State.PUBLISHED: frozenset({State.WITHDRAWN, State.REVOKED}),
    State.WITHDRAWN: frozenset({State.REVOKED}),
    State.REVOKED: frozenset(),
}


def is_filename(text: str) -> bool:
    return FILENAME.fullmatch(text) is not None


def component_path(filename: str) -> str:
    """The TUF target of one of our components (protocol.release: a component's path)."""
    return f"components/{filename}"
