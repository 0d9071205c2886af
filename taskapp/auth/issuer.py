"""Fetches the key set of an issuer over HTTP, with bounds on its time and its size.

PyJWT's client bounds neither: a timeout of ``urllib`` holds for each read, and the whole response is read into memory.
Proxies in the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) are used, as ``urllib`` does.
"""

import http.client
import io
import json
import socket
import ssl
import time
import urllib.request
import zlib
from email.message import Message
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError

from taskapp.http.version import VERSION

# In seconds: for each attempt to connect, for the TLS handshake, and for the complete response.
TIMEOUT = 3
# The maximum size of a key set. A set of 100 RSA keys has some 50 KB, or 200 KB with certificates.
MAXIMUM_BYTES = 1024 * 1024
# Firewalls reject the User-Agent of Python's urllib.
_HEADERS = {"User-Agent": f"taskapp/{VERSION}", "Accept": "application/jwk-set+json, application/json"}
# Client errors that may pass: too slow, too early, too often.
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
# The name does not exist, or has no address. Without a DNS server, the error is another one.
_UNKNOWN_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_CORRECT_URL = "Correct JWT_JWKS_URL."
_CERTIFICATE = "Correct its certificate, or name the file of its authority in SSL_CERT_FILE."
_REDIRECT = "Redirects are not followed. Set JWT_JWKS_URL to the final URL."


class FetchFailed(Exception):
    """The key set could not be fetched, or cannot be used.

    Args:
        problem: what happened, as the part of a sentence.
        remedy: what the operator should do; None if the problem may pass by itself.
    """

    def __init__(self, problem: str, remedy: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class KeySetResponse(NamedTuple):
    """A response of the issuer.

    Attributes:
        document: its JSON value.
        source: its status and content type, for the log.
    """

    document: Any
    source: str


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a deadline that covers all reads."""

    def __init__(self, connection: socket.socket, raw: io.RawIOBase) -> None:
        self._connection = connection
        self._raw = raw
        self._deadline = time.monotonic() + TIMEOUT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._connection.settimeout(remaining)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """A response whose head and body must arrive within TIMEOUT, in however many parts."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp: Any = io.BufferedReader(_TimedReader(sock, self.fp.detach()))


class _HTTPConnection(http.client.HTTPConnection):
    response_class = _TimedResponse


class _HTTPSConnection(http.client.HTTPSConnection):
    response_class = _TimedResponse


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPConnection, request)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPSConnection, request, context=ssl.create_default_context())


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes every redirect an error. Keys come from the configured URL only."""

    def redirect_request(self, *_: Any) -> None:
        return None


def fetch_key_set(url: str) -> KeySetResponse:
    """Fetch a JSON document.

    Args:
        url: its HTTP or HTTPS URL.

    Raises:
        FetchFailed: the issuer is unreachable, or did not return JSON.
    """
    opener = urllib.request.build_opener(_HTTPHandler, _HTTPSHandler, _NoRedirects)
    try:
        with opener.open(urllib.request.Request(url, headers=_HEADERS), timeout=TIMEOUT) as response:  # noqa: S310
            source = _describe(response.status, response.headers)
            body = _read(response, source)
    except HTTPError as error:
        error.close()
        raise _rejected(error) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(error) from None
    try:
        return KeySetResponse(json.loads(body), source)
    except (ValueError, RecursionError):
        raise FetchFailed(f"the response is not JSON ({source})", _CORRECT_URL) from None


def _describe(status: int, headers: Message) -> str:
    content_type = headers.get("Content-Type", "").partition(";")[0].strip()
    return f"HTTP {status}, {content_type[:100] or 'no content type'}"


def _read(response: http.client.HTTPResponse, source: str) -> bytes:
    """Return the body of a response, decompressed: some servers compress although no encoding was asked for."""
    body = response.read(MAXIMUM_BYTES + 1)
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding == "gzip":
        try:
            # 16 selects the format of gzip.
            body = zlib.decompressobj(zlib.MAX_WBITS + 16).decompress(body, MAXIMUM_BYTES + 1)
        except zlib.error:
            raise FetchFailed(f"the response is not valid gzip ({source})") from None
    elif encoding != "identity":
        raise FetchFailed(f"the response is compressed as {encoding[:20]} ({source})", "Have the issuer send JSON.")
    if len(body) > MAXIMUM_BYTES:
        raise FetchFailed(f"the response exceeds 1 MiB ({source})", _CORRECT_URL)
    if response.length:  # Of the bytes that Content-Length announced, some are missing.
        raise FetchFailed(f"the response is incomplete ({source})")
    return body


def _rejected(error: HTTPError) -> FetchFailed:
    problem = f"the issuer responded with {_describe(error.code, error.headers)}"
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code in _PASSING:
        return FetchFailed(problem)
    if error.code < HTTPStatus.BAD_REQUEST:
        return FetchFailed(problem, _REDIRECT)
    return FetchFailed(problem, "Correct JWT_JWKS_URL, or have the issuer admit this host.")


def _unreachable(error: Exception) -> FetchFailed:
    """Return the failure for an error of the connection. Its text never has the URL, which may contain a secret."""
    cause = error.reason if isinstance(error, URLError) else error
    remedy = None
    match cause:
        case ssl.SSLCertVerificationError():
            problem, remedy = f"the issuer's certificate is not trusted: {cause.verify_message}", _CERTIFICATE
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | http.client.RemoteDisconnected():
            problem = "the issuer closed the connection"
        case ssl.SSLError():
            problem, remedy = f"TLS failed: {cause.reason}", _CORRECT_URL
        case socket.gaierror() if cause.errno in _UNKNOWN_HOST:
            problem, remedy = "the issuer's host name is unknown", "Correct JWT_JWKS_URL, or the DNS of this host."
        case http.client.InvalidURL() | ValueError():
            problem, remedy = "the URL is invalid", _CORRECT_URL
        case TimeoutError():
            problem = f"no complete response within {TIMEOUT} seconds"
        case http.client.HTTPException():
            problem = f"the response is not valid HTTP: {type(cause).__name__}"
        case OSError(strerror=str(text)):
            problem = text
        case _:
            problem = str(cause)[:200] or type(cause).__name__
    return FetchFailed(problem, remedy)
