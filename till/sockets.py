"""What both servers of the till share: a threaded server on a unix socket that only its owner may open, running while
entered.

It waits in accept() and not in a polling loop: an idle till does nothing, and stopping takes no time.
"""

import os
import socket
import socketserver
import threading
import time
from typing import Self

AFTER_FAULT_S = 0.2  # accept() failed, out of descriptors perhaps: breathe, then go on


class OwnSocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves in a thread of its own from `__enter__` to `__exit__`; the socket file goes with it."""

    daemon_threads = True  # a client that keeps a connection open does not keep the till from stopping
    block_on_close = False
    request_queue_size = 32
    _open = True

    def server_bind(self) -> None:
        """Binds with mode 0600, before anybody could connect."""
        super().server_bind()
        os.chmod(str(self.server_address), 0o600)  # noqa: PTH101 (an address, not a path of ours)

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self.socket.shutdown(socket.SHUT_RDWR)  # ends accept()
        self.server_close()
        os.unlink(str(self.server_address))  # noqa: PTH108 (an address, not a path of ours)

    def _serve(self) -> None:
        while self._open:
            try:
                request, client = self.get_request()
            except OSError:
                if self._open:
                    time.sleep(AFTER_FAULT_S)
                continue
            if self.verify_request(request, client):
                self.process_request(request, client)
            else:
                self.shutdown_request(request)
