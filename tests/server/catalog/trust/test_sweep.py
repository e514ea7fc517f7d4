"""Years of daily signatures: what goes, and what terminals still find."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from evertill.protocol.release import FLOOR_PATH, Floor, encode
from evertill.server.rooms.catalog.errors import TrustDamaged
from evertill.server.rooms.catalog.trust.roots import RootChange
from evertill.server.rooms.catalog.trust.sweep import KEPT_AFTER_REPLACED
from evertill.server.rooms.catalog.trust.targets import TargetsChange

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.catalog.trust.repository import TrustRepository


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def served(repository: TrustRepository) -> set[str]:
    return names(repository.folder.metadata) | names(repository.folder.targets)


def test_two_months_of_daily_renewals_leave_a_fortnight_of_them(repository: TrustRepository, now: datetime) -> None:
    for day in range(1, 61):
        repository.renew(now + timedelta(days=day))
        repository.sweep(now + timedelta(days=day))

    # The one in force, and each that was in force at some moment of the last two weeks.
    assert len(repository.folder.versions_of("snapshot")) == 1 + KEPT_AFTER_REPLACED.days
    assert len(repository.folder.versions_of("targets")) == 1
    assert repository.in_force().snapshot.signed.version == repository.folder.versions_of("snapshot")[-1]


def test_version_that_was_in_force_yesterday_stays_however_old_it_is(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    now: datetime,
) -> None:
    yesterday = repository.in_force()
    late = now + timedelta(days=300)
    repository.change_targets(publication(), late, signers)

    repository.sweep(late + KEPT_AFTER_REPLACED - timedelta(seconds=1))
    assert f"{yesterday.top.version}.targets.json" in served(repository)
    assert f"{yesterday.snapshot.signed.version}.snapshot.json" in served(repository)

    repository.sweep(late + KEPT_AFTER_REPLACED)
    assert f"{yesterday.top.version}.targets.json" not in served(repository)
    assert f"{yesterday.snapshot.signed.version}.snapshot.json" not in served(repository)


def test_what_is_published_is_never_swept_and_every_root_stays(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    root_signers: Sequence[CryptoSigner],
    now: datetime,
) -> None:
    repository.change_targets(publication(), now, signers)
    repository.change_root(RootChange(), now, root_signers)
    published = names(repository.folder.targets)
    assert len(published) == 10  # three documents, a release and its file, each under two names

    for years in range(1, 4):
        repository.renew(now + timedelta(days=365 * years))
        repository.sweep(now + timedelta(days=365 * years))

    assert names(repository.folder.targets) == published
    assert {"1.root.json", "2.root.json"} <= served(repository)


def test_document_that_was_replaced_goes_with_the_last_metadata_that_named_it(
    repository: TrustRepository, signers: Sequence[CryptoSigner], now: datetime
) -> None:
    first = encode(Floor())
    floor = TargetsChange(documents={FLOOR_PATH: encode(Floor(minimum_rollback_index={"till": 3}))})
    repository.change_targets(floor, now, signers)

    repository.sweep(now + timedelta(days=13))
    assert sum(name.endswith(FLOOR_PATH) for name in served(repository)) == 4
    repository.sweep(now + timedelta(days=15))

    left = [path.read_bytes() for path in repository.folder.targets.glob(f"*.{FLOOR_PATH}")]
    assert len(left) == 2
    assert first not in left


def test_what_killed_writers_left_goes_at_once(repository: TrustRepository, now: datetime) -> None:
    for folder in (repository.folder.metadata, repository.folder.targets / "components", repository.folder.pending):
        folder.mkdir(exist_ok=True)
        (folder / ".half.0a1b2c.part").write_bytes(b"half")
    stray = repository.folder.targets / "components" / f"{'0' * 64}.till-9.evb"
    os.link(repository.folder.metadata / "1.root.json", stray)

    assert len(repository.sweep(now)) == 4

    assert not [name for name in served(repository) if name.endswith((".part", "till-9.evb"))]


def test_damaged_old_metadata_stops_the_sweep_of_what_it_may_name(
    repository: TrustRepository, signers: Sequence[CryptoSigner], now: datetime
) -> None:
    old = repository.in_force().top.version
    repository.change_targets(TargetsChange(), now + timedelta(days=1), signers)
    (repository.folder.metadata / f"{old}.targets.json").write_bytes(b"{}")
    targets = names(repository.folder.targets)

    with pytest.raises(TrustDamaged):
        repository.sweep(now + timedelta(days=2))

    assert names(repository.folder.targets) == targets
