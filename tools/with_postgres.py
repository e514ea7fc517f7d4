"""Runs a command against a throw-away PostgreSQL cluster: python tools/with_postgres.py COMMAND…

The cluster lives in a temporary folder, listens on a unix socket only, and is gone afterwards. PostgreSQL refuses to run as root: as root its processes run under the `postgres` user.
EVERTILL_TEST_DATABASE names it to the command.
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote


def _as_postgres(argv: list[str]) -> None:
    user = "postgres" if os.geteuid() == 0 else None
    subprocess.run(
        argv, check=True, user=user, group=user, extra_groups=[] if user else None, cwd="/", stdout=subprocess.DEVNULL
    )


def main(command: list[str]) -> int:
    bin_folder = Path(max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4])))
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM)
    )  # a run that is stopped takes its cluster with it
    folder = Path(tempfile.mkdtemp(prefix="evertill-pg-"))
    try:
        owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        shutil.chown(folder, owner)
        folder.chmod(0o755)
        cluster = folder / "cluster"
        _as_postgres(
            [
                str(bin_folder / "initdb"),
                "-D",
                str(cluster),
                "-A",
                "trust",
                "-U",
                "evertill",
                "-E",
                "UTF8",
                "--no-locale",
            ]
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        ctl = [str(bin_folder / "pg_ctl"), "-D", str(cluster), "-w", "-l", str(folder / "log")]
        _as_postgres([*ctl, "-o", options, "start"])
        try:
            environment = os.environ | {
                "EVERTILL_TEST_DATABASE": f"postgresql://evertill@/evertill?host={quote(str(folder), safe='')}"
            }
            return subprocess.run(command, check=False, env=environment).returncode
        finally:
            _as_postgres([*ctl, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
