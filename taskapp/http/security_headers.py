"""Security headers of every response, those of gunicorn itself included.

After the OWASP REST Security Cheat Sheet and the OWASP Secure Headers Project. Left out is what only says again what
another header says (``X-Frame-Options``: ``frame-ancestors``), and what only pages need.
"""

from typing import Any

from taskapp.http.app import App, Headers

# Nothing here is a page, but for /docs, which has a policy of its own: if a browser shows a response as one,
# nothing in it runs, and nobody may frame it (Content Security Policy Level 3).
CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"
_FOR_ALL = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # What other origins may read, they read by CORS; an <img> or <script> of theirs gets nothing.
    "Cross-Origin-Resource-Policy": "same-origin",
}
# RFC 9111, section 5.2.2.5: responses are a user's own, or of the moment. No cache stores them.
_NOT_STORED = "no-store"
# Section 5.2.2.4: the user's own cache may store a response with an ETag, and revalidates it before each use. A
# browser then sends If-None-Match by itself; with no-store it would throw away what a 304 refers to.
_REVALIDATED = "private, no-cache"
# A year. Not includeSubDomains: other hosts are not this service's to decide about.
_HTTPS_ONLY = "max-age=31536000"

FOR_ERRORS = {**_FOR_ALL, "Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": _NOT_STORED}


def _protect(environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> Headers:
    yield from _FOR_ALL.items()
    present = {name for name, _ in headers}
    if "Content-Security-Policy" not in present:
        yield "Content-Security-Policy", CONTENT_SECURITY_POLICY
    if "Cache-Control" not in present:
        has_version = (
            "ETag" in present and environ["REQUEST_METHOD"] in ("GET", "HEAD") and status[:3] in ("200", "304")
        )
        yield "Cache-Control", _REVALIDATED if has_version else _NOT_STORED
    if environ["wsgi.url_scheme"] == "https":  # RFC 6797, section 7.2: never over plain HTTP. A trusted proxy says so.
        yield "Strict-Transport-Security", _HTTPS_ONLY


def init_app(app: App) -> None:
    """Add the headers to every response of the application; those that a response sets itself stay."""
    app.add_headers(_protect)
