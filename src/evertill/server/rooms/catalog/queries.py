"""Reading the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from evertill.server.rooms.catalog.errors import ArtifactUnknown, ReleaseUnknown
from evertill.server.rooms.catalog.models import Artifact, Release, ReleaseComponent
from evertill.server.rooms.catalog.rules import State, component_path

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

PAGE = 50


@dataclass(frozen=True)
class Part:
    """One file of a release, as DDI (`module_id`) and as TUF (`target_path`) know it."""

    release_id: int
    module_id: int
    artifact: Artifact

    @property
    def target_path(self) -> str:
        return component_path(self.artifact.filename)


def by_id(release_id: int) -> Release:
    """Raises `ReleaseUnknown`."""
    release = Release.objects.filter(pk=release_id).first()
    if release is None:
        raise ReleaseUnknown(release=release_id)
    return release


def artifact_by_id(artifact_id: int) -> Artifact:
    """Raises `ArtifactUnknown`."""
    artifact = Artifact.objects.filter(pk=artifact_id).first()
    if artifact is None:
        raise ArtifactUnknown(artifact=artifact_id)
    return artifact


def unused_artifacts(added_before: datetime) -> list[Artifact]:
    """Uploads from before that moment that are in no release."""
    used = ReleaseComponent.objects.filter(artifact=OuterRef("pk"))
    return list(Artifact.objects.filter(~Exists(used), added_at__lt=added_before).order_by("pk"))


def is_artifact(sha256: str) -> bool:
    return Artifact.objects.filter(sha256=sha256).exists()


def parts(release_id: int) -> list[Part]:
    """The files of a release in their order."""
    return parts_of([release_id]).get(release_id, [])


def parts_of(release_ids: Iterable[int]) -> dict[int, list[Part]]:
    """The files of many releases in one query."""
    found: dict[int, list[Part]] = {}
    rows = (
        ReleaseComponent.objects.select_related("artifact")
        .filter(release_id__in=release_ids)
        .order_by("release_id", "position")
    )
    for row in rows:
        found.setdefault(row.release_id, []).append(Part(row.release_id, row.module_id, row.artifact))
    return found


def part(module_id: int, filename: str = "") -> Part | None:
    """The file a module id stands for; with a name, only if it is called so."""
    rows = ReleaseComponent.objects.select_related("artifact").filter(module_id=module_id)
    row = (rows.filter(artifact__filename=filename) if filename else rows).first()
    return Part(row.release_id, row.module_id, row.artifact) if row else None


def with_ids(release_ids: Iterable[int]) -> list[Release]:
    """Those of these releases that exist."""
    return list(Release.objects.filter(pk__in=list(release_ids)))


def published_ids() -> list[int]:
    """Every release in force."""
    return list(Release.objects.filter(state=State.PUBLISHED).values_list("pk", flat=True))


def dated_ids(severities: Iterable[str]) -> list[int]:
    """Releases in force that have a date, the earliest first."""
    rows = Release.objects.filter(state=State.PUBLISHED, severity__in=list(severities), required_at__isnull=False)
    return list(rows.order_by("required_at", "pk").values_list("pk", flat=True))


def page(before_id: int | None = None, state: str = "", size: int = PAGE) -> list[Release]:
    """At most `size` releases, newest first, older than `before_id`."""
    rows = Release.objects.order_by("-id")
    if before_id is not None:
        rows = rows.filter(id__lt=before_id)
    if state:
        rows = rows.filter(state=state)
    return list(rows[:size])


def published() -> list[Release]:
    """Every release in force, newest first."""
    return list(Release.objects.filter(state=State.PUBLISHED).order_by("-id"))
