"""A proxy on loopback between a client and the service that loses responses."""

import http.client
from contextlib import closing
from http.server import BaseHTTPRequestHandler

from tests.support.http_server import HttpServer, Quiet

# They are about one connection (RFC 9110, section 7.6.1).
OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding"}


class LossyProxy(HttpServer):
    """Forwards requests to a port. The first successful response to each write with an Idempotency-Key is lost.

    Attributes:
        statuses: those of all responses of the service, in order.
        lost: the keys of the writes whose response was lost.
        unsafe: methods and paths of writes without a key.
    """

    def __init__(self, port):
        self.statuses, self.lost, self.unsafe = [], set(), []
        proxy = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                    connection.request(self.command, self.path, body, dict(self.headers))
                    response = connection.getresponse()
                    content = response.read()
                if not proxy.loses(self, response.status):
                    self.respond(response, content)

            def respond(self, response, content):
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in OF_THE_CONNECTION:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.forward)
        self.handler = Handler

    def loses(self, request, status):
        """Record a response, and return whether it is to be lost."""
        self.statuses.append(status)
        key = request.headers["Idempotency-Key"]
        if request.command != "GET" and not key:
            self.unsafe.append((request.command, request.path))
        if request.command == "GET" or not key or status >= 400 or key in self.lost:
            return False
        self.lost.add(key)
        return True
