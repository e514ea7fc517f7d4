"""A client of the device API, as short as one: it follows links and shows what came back."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from types import TracebackType

TOKEN = "plainly-a-demo-token-of-32-chars"


class Device:
    """One terminal with its token; paths are below its base, or whole links."""

    def __init__(
        self, port: int, serial: str, *, token: str = TOKEN, scheme: str = "TargetToken", tenant: str = "DEFAULT"
    ) -> None:
        self.port, self.serial = port, serial
        self.path = f"/{tenant}/controller/v1/{serial}"
        self.base = f"http://127.0.0.1:{port}{self.path}"
        authorization = {"Authorization": f"{scheme} {token}"} if token else {}
        self._http = httpx.Client(headers={"Accept": "application/json", **authorization}, timeout=10, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ask(self, method: str, path: str = "", **words: Any) -> httpx.Response:
        url = path if path.startswith("http") else f"{self.base}/{path}".rstrip("/")
        return self._http.request(method, url, **words)

    def get(self, path: str = "", **words: Any) -> httpx.Response:
        return self.ask("GET", path, **words)

    def links(self, **words: Any) -> dict[str, str]:
        """A poll's links, relation → href."""
        answer = self.get(**words)
        assert answer.status_code == 200, answer.text
        return {relation: link["href"] for relation, link in answer.json()["_links"].items()}

    def sleep_s(self) -> int:
        hours, minutes, seconds = self.get().json()["config"]["polling"]["sleep"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + int(seconds)

    def deployment(self) -> dict[str, Any]:
        """What the deploymentBase link of the next poll answers."""
        answer = self.get(self.links()["deploymentBase"])
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def action_id(self) -> int:
        """Of the deploymentBase link of the next poll."""
        return int(self.links()["deploymentBase"].partition("?")[0].rpartition("/")[2])

    def report(
        self, action_id: int, execution: str, finished: str = "none", *, to: str = "deploymentBase", **status: Any
    ) -> httpx.Response:
        body = {"id": str(action_id), "status": {"execution": execution, "result": {"finished": finished}, **status}}
        return self.ask("POST", f"{to}/{action_id}/feedback", json=body)

    def describe(self, data: dict[str, Any], **more: Any) -> httpx.Response:
        return self.ask("PUT", "configData", json={"data": data, **more})


def artifact_href(deployment: dict[str, Any], relation: str = "download-http") -> str:
    """Of the first file of the first chunk."""
    body = deployment.get("deployment") or deployment["confirmation"]
    href: str = body["chunks"][0]["artifacts"][0]["_links"][relation]["href"]
    return href


def raw(port: int, request: bytes, *, within_s: float = 5.0) -> bytes:
    """Everything the server answers to these very bytes until it closes or falls silent after an answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=within_s) as line:
        line.sendall(request)
        answer = b""
        try:
            while chunk := line.recv(65536):
                answer += chunk
                if _is_whole(answer):
                    break
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if found and line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False
