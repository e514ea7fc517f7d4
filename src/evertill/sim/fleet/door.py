"""The device door as a virtual terminal calls it: verbs, typed answers, and every trouble as one `DoorShut`.

The token goes only to the server named in the scene; redirects are not followed. Nothing is retried here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

if TYPE_CHECKING:
    from evertill.protocol.ddi import Artifact

T = TypeVar("T")

ANSWER_TIMEOUT_S = 30.0


class DoorShut(Exception):
    """No usable answer: nobody there, refused, or not in the words of the protocol. `retry_after_s` where the server named it."""

    def __init__(self, what: str, retry_after_s: float = 0.0) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class DeviceDoor:
    """One terminal's way to its server, over a client that its whole fleet shares."""

    def __init__(self, client: httpx.AsyncClient, url: str, tenant: str, serial: str, token: str) -> None:
        self.base = f"{url.rstrip('/')}/{tenant}/controller/v1/{serial}"
        self._origin = urlsplit(self.base)[:2]
        self._client = client
        self._headers = {"Authorization": f"TargetToken {token}", "Accept": "application/hal+json, application/json"}
        self._known: dict[str, tuple[str, bytes]] = {}

    async def get(self, href: str, expected: type[T]) -> T:
        """One document; unchanged ones cost a 304. Raises `DoorShut`."""
        etag, body = self._known.get(href, ("", b""))
        headers = {"If-None-Match": etag} if etag else {}
        answer = await self._request("GET", href, headers=headers)
        if answer.status_code != httpx.codes.NOT_MODIFIED:
            body = answer.content
            if tag := answer.headers.get("ETag"):
                self._known[href] = (tag, body)
        try:
            return msgspec.json.decode(body, type=expected)
        except msgspec.MsgspecError as error:
            raise DoorShut(f"{href}: {error}") from error

    async def send(self, method: str, href: str, message: msgspec.Struct) -> None:
        """Raises `DoorShut`."""
        await self._request(
            method, href, content=msgspec.json.encode(message), headers={"Content-Type": "application/json"}
        )

    async def download(self, artifact: Artifact) -> None:
        """The whole file, checked and thrown away. Raises `DoorShut`, also for bytes that are not what was announced."""
        link = artifact.links.get("download") or artifact.links["download-http"]
        digest, size = hashlib.sha256(), 0
        try:
            async with self._client.stream("GET", self._url(link.href), headers=self._headers) as answer:
                _check(answer)
                async for chunk in answer.aiter_raw():
                    digest.update(chunk)
                    size += len(chunk)
        except httpx.HTTPError as error:
            raise DoorShut(f"{link.href}: {error}") from error
        if digest.hexdigest() != artifact.hashes.sha256 or size != artifact.size:
            raise DoorShut(f"{artifact.filename} is not what was announced")

    async def _request(
        self, method: str, href: str, *, content: bytes | None = None, headers: dict[str, str]
    ) -> httpx.Response:
        try:
            answer = await self._client.request(
                method, self._url(href), content=content, headers={**self._headers, **headers}
            )
        except httpx.HTTPError as error:
            raise DoorShut(f"{method} {href}: {error}") from error
        if answer.status_code != httpx.codes.NOT_MODIFIED:
            _check(answer)
        return answer

    def _url(self, href: str) -> str:
        url = urljoin(f"{self.base}/", href)
        if urlsplit(url)[:2] != self._origin:
            raise DoorShut(f"a link that leads elsewhere: {url[:128]}")
        return url


def shared_client() -> httpx.AsyncClient:
    """For a whole fleet: connections are kept and used by turns."""
    return httpx.AsyncClient(
        trust_env=False,
        follow_redirects=False,
        timeout=ANSWER_TIMEOUT_S,
        headers={"User-Agent": "evertill-virtual/1"},
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
    )


def _check(answer: httpx.Response) -> None:
    if answer.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
        said = answer.headers.get("Retry-After", "")
        raise DoorShut(f"{answer.url}: {answer.status_code}", float(said) if said.isdecimal() else 0.0)
