"""Whatever a server answers, the outcome is an answer of the expected type or one code: the rubbish of the world, each kind."""

import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from evertill.protocol.ddi import PollAnswer
from evertill.protocol.provision import Provision
from evertill.terminal.agent import connection as module
from evertill.terminal.agent.connection import Connection, ConnectionRefused
from evertill.terminal.errors import WORDINGS
from tests.fakes import fake_server as rubbish
from tests.fakes.fake_server import FakeServer, Rubbish, running_server
from tests.terminal.agent.making import code_of


def poll(connection: Connection) -> PollAnswer:
    answer = connection.get(connection.base_url, PollAnswer).value
    assert answer is not None
    return answer


KINDS: list[tuple[Rubbish, str]] = [
    (rubbish.html, "ANSWER_NOT_JSON"),
    (rubbish.truncated_json, "ANSWER_NOT_JSON"),
    (rubbish.not_utf8, "ANSWER_NOT_JSON"),
    (rubbish.deep_json, "ANSWER_NOT_JSON"),
    (rubbish.wrong_types, "ANSWER_WRONG_TYPES"),
    (rubbish.huge_body, "ANSWER_TOO_LARGE"),
    (rubbish.endless_body, "ANSWER_TOO_LARGE"),
    (rubbish.gzip_bomb, "ANSWER_ENCODED"),
    (rubbish.too_long_declared, "ANSWER_TRUNCATED"),
    (rubbish.contradictory_length, "ANSWER_TRUNCATED"),
    (rubbish.not_http, "ANSWER_TRUNCATED"),
    (rubbish.hang_up, "ANSWER_TRUNCATED"),
    (rubbish.redirect, "ANSWER_UNEXPECTED"),
    (rubbish.status(204), "ANSWER_UNEXPECTED"),
    (rubbish.status(304), "ANSWER_UNEXPECTED"),
    (rubbish.status(401), "ACCESS_DENIED"),
    (rubbish.status(403), "ACCESS_DENIED"),
    (rubbish.status(404), "SERVER_SAID_NO"),
    (rubbish.status(410), "SERVER_SAID_NO"),
    (rubbish.status(429), "SERVER_BUSY"),
    (rubbish.status(503), "SERVER_BUSY"),
    (rubbish.status(500), "SERVER_FAULT"),
]


@pytest.mark.parametrize(("kind", "code"), KINDS)
def test_rubbish_has_a_code_and_the_next_answer_is_read(
    server: FakeServer, connection: Connection, kind: Rubbish, code: str
) -> None:
    server.script("poll", kind)
    with pytest.raises(ConnectionRefused) as refused:
        poll(connection)
    assert code_of(refused) == code
    assert poll(connection).config.polling.sleep == "06:00:00"


def test_every_sentence_of_a_refusal_can_be_filled_from_its_parameters(
    server: FakeServer, connection: Connection
) -> None:
    for kind, _code in KINDS:
        server.script("poll", kind)
        with pytest.raises(ConnectionRefused) as refused:
            poll(connection)
        for language in ("zh", "en"):
            assert "{" not in refused.value.text(language)


def test_every_sentence_stands_in_both_languages() -> None:
    for code, row in WORDINGS.items():
        assert all(row), code
        assert row.zh != row.en, code


def test_nobody_there_is_no_contact() -> None:
    with running_server() as gone:
        connection = Connection(msgspec.convert(gone.provision(), Provision))
    with pytest.raises(ConnectionRefused) as refused:
        poll(connection)
    assert code_of(refused) == "NO_CONTACT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "120"}, 120),
        ({"Retry_After": "99999999999999999999"}, 86400),
        ({"Retry_After": "-5"}, None),
        ({"Retry_After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_honoured_within_a_day(
    server: FakeServer, connection: Connection, headers: dict[str, str], seconds: int | None
) -> None:
    server.script("poll", rubbish.status(429, **headers))
    with pytest.raises(ConnectionRefused) as refused:
        poll(connection)
    assert refused.value.retry_after_s == seconds


def test_retry_after_may_be_a_date(server: FakeServer, connection: Connection) -> None:
    server.script("poll", rubbish.status(503, Retry_After=formatdate(time.time() + 90, usegmt=True)))
    with pytest.raises(ConnectionRefused) as refused:
        poll(connection)
    assert refused.value.retry_after_s in range(85, 96)


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.2:9/x",
        "https://127.0.0.1/x",
        "//evil.example/x",
        "ftp://127.0.0.1/x",
        "http://127.0.0.1:99999/",
        "http://[",
    ],
)
def test_the_token_never_leaves_for_another_origin(server: FakeServer, connection: Connection, link: str) -> None:
    with pytest.raises(ConnectionRefused) as refused:
        connection.get(link, PollAnswer)
    assert code_of(refused) == "LINK_FOREIGN"
    assert server.requests == []


def test_an_unchanged_answer_costs_a_304(server: FakeServer, connection: Connection) -> None:
    first = connection.get(connection.base_url, PollAnswer)
    second = connection.get(connection.base_url, PollAnswer, etag=first.etag)
    assert first.etag
    assert second.value is None
    assert second.size_bytes == 0


def test_a_silent_server_is_given_up(server: FakeServer, provision: Provision, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_TIMEOUT_S", 0.2)
    server.script("poll", lambda _handler: time.sleep(0.6))
    with pytest.raises(ConnectionRefused) as refused:
        poll(Connection(provision))
    assert code_of(refused) == "ANSWER_TIMEOUT"


def test_a_dripping_answer_is_given_up(
    server: FakeServer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_DEADLINE_S", 0.3)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        try:
            for _ in range(100):
                handler.wfile.write(b" " * 16384)
                time.sleep(0.02)
        except OSError:
            pass

    server.script("poll", drip)
    monkeypatch.setattr(module, "MAX_ANSWER_BODY_BYTES", 1 << 30)
    with pytest.raises(ConnectionRefused) as refused:
        poll(connection)
    assert code_of(refused) == "ANSWER_TIMEOUT"


def test_the_servers_date_over_loopback_is_kept_and_goes_on(server: FakeServer, connection: Connection) -> None:
    poll(connection)
    first, later = connection.server_now, connection.server_now
    assert first is not None
    assert later is not None
    assert timedelta(0) <= later - first < timedelta(seconds=5)


def test_a_date_over_a_plain_network_is_no_date(server: FakeServer) -> None:
    words = server.provision(plain_http=True)
    words["url"] = words["url"].replace("127.0.0.1", "tms.test")
    other = Connection(msgspec.convert(words, Provision))
    assert other.server_now is None


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA with a server certificate for 127.0.0.1, and a second CA nobody trusts."""
    folder = tmp_path_factory.mktemp("tls")
    config = folder / "san.cnf"
    config.write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("ours", "other"):
        _openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name} demo CA")  # fmt: skip
    _openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key",
             "-out", "server.csr", "-subj", "/CN=127.0.0.1")  # fmt: skip
    _openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ours.pem", "-CAkey", "ours.key", "-CAcreateserial",
             "-days", "30", "-extfile", "san.cnf", "-out", "server.pem")  # fmt: skip
    return folder


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tls_url(certificates: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            rubbish.send(self, 200, b'{"config":{"polling":{"sleep":"00:05:00"}}}')

        def log_message(self, *_words: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_operators_ca_is_pinned(tls_url: str, certificates: Path, server: FakeServer) -> None:
    ca_pem = (certificates / "ours.pem").read_text()
    pinned = Connection(msgspec.convert(server.provision(url=tls_url, ca_pem=ca_pem), Provision))
    assert poll(pinned).config.polling.sleep == "00:05:00"
    assert pinned.server_now is not None


@pytest.mark.parametrize("ca", ["other.pem", None])
def test_any_other_ca_is_refused_before_the_token_is_sent(
    tls_url: str, certificates: Path, server: FakeServer, ca: str | None
) -> None:
    ca_pem = (certificates / ca).read_text() if ca else None
    connection = Connection(msgspec.convert(server.provision(url=tls_url, ca_pem=ca_pem), Provision))
    with pytest.raises(ConnectionRefused) as refused:
        poll(connection)
    assert code_of(refused) == "TLS_REFUSED"
