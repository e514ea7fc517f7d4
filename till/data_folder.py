"""The data folder D: one writer at a time, whatever run folder they use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from till.errors import Refused
from till.locks import FileLock


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Holds the folder's own lock while the block runs; makes the folder if there is none.

    Raises:
        Refused: DATA_FOLDER_UNUSABLE, DATA_LOCKED.
    """
    lock = FileLock(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken = lock.take_exclusive()
    except OSError as error:
        raise Refused("DATA_FOLDER_UNUSABLE", str(error)) from error
    if not taken:
        raise Refused("DATA_LOCKED", "another process may write these data now")
    try:
        yield
    finally:
        lock.release()
