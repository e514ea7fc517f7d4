"""Installs the operating-system parts that Evertill's tests and demo use, by apt where that is possible; otherwise says exactly what to install.

python3 tools/system_packages.py run     what `make demo` and `make setup` need
python3 tools/system_packages.py test    all of it, as `make test` needs
"""

from __future__ import annotations

import glob
import importlib.util
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# package → how to see that it is there: a command on PATH, or a path that must exist
RUN: dict[str, Callable[[], object]] = {
    "python3-venv": lambda: importlib.util.find_spec("ensurepip") is not None,
    "gettext": lambda: shutil.which("msgfmt"),
    "nodejs": lambda: shutil.which("node"),
    "npm": lambda: shutil.which("npm"),
}
TEST: dict[str, Callable[[], object]] = RUN | {
    "chromium": lambda: os.environ.get("EVERTILL_CHROMIUM") or shutil.which("chromium"),
    "fonts-noto-cjk": lambda: glob.glob("/usr/share/fonts/opentype/noto/NotoSansCJK-*"),
    "swupdate": lambda: shutil.which("swupdate"),
    "cpio": lambda: shutil.which("cpio"),
    "openssl": lambda: shutil.which("openssl"),
    "strace": lambda: shutil.which("strace"),
    "postgresql": lambda: glob.glob("/usr/lib/postgresql/*/bin/initdb"),
    "iproute2": lambda: shutil.which("ip"),
}


def missing(wanted: Mapping[str, Callable[[], object]]) -> list[str]:
    return [package for package, present in wanted.items() if not present()]


def main(what: str) -> int:
    wanted = {"run": RUN, "test": TEST}[what]
    packages = missing(wanted)
    if not packages:
        return 0
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (
        not root or (shutil.which("sudo") and subprocess.run([*root, "true"], check=False).returncode == 0)
    ):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        keep = [] if not root else ["--preserve-env=DEBIAN_FRONTEND"]
        subprocess.run([*root, *keep, "apt-get", "update", "-qq"], check=True, env=environment)
        subprocess.run(
            [*root, *keep, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages],
            check=True,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        packages = missing(wanted)
    if packages:
        print("Missing, and cannot be installed from here: " + " ".join(packages), file=sys.stderr)
        print("Install them and run again:  apt-get install " + " ".join(packages), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
