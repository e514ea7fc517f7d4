"""HTTP on `till.sock`: reads a request, lets the site answer, writes the answer. One request per connection."""

import threading
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

from till.pages.http import Request
from till.pages.site import Site
from till.sockets import OwnSocketServer

MOST_BODY_BYTES = 16_384
SLOW_CLIENT_S = 5.0


class PagesServer(OwnSocketServer):
    """Serves the site while entered."""

    def __init__(self, address: str, site: Site) -> None:
        self.site = site
        self._answering = 0
        self._change = threading.Condition()
        super().__init__(address, PagesHandler)

    def begin_answer(self) -> None:
        """An answer is under way."""
        with self._change:
            self._answering += 1

    def end_answer(self) -> None:
        """It has been written, or the client has gone."""
        with self._change:
            self._answering -= 1
            self._change.notify_all()

    def drain(self, timeout_s: float) -> None:
        """Waits until the answers under way have been written, at most so long."""
        with self._change:
            self._change.wait_for(lambda: self._answering == 0, timeout_s)


class PagesHandler(BaseHTTPRequestHandler):
    """One request."""

    server: PagesServer
    timeout: ClassVar[float] = SLOW_CLIENT_S
    server_version = "till"
    sys_version = ""

    def do_GET(self) -> None:
        """Shows a page."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Does what a form asks for."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.send_error(411)
        elif int(length) > MOST_BODY_BYTES:
            self.send_error(413)
        else:
            self._answer(self.rfile.read(int(length)))

    def _answer(self, body: bytes) -> None:
        self.server.begin_answer()
        try:
            cookie = "; ".join(self.headers.get_all("Cookie", []))
            request = Request.parse(
                self.command,
                self.path,
                cookie,
                body,
                closing_offer=self.headers.get("Closing-Offer", ""),
                update_notice=self.headers.get("Update-Notice", ""),
            )
            response = self.server.site.answer(request)
            self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
            self.send_header("X-Content-Type-Options", "nosniff")
            for name, value in response.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.body)
            self.wfile.flush()
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            self.server.end_answer()

    def address_string(self) -> str:
        """A unix socket's client has no address."""
        return "local"

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Requests are not logged: they would say what a customer paid."""
