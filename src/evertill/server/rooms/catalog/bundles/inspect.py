"""Look into a bundle and believe nothing: the whole file is verified before its manifest is returned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertill.protocol.archive import Bundle

if TYPE_CHECKING:
    from pathlib import Path

    from evertill.protocol.manifest import Manifest


def inspect(path: Path) -> Manifest:
    """The manifest of the bundle at `path`.

    Raises:
        ProtocolRefused: what `Bundle` raises.
        OSError: the file cannot be read.
    """
    with path.open("rb") as source:
        bundle = Bundle(source)
        for _ in bundle.members():
            pass
        return bundle.manifest
