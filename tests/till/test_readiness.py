import json
import os
import subprocess
import sys
from contextlib import closing

import pytest

from tests.till.driver import RunningTill


def test_the_state_counts_what_is_not_settled(till: RunningTill) -> None:
    browser = till.browser()
    browser.sell(10_00)
    browser.sell(5_00)
    state = till.state()
    assert (state["batch_count"], state["journal"], state["pending"], state["queue"]) == (
        2,
        {"rows": 2, "last_id": 2},
        0,
        0,
    )
    assert (state["signed_in"], state["sale"], state["last_settled_at"]) == (True, False, None)


def test_settling_from_outside_closes_the_batch_once(till: RunningTill) -> None:
    till.browser().sell(10_00)
    answer = till.ask(do="settle")
    batch = answer["batch"]
    assert isinstance(batch, dict)
    assert (answer["ok"], batch["id"], batch["sale_count"], batch["sale_fen"], batch["net_fen"]) == (
        True,
        1,
        1,
        10_00,
        10_00,
    )
    assert till.ask(do="settle") == {"ok": True, "batch": None}
    assert (till.state()["batch_count"], till.state()["last_settled_at"]) == (0, batch["settled_at"])


def test_settling_during_a_sale_is_refused(till: RunningTill) -> None:
    till.browser().post("sale", typed="1250")
    assert till.state()["sale"] is True
    assert till.ask(do="settle") == {"error": "SALE_IN_PROGRESS"}


@pytest.mark.parametrize("request_", [{"ask": "price"}, {"do": "sing"}, {}])
def test_an_unknown_request_is_answered(till: RunningTill, request_: dict[str, str]) -> None:
    assert till.ask(**request_) == {"error": "UNKNOWN_REQUEST"}


@pytest.mark.parametrize(
    "line", [b"hello\n", b"[1]\n", b"\xff\xfe\n", b"[" * 4000 + b"\n", b'{"ask": "state"', b"x" * 5000 + b"\n"]
)
def test_what_is_not_a_request_ends_the_connection_only(till: RunningTill, line: bytes) -> None:
    with closing(till.connect("ready.sock")) as connection, connection.makefile("rb") as answers:
        connection.sendall(line)
        connection.shutdown(1)
        assert json.loads(answers.readline()) == {"error": "BAD_REQUEST"}
        assert answers.readline() == b""
    assert till.state()["mode"] == "selling"


def test_many_questions_on_one_connection_are_answered_in_order(till: RunningTill) -> None:
    with closing(till.connect("ready.sock")) as connection, connection.makefile("rb") as answers:
        connection.sendall(b'{"ask": "state"}\n{"do": "x"}\n{"do": "settle"}\n')
        assert json.loads(answers.readline())["mode"] == "selling"
        assert json.loads(answers.readline()) == {"error": "UNKNOWN_REQUEST"}
        assert json.loads(answers.readline()) == {"ok": True, "batch": None}


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_another_user_gets_no_byte(till: RunningTill) -> None:
    """Even with the folder and the socket wide open, which they never are."""
    till.run.chmod(0o711)
    (till.run / "ready.sock").chmod(0o666)
    folder = os.open(till.run, os.O_RDONLY)
    connect = (
        f"import os, socket; os.fchdir({folder}); os.setuid(65534); s = socket.socket(socket.AF_UNIX)\n"
        "s.connect('ready.sock'); print(s.recv(100))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", connect], pass_fds=(folder,), capture_output=True, text=True, timeout=20, check=False
        )
    finally:
        os.close(folder)
    assert (done.stdout, done.stderr) == ("b''\n", "")
