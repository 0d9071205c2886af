"""Serves the example front end, and starts a service for it: ``make example``.

The page has an origin of its own, as most front ends have. The service allows it by ``CORS_ORIGINS``. It uses the same
database as ``make run``, which may be running meanwhile.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "examples" / "web"
# The port of the page. The service has the next one.
PORT = 8400
LAST_PORT = 65534
USER = "demo"
# What the files of the page call the service.
DEFAULT_URL = "http://127.0.0.1:8000"
SECONDS_TO_START = 120


class Page(SimpleHTTPRequestHandler):
    """The files of the page, in which the URL of the service is replaced.

    Args:
        service: the URL of the service, without a slash at its end.
    """

    def __init__(self, *arguments: Any, service: str) -> None:
        self._service = service  # First, because the constructor handles the request.
        super().__init__(*arguments, directory=FOLDER)

    def do_GET(self) -> None:
        """Send a file. Only the page itself names the service."""
        if self.path.split("?")[0] not in {"/", "/index.html"}:
            super().do_GET()
            return
        body = (FOLDER / "index.html").read_text(encoding="utf-8").replace(DEFAULT_URL, self._service).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        """Let no other page embed this one, and let browsers look for changed files."""
        self.send_header("Content-Security-Policy", "frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the terminal for the messages of the service."""


def main() -> None:
    """Serve the page and the service until Ctrl-C.

    Raises:
        SystemExit: a port is taken or invalid, or the service does not start.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # Whatever ends this program ends the service too.
    port = read_port()
    environment = settings(port)
    for each in (port, port + 1):
        check_free(each)
    with contextlib.suppress(KeyboardInterrupt), service(environment) as process:
        wait_until_ready(process, port + 1)
        url = f"http://127.0.0.1:{port + 1}"
        with ThreadingHTTPServer(("127.0.0.1", port), partial(Page, service=url)) as server:
            print(f"\nOpen   http://127.0.0.1:{port}/{token_fragment(environment)}")
            print(f"API    {url}/api/{USER}/tasks\nFiles  {FOLDER}\n\nStop with Ctrl-C.", flush=True)
            server.serve_forever()


def read_port() -> int:
    """Return the port of the page."""
    text = os.environ.get("EXAMPLE_PORT") or str(PORT)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= LAST_PORT):
        sys.exit(f"EXAMPLE_PORT must be a whole number from 1 to {LAST_PORT}.")
    return int(text)


def settings(port: int) -> dict[str, str]:
    """Return the environment of the service: that of ``make run``, and the origins of the page on this port."""
    origins = f"http://127.0.0.1:{port},http://localhost:{port}"
    own = {"HOST": "127.0.0.1", "PORT": str(port + 1), "SCRIPT_NAME": "", "CORS_ORIGINS": origins}
    return {"LOG_LEVEL": "warning", **os.environ, **own, "MIGRATE_ON_START": "true"}


def check_free(port: int) -> None:
    """Exit with a sentence if a port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            sys.exit(
                f"The example cannot listen on 127.0.0.1 port {port}: {error.strerror}. If another 'make example' is "
                "running, open its page. Or choose another port, such as EXAMPLE_PORT=8500, which takes 8501 too."
            )


@contextlib.contextmanager
def service(environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the service until the end of the context, without its banner, which would be a second list of URLs."""
    command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait for the service. Exit if it ends; it has printed the reason."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit("The service of the example did not start. Its reason is above.")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == HTTPStatus.OK:
                return
        time.sleep(0.1)
    sys.exit(f"The service of the example is not ready after {SECONDS_TO_START} seconds.")


def token_fragment(environment: Mapping[str, str]) -> str:
    """Return the fragment of the URL. If tokens come from an issuer, it is empty, and the page asks for one."""
    command = [sys.executable, "-m", "flask", "token", USER, "--expires-in", "7d"]
    result = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    return f"#token={result.stdout.strip()}" if result.returncode == 0 else ""


if __name__ == "__main__":
    main()
