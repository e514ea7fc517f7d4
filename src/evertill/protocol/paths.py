"""Which file names a bundle may carry, so that each lands inside its folder and no two land in the same place, anywhere.

Rules kept here: relative, `/` between segments, no `.`, `..`, backslash or drive letter; UTF-8 in normal form NFC without control
or invisible formatting characters; at most 240 bytes; no two names that a file system ignoring case would take for one;
a `.pyc` only in `__pycache__`, named after the `.py` beside it. Names are judged, never repaired.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from evertill.protocol.errors import ProtocolRefused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

PATH_LIMIT_BYTES: Final = 240
FILE_LIMIT: Final = 20_000

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # Unicode general categories


def check_path(path: str) -> None:
    """Judge one name by itself.

    Raises:
        ProtocolRefused: BUNDLE_PATH_ESCAPES, BUNDLE_PATH_INVALID or BUNDLE_PATH_TOO_LONG.
    """
    segments = path.split("/")
    if path.startswith("/") or "\\" in path or ".." in segments or _DRIVE.match(path):
        raise ProtocolRefused("BUNDLE_PATH_ESCAPES", path=path)
    problem = _spelling_problem(path, segments)
    if problem:
        raise ProtocolRefused("BUNDLE_PATH_INVALID", path=path, problem=problem)
    if len(path.encode()) > PATH_LIMIT_BYTES:
        raise ProtocolRefused("BUNDLE_PATH_TOO_LONG", path=path, limit_bytes=PATH_LIMIT_BYTES)


def _spelling_problem(path: str, segments: list[str]) -> str:
    if _UNSEEN & {unicodedata.category(character) for character in path}:
        return "not UTF-8, or control or invisible characters"
    if "" in segments or "." in segments:
        return "empty segment or '.'"
    if not unicodedata.is_normalized("NFC", path):
        return "not in Unicode normal form NFC"
    return ""


def check_tree(paths: Iterable[str], *, reserved: str, cache_tag: str) -> None:
    """Judge all names of a bundle together.

    `reserved` is a name that none of them may take; `cache_tag` ("cpython-311", or "" for none) says which `.pyc` are ours.

    Raises:
        ProtocolRefused: what `check_path` raises, BUNDLE_TOO_MANY_FILES, BUNDLE_DUPLICATE or BUNDLE_COMPILED.
    """
    places = _Places(reserved)
    files: set[str] = set()
    for path in paths:
        check_path(path)
        places.add_file(path)
        files.add(path)
    for path in files:
        _check_compiled(path, files, cache_tag)


class _Places:
    """Every file and folder so far, by the name that a file system ignoring case would give it."""

    def __init__(self, reserved: str) -> None:
        self._taken: dict[str, str] = {reserved: reserved}
        self._folders: set[str] = set()
        self._files: set[str] = set()

    def add_file(self, path: str) -> None:
        self._add_folders(path.rpartition("/")[0])
        self._take(path)
        self._files.add(path)
        _check_count(len(self._files))

    def _add_folders(self, folder: str) -> None:
        """The folder and those above it, up to the first that is known."""
        while folder and folder not in self._folders:
            self._take(folder)
            self._folders.add(folder)
            _check_count(len(self._folders))
            folder = folder.rpartition("/")[0]

    def _take(self, path: str) -> None:
        key = unicodedata.normalize("NFC", path.casefold())
        if key in self._taken:
            raise ProtocolRefused("BUNDLE_DUPLICATE", path=path, other=self._taken[key])
        self._taken[key] = path


def _check_count(count: int) -> None:
    if count > FILE_LIMIT:
        raise ProtocolRefused("BUNDLE_TOO_MANY_FILES", limit=FILE_LIMIT)


def compiled_name(source: str, cache_tag: str) -> str:
    """Where Python looks for the compiled form of `source` (PEP 3147)."""
    path = PurePosixPath(source)
    return str(path.parent / "__pycache__" / f"{path.stem}.{cache_tag}.pyc")


def _check_compiled(path: str, files: AbstractSet[str], cache_tag: str) -> None:
    """Compiled code is only what Python itself would load for a source of the bundle."""
    place = PurePosixPath(path)
    if "__pycache__" not in place.parts and place.suffix not in {".pyc", ".pyo"}:
        return
    source = str(place.parent.parent / f"{place.name.removesuffix(f'.{cache_tag}.pyc')}.py")
    if not cache_tag or source not in files or compiled_name(source, cache_tag) != path:
        raise ProtocolRefused("BUNDLE_COMPILED", path=path)
