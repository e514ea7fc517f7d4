"""SIGKILL before every single step on the disk: what terminals read is the old state or the new one, and the change completes."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from evertill.server.rooms.catalog.trust import keys, requests
from evertill.server.rooms.catalog.trust.roots import RootChange
from tests.server.catalog.conftest import PASSPHRASE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from securesystemslib.signer import CryptoSigner

    from evertill.server.rooms.catalog.trust.repository import TrustRepository
    from evertill.server.rooms.catalog.trust.targets import TargetsChange

pytestmark = pytest.mark.kill

IN_PLACE = 3  # exit status: a file that terminals read was opened for writing under its own name
# Everything that changes a folder; files opened for writing count too (sys.audit events of the standard library).
STEPS = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir"})


def killed_before(step: int, act: Callable[[], object]) -> bool:
    """Runs `act` in a child that is killed before its n-th step on the disk; False when it had fewer steps and ended well."""
    child = os.fork()
    if child == 0:
        _die_at(step)
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def _die_at(step: int) -> None:
    left = step

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes and _is_read_by_terminals(str(arguments[0])):
            os._exit(IN_PLACE)  # between opening and the last byte, anybody who reads it reads half of it
        if event in STEPS or writes:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _is_read_by_terminals(path: str) -> bool:
    _folder, _slash, name = path.rpartition("/")
    return ("/trust/metadata/" in path or "/trust/targets/" in path) and not name.startswith(".")


def is_whole(repository: TrustRepository, now: datetime) -> None:
    """Every signature, hash and file that a terminal would ask for, by python-tuf's own verification."""
    state = repository.in_force()
    for role, metadata in (("timestamp", state.timestamp), ("snapshot", state.snapshot)):
        state.root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
        assert not metadata.signed.is_expired(now)
    folder = repository.folder
    version = state.timestamp.signed.snapshot_meta.version
    state.timestamp.signed.snapshot_meta.verify_length_and_hashes(
        (folder.metadata / f"{version}.snapshot.json").read_bytes()
    )
    meta = state.snapshot.signed.meta["targets.json"]
    meta.verify_length_and_hashes((folder.metadata / f"{meta.version}.targets.json").read_bytes())
    targets = state.targets["targets"]
    state.root.verify_delegate("targets", targets.signed_bytes, targets.signatures)
    for target in targets.signed.targets.values():
        for name in target.get_prefixed_paths():
            target.verify_length_and_hashes((folder.targets / name).read_bytes())


def test_publication_killed_at_any_step_leaves_the_old_state_or_the_new_one(
    repository: TrustRepository,
    publication: Callable[..., TargetsChange],
    signers: Sequence[CryptoSigner],
    key_folder: Path,
    data: Path,
    tmp_path: Path,
    now: datetime,
) -> None:
    request = repository.change_targets(publication(), now, signers[:1]).request
    signed = requests.sign(request, (key_folder / "root.json").read_bytes(), signers[1:])
    shutil.copytree(data / "trust", tmp_path / "prepared")
    later = now + timedelta(hours=1)
    seen = []
    for step in range(1, 1000):
        shutil.rmtree(data / "trust")
        shutil.copytree(tmp_path / "prepared", data / "trust")
        if not killed_before(step, lambda: repository.import_signatures(signed, later)):
            break
        is_whole(repository, later)
        seen.append(repository.signed_release_ids())
        _complete(repository, signed, later)
        is_whole(repository, later)
        assert repository.signed_release_ids() == [1]
        assert repository.open_requests() == []
    # Old until the one rename of timestamp.json, new from then on, and many points on the way.
    assert seen == sorted(seen)
    assert [] in seen
    assert len(seen) >= 20


def test_renewal_killed_at_any_step_leaves_a_valid_repository(
    repository: TrustRepository, data: Path, tmp_path: Path, now: datetime
) -> None:
    shutil.copytree(data / "trust", tmp_path / "prepared")
    later, points = now + timedelta(days=1), 0
    for step in range(1, 1000):
        shutil.rmtree(data / "trust")
        shutil.copytree(tmp_path / "prepared", data / "trust")
        if not killed_before(step, lambda: repository.renew(later)):
            break
        points += 1
        is_whole(repository, later)
        repository.renew(later)
        is_whole(repository, later)
    assert points >= 4


def test_replacing_an_online_key_killed_at_any_step_leaves_a_valid_repository(
    repository: TrustRepository, key_folder: Path, data: Path, tmp_path: Path, now: datetime
) -> None:
    root_signers = [keys.open_file(key_folder / f"root-{number}.pem", PASSPHRASE) for number in (1, 2)]
    new = repository.new_online_key("timestamp")
    change = RootChange(add=[("timestamp", new.public_key)], remove=[("timestamp", "timestamp-1")])
    request = repository.change_root(change, now).request
    signed = requests.sign(request, (key_folder / "root.json").read_bytes(), root_signers)
    shutil.copytree(data / "trust", tmp_path / "prepared")
    later, versions = now + timedelta(hours=1), []
    for step in range(1, 1000):
        shutil.rmtree(data / "trust")
        shutil.copytree(tmp_path / "prepared", data / "trust")
        if not killed_before(step, lambda: repository.import_signatures(signed, later)):
            break
        is_whole(repository, later)
        versions.append(repository.in_force().root.version)
        _complete(repository, signed, later)
        repository.renew(later)
        is_whole(repository, later)
        assert repository.in_force().root.version == 2
        assert [path.name for path in repository.folder.online.glob("timestamp-*")] == ["timestamp-2.pem"]
    assert versions == sorted(versions)
    assert set(versions) == {1, 2}


def _complete(repository: TrustRepository, signed: requests.SignatureFile, now: datetime) -> None:
    """What the next attempt does: import again, unless only the clean-up was missing."""
    if repository.open_requests():
        assert repository.import_signatures(signed, now).published
