"""NETWORK_METERED, NETWORK_BUDGET, SERVER_SILENT: whether the download may use the link there is now."""

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.preflight.check import Findings, Subject


def network(subject: Subject) -> Findings:
    """A package that is here already needs no network. A link of unknown kind may cost money, so it counts as mobile data."""
    need = subject.need.package_bytes
    kind = subject.sources.link().kind
    if need == 0 or kind in {"wired", "wifi", "local"}:
        return Findings()
    if kind == "none":
        return Findings((Reason.of("SERVER_SILENT"),))
    if subject.unmetered_only:
        return Findings((Reason.of("NETWORK_METERED"),))
    left = subject.budget_left_bytes()
    if need > left:
        return Findings((Reason.of("NETWORK_BUDGET", need_bytes=need, left_bytes=left),))
    return Findings()
