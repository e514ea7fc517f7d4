"""Driving a staged till as its neighbours do: commands, the readiness socket, its pages over the unix socket, signals."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from urllib.parse import urlencode

REPOSITORY = Path(__file__).resolve().parents[2]
PINS = {"01": "258013", "00": "604713", "99": "918274"}
PATIENCE_S = 20.0


def till_command(tree: Path, *arguments: str | Path) -> list[str]:
    """How a neighbour calls a staged till."""
    return [sys.executable, "-I", "-B", str(tree / "till" / "main.py"), *map(str, arguments)]


def run_till(tree: Path, *arguments: str | Path) -> tuple[int, dict[str, object]]:
    """One command of a staged till: exit code and its JSON line."""
    done = subprocess.run(till_command(tree, *arguments), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in {0, 1}, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return done.returncode, answer


@dataclass
class Answer:
    """What a page answered."""

    status: int
    text: str
    location: str
    headers: Message

    @property
    def code(self) -> str:
        """The refusal's code on the page."""
        found = re.search(r'<p class="code">([A-Z_]+)</p>', self.text)
        return found[1] if found else ""

    def field(self, name: str) -> str:
        """A hidden field's value."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, f"no field {name} in {self.text}"
        return found[1]


@dataclass
class Browser:
    """Keeps cookies, posts forms with the token of the page it looked at."""

    till: "RunningTill"
    cookies: dict[str, str] = field(default_factory=dict)

    def request(self, method: str, page: str, form: Mapping[str, str] | None = None) -> Answer:
        """One request, no redirect followed."""
        with closing(self.till.connect("till.sock")) as connection:
            client = http.client.HTTPConnection("till")
            client.sock = connection
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
            if form is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            client.request(method, f"/{page}", urlencode(form) if form is not None else None, headers)
            response = client.getresponse()
            text = response.read().decode()
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(response.status, text, response.headers.get("Location", ""), response.headers)

    def get(self, page: str) -> Answer:
        """Looks at a page."""
        return self.request("GET", page)

    def post(self, page: str, **form: str) -> Answer:
        """Looks at a page, then posts its form."""
        seen = self.get(page)
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', seen.text))
        return self.request("POST", page.partition("?")[0], hidden | form)

    def sign_in(self, number: str = "01") -> None:
        """Signs in with the PIN the fixture enrolled."""
        answer = self.post(f"sign-in?operator={number}", operator=number, typed=PINS[number], go="1")
        assert (answer.status, answer.location) == (303, "sale"), answer.text

    def sell(self, fen: int, given_fen: int | None = None) -> str:
        """Sells for cash and returns the receipt's number."""
        answer = self.post("sale", typed=str(fen), go="1")
        assert answer.location == "tender", answer.text
        answer = self.post("tender", typed=str(given_fen or ""), go="1")
        assert answer.status == 303, answer.text
        return answer.location.removeprefix("receipt?number=")


@dataclass
class RunningTill:
    """A till process with its two folders."""

    tree: Path
    data: Path
    run: Path
    process: "subprocess.Popen[str]"

    def connect(self, name: str) -> socket.socket:
        """A connection to one of its sockets; folders of tests are often longer than a unix address."""
        descriptor = os.open(self.run, os.O_RDONLY)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        try:
            connection.connect(f"/proc/self/fd/{descriptor}/{name}")
        except OSError:
            connection.close()
            raise
        finally:
            os.close(descriptor)
        return connection

    def say(self, line: bytes) -> bytes:
        """Raw bytes to the readiness socket; what came back first."""
        with closing(self.connect("ready.sock")) as connection, connection.makefile("rb") as answers:
            connection.sendall(line)
            return bytes(answers.readline())

    def ask(self, **request: str) -> dict[str, object]:
        """One question on the readiness socket."""
        answer = json.loads(self.say(json.dumps(request).encode() + b"\n"))
        assert isinstance(answer, dict)
        return answer

    def state(self) -> dict[str, object]:
        """The answer to ask: state."""
        return self.ask(ask="state")

    def browser(self, number: str | None = "01") -> Browser:
        """A new browser, signed in unless told otherwise."""
        browser = Browser(self)
        if number:
            browser.sign_in(number)
        return browser

    def wait_ready(self) -> "RunningTill":
        """Until the readiness socket answers."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the till ended with {self.process.returncode}: {self.output()}"
            try:
                self.state()
            except (OSError, ValueError):
                time.sleep(0.005)
            else:
                return self
        raise AssertionError("the till did not become ready")

    def wait_exit(self) -> int:
        """Until the process has ended by itself."""
        return self.process.wait(PATIENCE_S)

    def output(self) -> dict[str, object]:
        """The JSON line of a refused start."""
        text = self.process.communicate(timeout=PATIENCE_S)[0]
        answer = json.loads(text) if text else {}
        assert isinstance(answer, dict)
        return answer

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)


@contextmanager
def started(tree: Path, data: Path, run: Path, *options: str) -> Iterator[RunningTill]:
    """A till that was told to start; killed at the end if it still runs."""
    command = till_command(tree, "start", "--data", data, "--run", run, *options)
    environment = {**os.environ, "TZ": "Asia/Shanghai"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    till = RunningTill(tree, data, run, process)
    try:
        yield till
    finally:
        if process.poll() is None:
            till.kill()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def copied(folder: Path, to: Path) -> Path:
    """A copy of a data folder that nobody writes."""
    shutil.copytree(folder, to)
    return to
