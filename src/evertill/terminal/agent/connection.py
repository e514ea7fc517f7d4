"""One terminal's connection to its server: bounded, deadlined, pinned, and suspicious of every answer.

Rules kept here: the token goes only to the origin named by the provision file; redirects, foreign links, encodings and bodies
beyond the limit are refused; whatever comes back, the outcome is an answer of the expected type or one `ConnectionRefused`
with a code. No retry happens here: when to try again is the poll loop's decision.
"""

import email.utils
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from evertill.protocol.ddi import MAX_ANSWER_BODY_BYTES
from evertill.protocol.provision import Provision, is_loopback
from evertill.terminal.errors import TerminalRefused

CONNECT_TIMEOUT_S: Final = 10.0
SILENCE_TIMEOUT_S: Final = 30.0
ANSWER_DEADLINE_S: Final = 60.0
MAX_RETRY_AFTER_S: Final = 24 * 3600
USER_AGENT: Final = "evertill-agent/1"

T = TypeVar("T")


class ConnectionRefused(TerminalRefused):
    """No usable answer came back. `status` is the HTTP status where there was one."""

    def __init__(
        self, code: str, *, status: int | None = None, retry_after_s: int | None = None, **params: object
    ) -> None:
        super().__init__(code, **params)
        self.status = status
        self.retry_after_s = retry_after_s


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """`value` is None exactly when the server said 304: what was known before still holds."""

    value: T | None
    etag: str | None
    size_bytes: int


class Connection:
    def __init__(self, provision: Provision, *, transport: httpx.BaseTransport | None = None) -> None:
        self._origin = _origin(provision.url)
        self._token = provision.token
        self._trusts_date = provision.url.startswith("https:") or is_loopback(provision.host)
        self._client = httpx.Client(
            verify=_tls_context(provision),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            limits=httpx.Limits(max_connections=4, max_keepalive_connections=1, keepalive_expiry=30),
            transport=transport,
        )
        self.base_url = provision.controller_url
        self._server_date: tuple[datetime, float] | None = None

    @property
    def server_now(self) -> datetime | None:
        """What the server's clock shows now, by the last date nobody on the way could have written; None = never heard."""
        if self._server_date is None:
            return None
        said, at_s = self._server_date
        return said + timedelta(seconds=_boot_s() - at_s)

    def close(self) -> None:
        self._client.close()

    def get(self, url: str, expected: type[T], *, etag: str | None = None) -> Answer[T]:
        """GET one JSON document of the expected type; with `etag`, 304 gives an answer without a value."""
        headers = {"Accept": "application/hal+json, application/json"}
        if etag:
            headers["If-None-Match"] = etag
        with self.open("GET", url, headers=headers) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED and etag:
                return Answer(None, etag, 0)
            raise_for_status(response)
            body = _read_bounded(response)
            value = _decode(response, body, expected)
            return Answer(value, response.headers.get("ETag"), len(body))

    def send(self, method: str, url: str, body: bytes) -> None:
        """POST or PUT one JSON document; the answer's body means nothing to us, its status does."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        with self.open(method, url, headers=headers, content=body) as response:
            raise_for_status(response)
            _read_bounded(response)

    @contextmanager
    def open(
        self, method: str, url: str, *, headers: dict[str, str], content: bytes | None = None
    ) -> Iterator[httpx.Response]:
        """A streamed request to our own server; every way it can break becomes a code.

        Raises:
            ConnectionRefused: LINK_FOREIGN before anything is sent; NO_CONTACT, TLS_REFUSED, ANSWER_TIMEOUT, ANSWER_TRUNCATED later.
        """
        target = _joined(self.base_url, url)
        if _origin(target) != self._origin:
            raise ConnectionRefused("LINK_FOREIGN", link=url[:200])
        headers = {**headers, "Authorization": f"TargetToken {self._token}"}
        try:
            with self._client.stream(method, target, headers=headers, content=content) as response:
                self._note_date(response)
                yield response
        except httpx.ConnectError as error:
            raise ConnectionRefused(_connect_code(error), detail=str(error)) from error
        except httpx.ConnectTimeout as error:
            raise ConnectionRefused("NO_CONTACT", detail="timeout") from error
        except httpx.TimeoutException as error:
            raise ConnectionRefused("ANSWER_TIMEOUT") from error
        except httpx.RemoteProtocolError as error:
            raise ConnectionRefused("ANSWER_TRUNCATED", detail=str(error)) from error
        except (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError) as error:
            raise ConnectionRefused("NO_CONTACT", detail=str(error)) from error

    def _note_date(self, response: httpx.Response) -> None:
        """Only a date that nobody on the way could have written is worth keeping."""
        if self._trusts_date and (date := _http_date(response.headers.get("Date", ""))):
            self._server_date = (date, _boot_s())


def _boot_s() -> float:
    """Seconds since boot, sleep included: a laid-away terminal's clock goes on."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host, port; anything that is no http(s) address has the origin of nobody."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return ("", "", 0)
    return (parts.scheme, parts.hostname or "", port)


def _joined(base_url: str, link: str) -> str:
    """The link as an address; nonsense gives an address of nobody."""
    try:
        return urljoin(base_url + "/", link)
    except ValueError:
        return ""


def _tls_context(provision: Provision) -> ssl.SSLContext:
    """The operator's CA alone where it is given, else the system's; over plain HTTP one that trusts nobody."""
    if provision.url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cadata=provision.ca_pem)
    except ssl.SSLError as error:
        raise TerminalRefused("CA_UNUSABLE", detail=str(error)) from error


def _connect_code(error: httpx.ConnectError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "TLS_REFUSED"
        cause = cause.__cause__ or cause.__context__
    return "NO_CONTACT"


def raise_for_status(response: httpx.Response) -> None:
    """Every status that is no success becomes its code."""
    status = response.status_code
    if status in {200, 201, 206}:
        return
    if status in {429, 503}:
        raise ConnectionRefused("SERVER_BUSY", status=status, retry_after_s=_retry_after_s(response))
    if status in {401, 403}:
        raise ConnectionRefused("ACCESS_DENIED", status=status)
    if status >= 500:  # noqa: PLR2004 - the HTTP class
        raise ConnectionRefused("SERVER_FAULT", status=status)
    if 400 <= status < 500:  # noqa: PLR2004 - the HTTP class
        raise ConnectionRefused("SERVER_SAID_NO", status=status)
    raise ConnectionRefused("ANSWER_UNEXPECTED", status=status)


def _read_bounded(response: httpx.Response) -> bytes:
    """The whole body, if it is small, plain and arrives in time; `Content-Length` is checked by the HTTP library."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ConnectionRefused("ANSWER_ENCODED", status=response.status_code)
    deadline = time.monotonic() + ANSWER_DEADLINE_S
    body = bytearray()
    for part in response.iter_raw():  # as it comes: a fixed size would wait for drips past the deadline
        body += part
        if len(body) > MAX_ANSWER_BODY_BYTES:
            raise ConnectionRefused("ANSWER_TOO_LARGE", status=response.status_code)
        if time.monotonic() > deadline:
            raise ConnectionRefused("ANSWER_TIMEOUT", status=response.status_code)
    return bytes(body)


def _decode(response: httpx.Response, body: bytes, expected: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=expected)
    except msgspec.ValidationError as error:
        raise ConnectionRefused("ANSWER_WRONG_TYPES", status=response.status_code, detail=str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        kind = response.headers.get("Content-Type", "")[:64]
        raise ConnectionRefused("ANSWER_NOT_JSON", status=response.status_code, kind=kind) from error


def _retry_after_s(response: httpx.Response) -> int | None:
    """`Retry-After` in seconds, from either of its two forms (RFC 9110, 10.2.3), never beyond a day."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return min(int(text[:9]), MAX_RETRY_AFTER_S)
    moment, now = _http_date(text), _http_date(response.headers.get("Date", ""))
    if moment is None or now is None:
        return None
    return max(0, min(int((moment - now).total_seconds()), MAX_RETRY_AFTER_S))


def _http_date(text: str) -> datetime | None:
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
