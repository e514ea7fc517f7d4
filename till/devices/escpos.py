"""A receipt printer on a character device (`/dev/usb/lp0`, a serial line), speaking ESC/POS.

Status is asked with DLE EOT 1 and 4, which printers answer at once, in the middle of a job too. Text goes out in GB 18030, which
printers sold in China are set to. Source: Epson, ESC/POS command reference, "DLE EOT n", "ESC @", "GS V".
"""

import os
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from till.devices.port import ANSWER_S, READY, DeviceSilentError

PRINTER_STATUS: Final = b"\x10\x04\x01"
PAPER_STATUS: Final = b"\x10\x04\x04"
OFFLINE: Final = 0x08
PAPER_END: Final = 0x60
FIXED_BITS, FIXED = 0x93, 0x12  # of every answer to DLE EOT: bits 0 and 7 are 0, 1 and 4 are 1
RESET, FEED_AND_CUT = b"\x1b@", b"\x1dVB\x00"
PRINT_S: Final = 10.0


class EscPosPrinter:
    """One printer, opened anew for each question."""

    def __init__(self, path: str) -> None:
        self._path = path

    def state(self) -> str:
        """Ready, offline, or out of paper."""
        with self._opened() as device:
            if _answer(device, PRINTER_STATUS) & OFFLINE:
                return "offline"
            return "out of paper" if _answer(device, PAPER_STATUS) & PAPER_END else READY

    def print(self, lines: Sequence[str]) -> None:
        """Prints and cuts."""
        text = "".join(f"{line}\n" for line in lines).encode("gb18030", "replace")
        with self._opened() as device:
            _send(device, RESET + text + FEED_AND_CUT, PRINT_S)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            device = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise DeviceSilentError(error.strerror) from error
        try:
            yield device
        except OSError as error:  # pulled out in the middle
            raise DeviceSilentError(error.strerror) from error
        finally:
            os.close(device)


def _answer(device: int, question: bytes) -> int:
    """The status byte; what a printer says unasked is passed over."""
    _send(device, question, ANSWER_S)
    deadline = time.monotonic() + ANSWER_S
    while (left_s := deadline - time.monotonic()) > 0 and select.select([device], [], [], left_s)[0]:
        for byte in os.read(device, 64):
            if byte & FIXED_BITS == FIXED:
                return byte
    raise DeviceSilentError("no answer")


def _send(device: int, content: bytes, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while content:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([], [device], [], left_s)[1]:
            raise DeviceSilentError("it takes nothing")
        content = content[os.write(device, content) :]
