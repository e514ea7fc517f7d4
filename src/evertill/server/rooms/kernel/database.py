"""Which database: SQLite in the data folder by default, PostgreSQL by one URL. The same code on both.

SQLite runs in WAL with `synchronous=FULL`: with NORMAL a power cut lost every committed row when we tried it. Every write transaction is IMMEDIATE, so
two writers wait for each other instead of failing half-way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from pathlib import Path

BUSY_TIMEOUT_S = 20
SQLITE_START = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"


def settings_for(url: str | None, data: Path) -> dict[str, Any]:
    """Django's DATABASES entry for a database URL; None means the SQLite file in `data`."""
    if url is None:
        return _sqlite(data / "evertill.db")
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(data / unquote(parts.path.lstrip("/"))) if parts.path else _sqlite(data / "evertill.db")
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 300,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(parse_qsl(parts.query)),
        }
    raise ImproperlyConfigured(
        f"--database {parts.scheme}://… is not known; write postgresql://user:password@host/name"
    )


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": None,
        "OPTIONS": {"timeout": BUSY_TIMEOUT_S, "transaction_mode": "IMMEDIATE", "init_command": SQLITE_START},
        "TEST": {"NAME": str(path.with_name(f"test-{path.name}"))},
    }
