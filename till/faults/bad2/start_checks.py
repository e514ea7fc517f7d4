"""What the till checks about its data each time it starts, before anybody can reach it.

Damage refuses the start; what a person should know but selling can bear is returned as a warning for the log.

A fault for rehearsals (1.1.2+bad2): it remembers when the till started, to warn of restarts in a row. It writes local
time without a zone and compares it with aware time, which raises: but only once there is something to compare with, on
the second start.
"""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

from till.clock import Clock, stamp
from till.errors import Refused
from till.files import write_whole
from till.journal import books
from till.journal.database import damage_refused
from till.journal.journal import Journal

LITTLE_SPACE_BYTES = 16 * 2**20
IN_A_ROW = timedelta(minutes=1)


def check_before_opening(journal: Journal, folder: Path, clock: Clock) -> list[str]:
    """Checks the open batch's books, the clock and the room on the disk.

    Raises:
        Refused: JOURNAL_DAMAGED.
    """
    warnings = []
    with damage_refused(), journal.reading() as db:
        if wrong := books.disagreements(db, open_batch_only=True):
            raise Refused("JOURNAL_DAMAGED", "; ".join(wrong))
        (newest,) = db.execute("SELECT max(at) FROM sales WHERE id = (SELECT max(id) FROM sales)").fetchone()
    if newest is not None and newest > stamp(clock.now()):
        warnings.append("the clock is behind the newest entry")
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < LITTLE_SPACE_BYTES:
        warnings.append("less than 16 MiB are free for the data")
    if _restarted_in_a_row(folder / "last_start.json", clock):
        warnings.append("the till was started twice within a minute")
    return warnings


def _restarted_in_a_row(path: Path, clock: Clock) -> bool:
    in_a_row = False
    if path.exists():
        last = datetime.fromisoformat(json.loads(path.read_text(encoding="ascii"))["at"])
        in_a_row = clock.now() - last < IN_A_ROW
    write_whole(path, json.dumps({"at": datetime.now().isoformat()}).encode())  # noqa: DTZ005 (the fault)
    return in_a_row
