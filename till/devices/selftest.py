"""Self-test: what is attached answers, and says that it is ready. Nothing attached is nothing to test."""

from till.checks import Bench, Check, CheckFailed
from till.devices.attached import PRINTER, READER, attached
from till.devices.port import READY, DeviceSilentError


def _answers(role: str, bench: Bench) -> str:
    found = attached(bench.folder).get(role)
    if found is None:
        return "none attached"
    try:
        state = found.reach().state()
    except DeviceSilentError as silent:
        raise CheckFailed(f"silent: {silent}") from silent
    if state != READY:
        raise CheckFailed(state)
    return state


CHECKS = (
    Check("printer_answers", lambda bench: _answers(PRINTER, bench)),
    Check("reader_answers", lambda bench: _answers(READER, bench)),
)
