"""The signed bounds in force, read from the trust repository when it has changed. Without a repository the protocol's widest bounds hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from evertill.protocol.release import GUARDRAILS_PATH, Guardrails, decode_guardrails
from evertill.server.rooms.catalog.trust.repository import TrustRepository

if TYPE_CHECKING:
    from pathlib import Path

_Stamp = tuple[int, int]


class _Known:
    """What was read last, and which timestamp.json stood there then: publishing renames a new one into place."""

    read: tuple[Path, _Stamp, Guardrails] | None = None


def in_force() -> Guardrails:
    """Raises TrustDamaged when the repository cannot be read: bounds are never guessed."""
    data: Path = settings.INSTALLATION.data
    repository = TrustRepository(data)
    if not repository.folder.initialised:
        return Guardrails()
    status = (repository.folder.metadata / "timestamp.json").stat()
    stamp = (status.st_ino, status.st_mtime_ns)
    if _Known.read is None or _Known.read[:2] != (data, stamp):
        body = repository.document(GUARDRAILS_PATH)
        _Known.read = (data, stamp, decode_guardrails(body) if body else Guardrails())
    return _Known.read[2]
