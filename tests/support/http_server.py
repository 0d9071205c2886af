"""A small HTTP server on loopback, in this process."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Quiet:
    """Stops a handler from logging."""

    def log_message(self, *_):
        pass


class HttpServer:
    """Serves requests by handlers of a class, until the end of the context.

    Attributes:
        url: where, without a slash at its end.
    """

    handler = BaseHTTPRequestHandler

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
