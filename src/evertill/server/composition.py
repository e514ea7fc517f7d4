"""Who listens to what, and which jobs run: the explicit tuples that asgi, the command line and the worker all start from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from pathlib import Path


def start(data: Path, database_url: str | None = None) -> None:
    """Makes this process a part of the installation in `data`: settings, apps, handlers. Called once, first."""
    os.environ["EVERTILL_DATA"] = str(data)
    if database_url:
        os.environ["EVERTILL_DATABASE"] = database_url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evertill.server.settings")
    django.setup()
    compose()


def compose() -> None:
    """Fills the table of handlers. Imports rooms, so it runs after Django is set up."""
    from evertill.server.registry import HANDLERS
    from evertill.server.rooms.kernel.events import compose as fill

    fill(HANDLERS)
