"""An HTTP proxy on loopback that leads every tunnel to one port, wherever it was asked to go."""

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler

from tests.support.http_server import HttpServer, Quiet


class TunnelProxy(HttpServer):
    """Takes CONNECT requests.

    Args:
        port: the port on loopback that all tunnels lead to.

    Attributes:
        requests: the request lines.
    """

    def __init__(self, port):
        self.requests = requests = []

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_CONNECT(self):
                requests.append(self.requestline)
                self.send_response(200)
                self.end_headers()
                with socket.create_connection(("127.0.0.1", port)) as target:
                    back = threading.Thread(target=_copy, args=(target, self.connection), daemon=True)
                    back.start()
                    _copy(self.connection, target)
                    back.join()
                self.close_connection = True

        self.handler = Handler


def _copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
