"""A finger at a terminal's touch screen: looks at a page, then posts its form, as its browser does."""

from __future__ import annotations

import re
from typing import Final

import httpx

_HIDDEN: Final = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
_TIMEOUT_S: Final = 30.0


class ScreenRefused(Exception):
    """The page came again instead of the next one."""


class Screen:
    """`port`: as the terminal tells it in run/screen.port."""

    def __init__(self, port: int) -> None:
        self._origin = f"http://127.0.0.1:{port}"
        self._client = httpx.Client(base_url=self._origin, timeout=_TIMEOUT_S, trust_env=False)

    def switch_updates(self, mode: str, pin: str) -> None:
        """设置 → 软件更新 → automatic, manual or never. Raises `ScreenRefused`."""
        self._tap(f"/update/mode/{mode}", f"/update/mode/{mode}", person="owner", pin=pin, go="1")

    def update_at_closing(self) -> None:
        """打烊 → 升级并关机: one tap, no PIN. Raises `ScreenRefused`."""
        self._tap("/closing", "/closing/now")

    def _tap(self, look_at: str, post_to: str, **form: str) -> None:
        try:
            page = self._client.get(look_at)
            hidden = dict(_HIDDEN.findall(page.text))
            answer = self._client.post(post_to, data=hidden | form, headers={"Origin": self._origin})
        except httpx.HTTPError as error:
            raise ScreenRefused(f"{post_to}: {error}") from error
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise ScreenRefused(f"{post_to}: {answer.status_code}")
