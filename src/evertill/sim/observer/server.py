"""The server as a system and a person outside see it: its API with a read-only token, and the command line's `--json`."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import httpx

from evertill.sim.observer.trouble import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT_S = 60.0


class ServerSilent(Silent):
    """No usable answer."""


class Server:
    """`command` is how the command line is typed, in an environment that names the installation."""

    def __init__(self, url: str, token: str, command: Sequence[str]) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S, trust_env=False
        )
        self._command = list(command)

    def action(self, number: int) -> dict[str, Any]:
        """Raises `ServerSilent`."""
        found: dict[str, Any] = self._get(f"/api/v1/actions/{number}")
        return found

    def explanation(self, serial: str, language: str) -> list[dict[str, Any]]:
        """Why each release is not installed there, in that language. Raises `ServerSilent`."""
        found: list[dict[str, Any]] = self._get(f"/api/v1/terminals/{serial}/explanation", language)
        return found

    def typed(self, *words: str) -> Any:
        """What a read of the command line answers. Raises `ServerSilent`."""
        line = [*self._command, *words, "--json"]
        try:
            done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S)
            return json.loads(done.stdout)
        except subprocess.CalledProcessError as refused:
            raise ServerSilent(refused.stderr.strip()) from refused
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise ServerSilent(f"{' '.join(words)}: {error}") from error

    def close(self) -> None:
        self._client.close()

    def _get(self, path: str, language: str = "en") -> Any:
        try:
            answer = self._client.get(path, headers={"Accept-Language": language})
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ServerSilent(f"{path}: {error}") from error
