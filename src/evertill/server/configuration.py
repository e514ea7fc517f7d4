"""What an installation is: a data folder with its settings file, and a few words from the environment.

DATA/evertill.toml holds what `init` decided (the operator's slug, its languages) and the limits an operator sets (`limits.py`); DATA/secret.key Django's key. The environment may name the folder (EVERTILL_DATA), the
database (EVERTILL_DATABASE) and the offline keys (EVERTILL_KEYS). Nothing else is configured outside the database.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from evertill.server import limits
from evertill.server.limits import DoorLimits
from evertill.server.rooms.kernel.storage import write_whole

FILE = "evertill.toml"
SECRET_FILE = "secret.key"  # noqa: S105 - a file name
LANGUAGES = ("zh", "en")

Network = IPv4Network | IPv6Network


class NotInstalledError(Exception):
    """The data folder has no installation. The text says what to write."""


class SettingsInvalidError(Exception):
    """The settings file cannot be read, or sets a limit that is none. The text says what to write."""


class AlreadyInstalledError(Exception):
    """`init` on a folder that has an installation."""


@dataclass(frozen=True)
class Installation:
    """One operator's installation, as its folder and the environment say."""

    data: Path
    operator: str
    admin: str = ""
    languages: tuple[str, ...] = LANGUAGES
    database_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    limits: DoorLimits = field(default_factory=DoorLimits)
    secret: str = field(default="", repr=False)

    @property
    def artifacts(self) -> Path:
        """Content-addressed files as they were uploaded."""
        return self.data / "artifacts"

    @property
    def trust(self) -> Path:
        """The TUF repository: metadata and targets."""
        return self.data / "trust"


def default_data() -> Path:
    return Path(os.environ.get("EVERTILL_DATA", "evertill-data"))


def create(data: Path, operator: str, admin: str = "", languages: tuple[str, ...] = LANGUAGES) -> Installation:
    """Lays out a data folder. Raises `AlreadyInstalledError`."""
    if (data / FILE).exists():
        raise AlreadyInstalledError(f"{data} holds an installation already")
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    data.chmod(0o700)  # also where it was there before: the database holds sessions and hashes of passwords
    for folder in ("artifacts", "trust"):
        (data / folder).mkdir(exist_ok=True, mode=0o700)
    write_whole(data / SECRET_FILE, secrets.token_urlsafe(48).encode(), mode=0o600)
    listed = ", ".join(f'"{language}"' for language in languages)
    write_whole(data / FILE, f'operator = "{operator}"\nadmin = "{admin}"\nlanguages = [{listed}]\n'.encode())
    return load(data)


def remove(data: Path) -> None:
    """Takes back what `create` laid out, after an `init` that could not be finished."""
    for name in (FILE, SECRET_FILE):
        (data / name).unlink(missing_ok=True)
    for file in data.glob("evertill.db*"):
        file.unlink()


def load(data: Path) -> Installation:
    """The installation in `data`. Raises `NotInstalledError`, `SettingsInvalidError`."""
    try:
        said = tomllib.loads((data / FILE).read_text(encoding="utf-8"))
        secret = (data / SECRET_FILE).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        message = f"{data} holds no installation; write: evertill init --data {data} --operator SLUG --admin USER --password-file FILE"
        raise NotInstalledError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsInvalidError(f"{data / FILE} cannot be read: {problem}") from None
    try:
        door_limits = limits.read(said.get(limits.SECTION, {}))
    except limits.LimitInvalidError as problem:
        raise SettingsInvalidError(f"{data / FILE}: {problem}") from None
    proxies = os.environ.get("EVERTILL_TRUSTED_PROXIES", "").split()
    return Installation(
        data=data,
        operator=said["operator"],
        admin=said.get("admin", ""),
        languages=tuple(said.get("languages", LANGUAGES)),
        database_url=os.environ.get("EVERTILL_DATABASE") or None,
        trusted_proxies=tuple(ip_network(proxy) for proxy in proxies),
        limits=door_limits,
        secret=secret,
    )
