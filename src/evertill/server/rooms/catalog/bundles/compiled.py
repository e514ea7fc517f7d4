"""Python sources compiled so that the same source gives the same bytes, wherever and by whomever it is built.

Rules kept here: unchecked hash-based `.pyc` (PEP 552), because the bundle's signature already vouches for source and code together;
`co_filename` is the name inside the component; marshal format 2, because formats 3 and later note which constants happened to be
shared or interned in the building process (CPython issue 78274), which differs from one process to the next.
"""

from __future__ import annotations

import importlib.util
import marshal
import sys
import warnings
from typing import Final

from evertill.protocol.errors import ProtocolRefused

_UNCHECKED_HASH: Final = 0b01
_STABLE_MARSHAL_FORMAT: Final = 2


def check_python(wanted: str) -> None:
    """Make sure this interpreter compiles what `wanted` ("cp311") runs.

    Raises:
        ProtocolRefused: BUNDLE_PYTHON_MISMATCH.
    """
    running = f"cp{sys.version_info.major}{sys.version_info.minor}"
    if sys.implementation.name != "cpython":
        running = sys.implementation.name
    elif next(iter(compile("0", "", "eval").co_positions()))[2] is None:
        running += " without column numbers (PYTHONNODEBUGRANGES)"
    if wanted != running:
        raise ProtocolRefused("BUNDLE_PYTHON_MISMATCH", wanted=wanted, running=running)


def compiled(path: str, source: bytes) -> bytes:
    """The `.pyc` of the source file `path`.

    Raises:
        ProtocolRefused: BUNDLE_SOURCE_BROKEN.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about style; the build of a foreign wheel is no place for them
            code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 0
        problem = getattr(error, "msg", None) or str(error)
        raise ProtocolRefused("BUNDLE_SOURCE_BROKEN", path=path, line=line, problem=problem) from error
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little") + importlib.util.source_hash(source)
    return header + marshal.dumps(code, _STABLE_MARSHAL_FORMAT)
