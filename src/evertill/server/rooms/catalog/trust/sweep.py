"""What may go from DATA/trust: metadata that no client reads any more, and the files that only it named.

Rules kept here: every root stays, because terminals walk all of them; of every other role the version in force stays, and each older
one until it was replaced for two weeks, twice as long as a timestamp lives, so that whoever still holds one (a cache, a copy carried by
hand) finds everything behind it. When a version was replaced is said by the next one's number, which is the clock's seconds. A file
under targets/ stays as long as any metadata that stays names it: what is published is never swept. Runs under the signer's lock,
where nothing is half-way in.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tuf.api.metadata import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from evertill.server.rooms.catalog.trust.folder import InForce, TrustFolder

KEPT_AFTER_REPLACED: Final = timedelta(days=14)


def sweep(folder: TrustFolder, state: InForce, now: datetime) -> list[Path]:
    """Remove what nobody can ask for any more; answers what went.

    Raises:
        TrustDamaged: metadata that stays cannot be read, so nobody knows what it names; no target was removed.
    """
    gone = [*_left_by_the_killed(folder), *_replaced_long_ago(folder, state, now)]
    for path in gone:
        path.unlink()
    unnamed = list(_unnamed(folder, state))
    for path in unnamed:
        path.unlink()
    return gone + unnamed


def _left_by_the_killed(folder: TrustFolder) -> Iterator[Path]:
    for place in (folder.metadata, folder.targets, folder.pending):
        yield from place.rglob(".*.part")


def _replaced_long_ago(folder: TrustFolder, state: InForce, now: datetime) -> Iterator[Path]:
    long_ago = int((now - KEPT_AFTER_REPLACED).timestamp())
    in_force = {role: metadata.signed.version for role, metadata in state.targets.items()}
    for role, current in (in_force | {Snapshot.type: state.snapshot.signed.version}).items():
        versions = [version for version in folder.versions_of(role) if version <= current]
        for version, replaced_by in pairwise(versions):
            if replaced_by <= long_ago:
                yield folder.metadata / f"{version}.{role}.json"


def _unnamed(folder: TrustFolder, state: InForce) -> Iterator[Path]:
    named = {
        folder.place_of(path, digest)
        for role in state.targets
        for version in folder.versions_of(role)
        for path, target in folder.targets_metadata(role, version).signed.targets.items()
        for digest in target.hashes.values()
    }
    yield from (path for path in folder.targets.rglob("*") if path.is_file() and path not in named)
