"""The web process: granian with one worker in front of `asgi.application`."""

from __future__ import annotations

import argparse
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from evertill.server.processes.parent import end_with_parent


def main() -> None:
    arguments = argparse.ArgumentParser(prog="evertill serve")
    arguments.add_argument("--host", required=True)
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--tls-cert", type=Path)
    arguments.add_argument("--tls-key", type=Path)
    chosen = arguments.parse_args()
    end_with_parent()
    Granian(
        "evertill.server.asgi:application",
        address=chosen.host,
        port=chosen.port,
        interface=Interfaces.ASGI,
        workers=1,
        websockets=False,
        log_level=LogLevels.warning,
        ssl_cert=chosen.tls_cert,
        ssl_key=chosen.tls_key,
        respawn_failed_workers=True,
    ).serve()


if __name__ == "__main__":
    main()
