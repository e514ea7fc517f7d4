"""STORAGE: room for the package, the inactive slot, the backup and a margin. Caches are cleaned first, data never."""

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.preflight.check import Findings, Subject


def storage(subject: Subject) -> Findings:
    need = subject.need.total_bytes
    free = subject.sources.free_bytes(subject.home)
    if free < need and subject.clean_cache():
        free = subject.sources.free_bytes(subject.home)
    if free < need:
        return Findings((Reason.of("STORAGE", need_bytes=need, free_bytes=free),))
    return Findings()
