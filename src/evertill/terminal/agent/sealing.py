"""A folder as one encrypted file, and back: tar, zstd, age.

Rules kept here: written beside and fsync'd, the caller renames; on the way back only plain files with tame relative names, and
never more bytes than the folder may have. Any recipient's identity opens it. pyrage and zstandard are loaded when first needed.
"""

import os
import tarfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from evertill.terminal.durable import sync_file
from evertill.terminal.errors import TerminalRefused

MAX_UNPACKED_BYTES: Final = 16 * 1024**3
_LEVEL: Final = 3


def seal(folder: Path, sealed: Path, recipients: Sequence[str], scratch: Path) -> None:
    """Write everything below `folder` into `sealed`, for these recipients (`age1…`); `scratch` is a new file's path."""
    import pyrage  # late: needed once a night at most
    import zstandard

    with _create(scratch) as plain:
        with (
            zstandard.ZstdCompressor(level=_LEVEL).stream_writer(plain, closefd=False) as packed,
            tarfile.open(fileobj=cast("IO[bytes]", packed), mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                _add(tar, path, path.relative_to(folder).as_posix())
        plain.seek(0)
        with _create(sealed) as out:
            pyrage.encrypt_io(plain, out, [pyrage.x25519.Recipient.from_str(each) for each in recipients])
    scratch.unlink()
    sync_file(sealed)


def unseal(sealed: Path, folder: Path, identity: str, scratch: Path) -> None:
    """Unpack `sealed` into the new folder `folder`.

    Raises:
        TerminalRefused: BACKUP_WRONG_KEY, BACKUP_DAMAGED, RECOVERY_KEY_INVALID; `folder` is then the caller's to discard.
        OSError: the disk said no.
    """
    import pyrage
    import zstandard

    try:
        key = pyrage.x25519.Identity.from_str(identity)
    except pyrage.IdentityError as error:
        raise TerminalRefused("RECOVERY_KEY_INVALID", file="-") from error
    folder.mkdir(mode=0o700)
    with sealed.open("rb") as source, _create(scratch) as plain:
        try:
            pyrage.decrypt_io(source, plain, [key])
        except pyrage.DecryptError as error:
            code = "BACKUP_WRONG_KEY" if "matching keys" in str(error) else "BACKUP_DAMAGED"
            raise TerminalRefused(code, file=sealed.name, detail=error) from error
        except OSError as error:
            if error.errno:  # the disk's word; age's own errors carry no number
                raise
            raise TerminalRefused("BACKUP_DAMAGED", file=sealed.name, detail=error) from error
        plain.seek(0)
        try:
            with (
                zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(plain, closefd=False) as unpacked,
                tarfile.open(fileobj=cast("IO[bytes]", unpacked), mode="r|") as tar,
            ):
                _extract(tar, folder)
        except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError) as error:
            raise TerminalRefused("BACKUP_DAMAGED", file=sealed.name, detail=error) from error
    scratch.unlink()


def _create(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "w+b")


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    with path.open("rb") as content:
        member = tarfile.TarInfo(name)
        member.size = os.fstat(content.fileno()).st_size
        member.mode = 0o600
        tar.addfile(member, content)


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    left = MAX_UNPACKED_BYTES
    for member in tar:
        place = PurePosixPath(member.name)
        if not member.isreg() or place.is_absolute() or ".." in place.parts or "\0" in member.name:
            raise ValueError(f"{member.name[:64]!r} does not belong into a backup")
        left -= member.size
        content = tar.extractfile(member)
        if left < 0 or content is None:
            raise ValueError("it unpacks to more than a terminal can hold")
        target = folder / place
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _create(target) as file:
            while block := content.read(1024 * 1024):
                file.write(block)
