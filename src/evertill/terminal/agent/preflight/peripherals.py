"""PERIPHERAL, PERIPHERAL_INCOMPATIBLE: devices on the USB ports while the software changes.

Rules kept here: what the update runs over (network, power) and what the shop uses every day is never asked about; any other
device is a warning, and holds the update only where the release says `must_unplug`; a device the release does not work with
holds it always.
"""

from evertill.protocol.reasons import Reason
from evertill.terminal.agent.preflight.check import Findings, Subject


def peripherals(subject: Subject) -> Findings:
    found = subject.sources.peripherals()
    incompatible = sorted({device.name for device in found if device.usb_id in subject.incompatible})
    if incompatible:
        reason = Reason.of("PERIPHERAL_INCOMPATIBLE", names=incompatible, version=subject.version)
        return Findings((reason,))
    foreign = sorted(
        {
            device.name
            for device in found
            if not device.carries_link and not device.gives_power and device.usb_id not in subject.daily
        }
    )
    if not foreign or subject.peripherals_confirmed:
        return Findings()
    reason = Reason.of("PERIPHERAL", names=foreign)
    return Findings((reason,)) if subject.must_unplug else Findings(warnings=(reason,))
