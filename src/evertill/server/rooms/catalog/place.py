"""Where this installation keeps its catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from evertill.server.rooms.catalog.trust.repository import TrustRepository

if TYPE_CHECKING:
    from pathlib import Path


def repository() -> TrustRepository:
    return TrustRepository(settings.INSTALLATION.data)


def artifacts() -> Path:
    """Uploaded files, content-addressed (kernel.storage)."""
    folder: Path = settings.INSTALLATION.artifacts
    return folder


def languages() -> tuple[str, ...]:
    """Every language in which notes must be written."""
    spoken: tuple[str, ...] = settings.INSTALLATION.languages
    return spoken
