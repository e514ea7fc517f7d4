"""What went wrong, in the words the server and the screens know (`protocol/reasons`).

Rules kept here: texts from outside are cut to what a reason may hold, because the journal must be readable again; a full disk is told
apart from everything else, since it is nobody's failure and passes.
"""

import errno
import os
from pathlib import Path
from typing import Final

from evertill.protocol.errors import ProtocolRefused
from evertill.protocol.reasons import Param, Reason
from evertill.terminal.agent.journey.journal import Journey
from evertill.terminal.generations.folders import SlotDamaged

_FULL_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_DISK_CODES: Final = frozenset({"BUNDLE_DISK_FULL", "DISK_FULL"})
_SHOWN_CHARACTERS: Final = 160


def is_full_disk(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL_DISK
    return isinstance(error, ProtocolRefused) and error.code in _FULL_DISK_CODES


def storage(journey: Journey, folder: Path) -> Reason:
    """The disk ran full in the middle of work, whatever preflight had measured."""
    space = os.statvfs(folder)
    need_bytes = sum(part.length for part in journey.parts)
    return Reason.of("STORAGE", need_bytes=need_bytes, free_bytes=space.f_bavail * space.f_frsize)


def not_installed(journey: Journey, error: Exception) -> Reason:
    """Nothing was switched, because of this."""
    if isinstance(error, ProtocolRefused):
        params: dict[str, Param] = {
            name: value if isinstance(value, int) else value[:_SHOWN_CHARACTERS] for name, value in error.params.items()
        }
        return Reason(error.code, params)
    if isinstance(error, SlotDamaged):
        return Reason.of("SLOT_DAMAGED")
    if journey.repair:
        return repair_failed(journey, error)
    return Reason.of("REHEARSAL_FAILED", version=journey.version, what=_what(error))


def repair_failed(journey: Journey, error: Exception) -> Reason:
    """The running slot is as damaged as before, because of this."""
    return Reason.of("REPAIR_FAILED", version=journey.version, what=_what(error))


def rolled_back(journey: Journey, error: Exception, back: str) -> Reason:
    """The old version is back, because of this."""
    if journey.repair:
        return repair_failed(journey, error)
    return Reason.of("ROLLED_BACK", version=journey.version, back=back, what=_what(error))


def _what(error: Exception) -> str:
    text = error.code if isinstance(error, ProtocolRefused) else str(error) or type(error).__name__
    return text[:_SHOWN_CHARACTERS]
