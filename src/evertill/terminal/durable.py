"""Writes that survive a power cut at any instant: the old content or the new one, never half of either.

Rules kept here: temp file in the same folder, fsync, rename, fsync of the folder, in this order. Temp names are fixed per
target (one writer each), so a crash leaves at most one `.part` behind, which the next write takes over. Needs nothing but
`os`, because the supervisor lives on it too. It does not lock: whoever writes owns the file.
"""

import os
from pathlib import Path

_DOOMED = ".doomed"


def sync_folder(folder: Path) -> None:
    """Make renames, creations and removals inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make a whole tree of files and folders durable, leaves first; the tree's own name is the caller's to sync."""
    for at, _folders, files in os.walk(folder, topdown=False):
        for name in files:
            sync_file(Path(at, name))
        sync_folder(Path(at))


def write_atomic(path: Path, content: bytes, mode: int = 0o600) -> None:
    part = path.with_name(f".{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(path)
    sync_folder(path.parent)


def prepared_name(link: Path, target: str) -> Path:
    return link.with_name(f".{link.name}.to.{target}")


def prepare_link(link: Path, target: str) -> Path:
    """Lay down beside `link` what `point_link` will need, so that pointing it there takes no room on the disk."""
    ready = prepared_name(link, target)
    if not ready.is_symlink():
        ready.symlink_to(target)
        sync_folder(link.parent)
    return ready


def point_link(link: Path, target: str) -> None:
    """Point the symbolic link at `target`, in one step for every reader."""
    prepare_link(link, target).rename(link)
    sync_folder(link.parent)


def remove(path: Path) -> None:
    """Remove a file durably; absent is fine."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def discard(folder: Path) -> None:
    """Remove a tree so that nobody ever sees half of it under its own name; absent is fine, half discarded too."""
    import shutil  # late: heavy, and only the agent discards

    doomed = folder.with_name(f".{folder.name}{_DOOMED}")
    if folder.exists():
        if doomed.exists():
            shutil.rmtree(doomed)
        folder.rename(doomed)
        sync_folder(folder.parent)
    if doomed.exists():
        shutil.rmtree(doomed)


def sweep(parent: Path) -> None:
    """Finish every discard below `parent` that was interrupted."""
    for doomed in parent.glob(f".*{_DOOMED}"):
        discard(parent / doomed.name[1 : -len(_DOOMED)])
